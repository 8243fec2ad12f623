"""What the answer says of recipes."""

import copy

import pytest

from rungs.config import load_study
from rungs.records.recipe_words import recipe_words

CRYSTALS = {"kind": "crystals", "labels": "0.3.0"}
STUDY = {
    "study": "s",
    "title": "t",
    "source": {"label": "a", "functional": "a", "data": CRYSTALS},
    "target": {"label": "b", "functional": "b", "data": CRYSTALS},
    "subsets": {"sizes": [10, 1000], "seeds": [0]},
    "pretraining": {"initial": "0.3.0", "training": None},
    "fine_tuning": {"updates": 100},
    "methods": {
        "scratch": {"initial": "random", "reference": "target"},
        "transfer": {"initial": "pretrained", "reference": "target"},
    },
}
OWN = {"training": {"learning_rate": 1e-3}}
RATES = {"search": {"learning_rate": [1e-3, 3e-3]}, "sizes": [10, 1000]}


@pytest.mark.parametrize(
    ("methods", "tuning", "words"),
    [
        ({}, None, "all methods share one recipe, which was tuned for none"),
        (
            {"transfer": OWN},
            None,
            "transfer has a recipe of its own, as the configuration gives it",
        ),
        (
            {"transfer": OWN, "scratch": {"training_by_size": {10: {"epochs": 3}}}},
            None,
            "each method has a recipe of its own, as the configuration gives it",
        ),
        (
            {},
            RATES,
            "the learning rate of each method was chosen on validation frames, at 10 and 1,000 "
            "frames",
        ),
        (
            {"transfer": OWN},
            RATES | {"methods": ["scratch"], "sizes": [10]},
            "the learning rate of scratch was chosen on validation frames, at 10 frames",
        ),
    ],
)
def test_the_clause_says_what_was_tuned(methods, tuning, words):
    study = copy.deepcopy(STUDY)
    for name, changes in methods.items():
        study["methods"][name] |= changes
    if tuning:
        study["tuning"] = tuning
    assert recipe_words(load_study(study)) == words


def test_of_one_method_it_is_short():
    study = copy.deepcopy(STUDY)
    del study["methods"]["scratch"]
    assert recipe_words(load_study(study)) == "its recipe was not tuned"
