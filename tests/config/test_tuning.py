"""Recipes in the configuration: what a method has of its own, and what is searched."""

import copy
import json

import pytest

from rungs.config import Run, load_study
from rungs.config.study import Study
from rungs.config.training import RateFactors
from rungs.config.tuning import TrainingChanges, nearest_size, recipe_name
from rungs.errors import StudyError

CRYSTALS = {"kind": "crystals", "labels": "0.3.0"}
STUDY = {
    "study": "s",
    "title": "t",
    "source": {"label": "a", "functional": "a", "data": CRYSTALS},
    "target": {"label": "b", "functional": "b", "data": CRYSTALS},
    "subsets": {"sizes": [0, 10, 30, 100, 1000], "seeds": [3, 4]},
    "pretraining": {"initial": "0.3.0", "training": None},
    "fine_tuning": {"updates": 100, "epochs": 50, "weights": {"energy": 7}},
    "methods": {
        "scratch": {"initial": "random", "reference": "target"},
        "trained": {"initial": "pretrained", "reference": "source", "train_reference": True},
        "as_it_is": {"initial": "pretrained", "reference": "target", "sizes": [0]},
    },
    "tuning": {
        "search": {"learning_rate": [1e-3, 1e-2], "references_first": [0.0, 0.1]},
        "sizes": [10, 100],
    },
}


def changed(where: str, value) -> dict:
    study = copy.deepcopy(STUDY)
    *path, key = where.split(".")
    section = study
    for name in path:
        section = section.setdefault(name, {})
    section[key] = value
    return study


def test_trials_are_every_combination_where_a_method_runs():
    study = load_study(STUDY)
    assert study.tuned_methods == ["scratch", "trained"]
    of_scratch = [t for t in study.trials if t.method == "scratch"]
    # references are trained by one method only, so their phase is searched for that alone
    assert [(t.size, t.seed, t.recipe) for t in of_scratch] == [
        (size, 3, f"learning_rate-{rate}") for size in (10, 100) for rate in ("0.001", "0.01")
    ]
    assert len(study.trials) == 4 + 8
    assert study.trials_of("as_it_is", 0) == []
    assert {t.size for t in study.trials_of("scratch", 1000)} == {100}
    assert study.trials_of("scratch", 30)[0].size == 10  # nearer in the logarithm


def test_the_nearest_size_is_so_in_the_logarithm():
    assert nearest_size(30, [10, 100]) == 10
    assert nearest_size(40, [10, 100]) == 100
    assert nearest_size(32, [1000, 10, 100]) == 100
    assert nearest_size(20, [10, 40]) == 10  # as near to both


def test_a_recipe_changes_what_it_names_and_nothing_else():
    study = load_study(
        changed("methods.scratch.training", {"weights": {"force": 2}, "clip_gradient_norm": None})
    )
    training = study.training_of("scratch", 10)
    assert (training.weights.energy, training.weights.force) == (7, 2)
    assert training.clip_gradient_norm is None
    assert study.training_of("trained", 10) == study.fine_tuning
    changes = study.recipes("scratch")["learning_rate-0.01"]
    assert changes.of(training) == training.model_copy(update={"learning_rate": 0.01})
    # only what is given is written, so that it can be read again
    told = json.loads(json.dumps(study.model_dump(mode="json")))
    assert told["methods"]["scratch"]["training"] == {
        "weights": {"force": 2.0},
        "clip_gradient_norm": None,
    }
    assert Study.model_validate(told) == study


def test_factors_are_exchanged_as_a_whole():
    """So that `{}` in a search is all parts alike, whatever `fine_tuning` has."""
    training = load_study(STUDY).fine_tuning
    slower = TrainingChanges(learning_rate_factors=RateFactors(embeddings=0.1)).of(training)
    assert slower.learning_rate_factors.embeddings == 0.1
    other = TrainingChanges(learning_rate_factors=RateFactors(readout=2)).of(slower)
    assert other.learning_rate_factors == RateFactors(readout=2)
    assert TrainingChanges(learning_rate_factors=RateFactors()).of(slower) == training


def test_a_recipe_by_size_is_that_of_the_nearest():
    by_size = {10: {"learning_rate": 3e-3}, 1000: {"learning_rate": 1e-4, "epochs": 5}}
    study = changed("methods.scratch", STUDY["methods"]["scratch"] | {"training_by_size": by_size})
    del study["tuning"]
    study["methods"]["scratch"]["training"] = {"batch_size": 4, "epochs": 7}
    study = load_study(study)
    found = {n: study.training_of("scratch", n) for n in (10, 30, 100, 1000)}
    assert [t.learning_rate for t in found.values()] == [3e-3, 3e-3, 3e-3, 1e-4]
    assert [t.epochs for t in found.values()] == [7, 7, 7, 5]
    assert {t.batch_size for t in found.values()} == {4}
    told = json.loads(json.dumps(study.model_dump(mode="json")))  # keys are texts there
    assert Study.model_validate(told) == study


def test_names_of_recipes_tell_what_is_changed():
    factors = RateFactors(embeddings=0.1, readout=3)
    changes = TrainingChanges(learning_rate_factors=factors, learning_rate=3e-4)
    assert (
        recipe_name(changes) == "learning_rate-0.0003_learning_rate_factors-embeddings0.1-readout3"
    )
    even = TrainingChanges(learning_rate=3e-4, learning_rate_factors=RateFactors())
    assert recipe_name(even) == "learning_rate-0.0003_learning_rate_factors-1"


def test_references_first_is_for_methods_that_train_them():
    study = changed("fine_tuning.references_first", 0.1)
    del study["tuning"]
    study = load_study(study)
    assert study.training_of("trained", 10).references_first == 0.1
    assert study.training_of("scratch", 10).references_first == 0.0


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("tuning.sizes", [50], r"tuning.sizes has \[50\], which subsets.sizes lacks"),
        ("tuning.sizes", [], "tuning.sizes: .*at least 1"),
        ("tuning.sizes", [0], "tuning.sizes.0: .*greater than 0"),
        ("tuning.seeds", [9], r"tuning.seeds has \[9\], which subsets.seeds lacks"),
        ("tuning.methods", ["nobody"], r"tuning.methods has \['nobody'\], which methods lacks"),
        ("tuning.methods", ["as_it_is"], "tuning: as_it_is has no run at any of tuning.sizes"),
        ("tuning.search.learning_rate", [], "tuning.search.learning_rate: .*at least 1"),
        ("tuning.search.learning_rate", [-1e-3], "learning_rate.0: .*greater than 0"),
        ("tuning.search.learning_rate", [1e-3, 1e-3], "has a value twice"),
        ("tuning.search.learning_rates", [1e-3], "unknown key; did you mean 'learning_rate'"),
        ("split.validation", 0, "tuning needs validation frames .*split.validation is 0"),
        (
            "methods.scratch.training",
            {"learning_rate": 1e-3},
            "methods.scratch.training.learning_rate is given and tuning.search searches for it",
        ),
        (
            "methods.as_it_is.training",
            {"epochs": 5},
            "methods.as_it_is.training has epochs, but the method trains nothing",
        ),
        (
            "methods.scratch.training",
            {"references_first": 0.1},
            "methods.scratch.training: references_first .* need `train_reference: true`",
        ),
        (
            "methods.scratch.training",
            {"updates": None, "epochs": None},
            "methods.scratch.training: give a budget",
        ),
        (
            "methods.scratch.training_by_size",
            {10: {"learning_rate": 1e-3}},
            "methods.scratch.training.learning_rate is given and tuning.search searches",
        ),
        ("methods.scratch.training_by_size", {0: {"epochs": 1}}, "greater than 0"),
        ("methods.scratch.training", {"epoch": 5}, "methods.scratch.training.epoch: unknown key"),
    ],
)
def test_what_cannot_be_is_told_with_its_key(where, value, message):
    with pytest.raises(StudyError, match=message):
        load_study(changed(where, value))


def test_a_study_without_the_section_searches_nothing():
    study = copy.deepcopy(STUDY)
    del study["tuning"]
    study = load_study(study)
    assert (study.trials, study.tuned_methods) == ([], [])
    assert study.trials_of("scratch", 10) == []
    assert study.runs[0] == Run("scratch", 10, 3)
