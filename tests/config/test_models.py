"""Models as an axis: one method for each model, networks, graphs and pretrainings of each."""

import copy

import pytest
import yaml

from rungs.config import load_study
from rungs.config.first_look import remarks
from rungs.errors import StudyError


@pytest.fixture(scope="module")
def tiny(repository):
    return yaml.safe_load((repository / "tests/studies/tiny_models.yaml").read_text())


@pytest.fixture
def values(tiny):
    return copy.deepcopy(tiny)


def test_a_method_stands_for_one_with_each_model(values):
    study = load_study(values)
    assert list(study.methods) == [
        *("scratch_small", "scratch_wide", "scratch_mace"),
        *("transfer_small", "transfer_wide", "transfer_mace"),
        *("residual", "replay", "delta_small", "delta_mace", "adapters"),
    ]
    assert study.methods["scratch_wide"].model == "wide"
    assert study.strategy("scratch_wide") == "scratch"
    assert study.strategy("residual") == "residual"
    assert study.network_of("transfer_mace").kind == "mace"
    assert study.baselines["transfer_mace"] == study.baselines["residual"] == "scratch_mace"
    assert study.baselines["transfer_wide"] == study.baselines["scratch_wide"] == "scratch_wide"


def test_what_was_understood_is_understood_again(values):
    study = load_study(values)
    assert load_study(study.model_dump(mode="json")) == study


def test_graphs_are_shared_where_cutoffs_agree(values):
    study = load_study(values)
    assert study.graphs_of("scratch_small") == study.graphs_of("transfer_wide") == "target-small"
    assert study.graphs_of("scratch_mace", "source") == "source-mace"
    assert list(study.graph_sets) == ["-small", "-mace"]
    values["models"]["mace"]["architecture"] |= {"r_max": 4.0}
    # a MACE has no angles, so its graphs are others all the same
    assert list(load_study(values).graph_sets) == ["-small", "-mace"]
    del values["models"]["mace"]
    for name in ("residual", "delta", "adapters"):
        values["methods"].pop(name)
    values.pop("properties")
    values["simulations"]["methods"] = ["transfer_small"]
    assert list(load_study(values).graph_sets) == [""]


def test_each_model_has_its_pretraining_and_its_recipe(values):
    study = load_study(values)
    assert list(study.pretrainings) == ["pretrained-small", "pretrained-wide", "pretrained-mace"]
    assert study.pretraining_of("transfer_mace") == "pretrained-mace"
    assert study.training_of("transfer_mace", 8).learning_rate == 5e-3
    assert study.training_of("transfer_small", 8).learning_rate == 1e-3
    values["methods"]["transfer"]["training"] = {"learning_rate": 0.1}
    # what a method changes comes on top of what its model does
    assert load_study(values).training_of("transfer_mace", 8).learning_rate == 0.1
    own = {"initial": "random", "training": {"updates": 3}}
    values["models"]["wide"]["pretraining"] = own
    study = load_study(values)
    networks = {n.name: n.pretraining.training.updates for n in study.networks}
    assert networks == {"small": 10, "wide": 3, "mace": 10}
    sections = [section for _, section, _ in study.trainings]
    assert "models.wide.pretraining.training" in sections
    assert "pretraining.training" in sections


def test_smaller_pretrainings_are_of_their_model(values):
    values["methods"]["transfer"]["pretraining_size"] = 5
    study = load_study(values)
    assert study.pretraining_of("transfer_mace") == "pretrained-mace_5"
    network, size = study.pretrainings["pretrained-mace_5"]
    assert (network.name, size) == ("mace", 5)
    assert study.pretrainings["pretrained-wide"][1] is None


def test_models_of_a_kind_that_differ_in_size_are_a_family(values):
    families = load_study(values).size_families
    assert families == {
        ("chgnet", "scratch"): ["scratch_small", "scratch_wide"],
        ("chgnet", "transfer"): ["transfer_small", "transfer_wide"],
    }
    values["models"]["wide"]["architecture"] |= {"atom_graph_cutoff": 4.5}
    assert not load_study(values).size_families


def test_a_study_without_models_has_one_network(repository):
    values = yaml.safe_load((repository / "tests/studies/tiny.yaml").read_text())
    study = load_study(values)
    (network,) = study.networks
    assert (network.name, network.suffix, network.key) == (None, "", "")
    assert study.graphs_of("scratch") == "target"
    assert study.main_pretraining == "pretrained"
    assert set(study.pretrainings) == {"pretrained", "pretrained_10"}
    assert not study.size_families


def test_an_architecture_alone_may_be_a_mace(values):
    values["architecture"] = values.pop("models")["mace"]["architecture"]
    for method in values["methods"].values():
        method.pop("model", None)
    values.pop("properties")
    values["simulations"]["methods"] = ["transfer"]
    study = load_study(values)
    assert study.networks[0].kind == "mace"
    assert study.graphs_of("scratch") == "target"


def test_one_of_several_models_keeps_the_method_s_name(values):
    values["methods"]["scratch"]["model"] = ["wide"]
    values["methods"]["transfer"]["model"] = ["wide", "mace"]
    values["properties"]["methods"] = ["transfer_mace"]
    values["simulations"]["methods"] = ["transfer_mace"]
    study = load_study(values)
    assert list(study.methods)[:4] == ["scratch", "transfer_wide", "transfer_mace", "residual"]
    assert study.strategy("scratch") == "scratch"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda v: v.update(architecture=v["models"]["small"]["architecture"]),
            "move architecture to models.NAME.architecture, for instance",
        ),
        (
            lambda v: v["methods"]["residual"].update(model="other"),
            "methods.residual.model is other; there is small, wide, mace",
        ),
        (
            lambda v: v["models"]["wide"].pop("architecture"),
            "models.wide.pretraining.initial: random needs the section models.wide.architecture",
        ),
        (
            lambda v: v["methods"]["residual"].update(freeze=["bond_embedding"]),
            "methods.residual.freeze has bond_embedding, which a network of kind mace does not",
        ),
        (
            lambda v: v["methods"]["transfer"].update(freeze=["atom_convolutions"]),
            "methods.transfer_mace.freeze has atom_convolutions",
        ),
        (
            lambda v: v["methods"].update(scratch_mace=v["methods"]["scratch"]),
            "would be called scratch_mace, as another method is",
        ),
        (
            lambda v: v["models"]["mace"]["architecture"].update(kind="m3gnet"),
            "m3gnet",
        ),
        (
            lambda v: v["models"]["mace"]["architecture"].update(atom_fea_dim=8),
            "atom_fea_dim",
        ),
        (
            lambda v: v["models"]["mace"]["architecture"].update(max_ell=0),
            "max_ell",
        ),
        (
            lambda v: v["models"]["mace"].update(
                pretraining={"initial": "0.3.0", "training": None}
            ),
            "models.mace.architecture is that of models.mace.pretraining.initial",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence_with_the_key(values, change, words):
    change(values)
    with pytest.raises(StudyError) as error:
        load_study(values)
    assert words in str(error.value)


def test_models_without_a_section_are_told_where_to_put_them(values):
    values.pop("models")
    values["architecture"] = {"kind": "mace"}
    with pytest.raises(StudyError, match="there is none: the study has no section models"):
        load_study(values)


def test_no_kind_is_ranked_on_labels_of_its_own(values, repository):
    assert load_study(values).judged_by_its_own_kind is None
    crystals = yaml.safe_load((repository / "tests/studies/tiny.yaml").read_text())
    values |= {level: crystals[level] for level in ("source", "target")}
    values.pop("properties")
    for method in values["methods"].values():
        method.pop("copy_embedding", None)
    study = load_study(values)
    assert "does not rank CHGNet against others" in study.judged_by_its_own_kind
    assert study.judged_by_its_own_kind in remarks(study)
    values["models"].pop("mace")
    for name in ("residual", "delta", "adapters"):
        values["methods"].pop(name)
    values["simulations"]["methods"] = ["transfer_small"]
    assert load_study(values).judged_by_its_own_kind is None
