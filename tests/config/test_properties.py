"""The section `properties`: what is refused, and which runs it asks for."""

import copy

import pytest
import yaml

from rungs.config import load_study
from rungs.errors import StudyError


@pytest.fixture
def values(repository):
    study = yaml.safe_load((repository / "config/si_to_ge.yaml").read_text(encoding="utf-8"))
    study.pop("simulations", None)
    study["properties"] = {"calculate": ["equation_of_state", "phonons"]}
    return study


def changed(values, **properties):
    study = copy.deepcopy(values)
    study["properties"] |= properties
    return study


def test_all_runs_by_default_and_none_without_the_section(values):
    study = load_study(values)
    assert study.property_points == study.points
    assert study.properties.static == ["equation_of_state", "phonons"]
    assert study.properties.dynamic == []
    del values["properties"]
    assert load_study(values).property_points == {}


def test_methods_and_sizes_choose(values):
    study = load_study(changed(values, methods=["scratch"], sizes=[10, 50]))
    assert list(study.property_points) == [("scratch", 10), ("scratch", 50)]


NUMBER = {"value": 59.1, "unit": "GPa", "source": "a publication"}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"calculate": []}, "at least 1 item"),
        ({"calculate": ["phonons", "phonons"]}, "phonons: named more than once"),
        ({"calculate": ["phonon"]}, "calculate"),
        ({"methods": ["mine"]}, r"properties\.methods has \['mine'\]"),
        ({"sizes": [7]}, r"properties\.sizes has \[7\]"),
        ({"sizes": [0], "methods": ["scratch"]}, "no run in common"),
        ({"calculate": ["radial_distribution"]}, "need the section simulations"),
        (
            {"reference_values": {"bulk_modulus": NUMBER | {"unit": "kbar"}}},
            "give the value in GPa",
        ),
        ({"reference_values": {"bulk_modulus": {"value": 1, "unit": "GPa"}}}, "source"),
        ({"reference_values": {"band_gap": NUMBER}}, "band_gap"),
        ({"crystal": {"structure": "diamond"}}, "give `element`, or `file`"),
        ({"crystal": {"file": "a.cif", "element": "Ge"}}, "remove the other keys"),
        ({"volume_strain": 0.2}, "volume_strain"),
    ],
)
def test_what_cannot_be_is_refused_with_words(values, properties, message):
    with pytest.raises(StudyError, match=message):
        load_study(changed(values, **properties))


def test_motion_needs_the_same_simulations(values):
    values["simulations"] = {"temperatures": [300], "sizes": [10]}
    motion = changed(values, calculate=["radial_distribution"])
    with pytest.raises(StudyError, match="is not simulated"):
        load_study(motion)
    motion["properties"]["sizes"] = [10]
    assert {size for _, size in load_study(motion).property_points} == {10}


def test_a_classical_target_is_its_own_reference(values):
    values["target"] = {
        "label": "germanium",
        "functional": "Stillinger-Weber",
        "data": {
            "kind": "classical_md",
            "potential": "stillinger_weber",
            "element": "Ge",
            "solid": {"temperatures": [300]},
        },
    }
    load_study(values)
    with pytest.raises(StudyError, match="own potential is the reference"):
        load_study(changed(values, reference_values={"bulk_modulus": NUMBER}))
