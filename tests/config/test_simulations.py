"""The section `simulations`: what is refused, and which runs are simulated."""

import pytest
import yaml

from rungs.config import load_study
from rungs.errors import StudyError


@pytest.fixture
def values(repository):
    study = yaml.safe_load((repository / "tests/studies/tiny.yaml").read_text())
    del study["properties"]  # some of them read the simulations
    return study


def with_simulations(values, **section):
    return load_study(values | {"simulations": {"temperatures": [300]} | section})


def test_none_by_default(values):
    del values["simulations"]
    study = load_study(values)
    assert study.simulations is None
    assert study.simulated_points == {}


def test_all_points_or_some(values):
    assert with_simulations(values).simulated_points == load_study(values).points
    some = with_simulations(values, methods=["scratch", "target_reference"], sizes=[0, 12])
    assert list(some.simulated_points) == [
        ("scratch", 12),
        ("target_reference", 0),
        ("target_reference", 12),
    ]
    assert some.simulated_points["scratch", 12] == [0, 1]


def test_steps(values):
    found = with_simulations(values, duration=1.0, timestep=4, thermalisation=0.1).simulations
    assert (found.steps, found.sampling_steps) == (250, 5)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"methods": ["nobody"]}, r"simulations.methods has \['nobody'\], which methods lacks"),
        ({"sizes": [13]}, r"simulations.sizes has \[13\], which no run has"),
        ({"sizes": [0], "methods": ["scratch"]}, "have no run in common"),
        ({"duration": 1.0}, "thermalisation must be shorter than duration"),
        ({"sampling_interval": 0.001}, "must not be shorter than timestep"),
        ({"temperatures": [300, 300.0]}, "temperatures must not repeat"),
        ({"temperatures": []}, "temperatures"),
        ({"temperatures": [-5]}, "greater than 0"),
        ({"criteria": {"temperature_factor": 1}}, "greater than 1"),
        (
            {"starts": {"groups": ["a"], "crystal": {"element": "Ge", "lattice_constant": 5.6}}},
            "groups are those of test frames",
        ),
        ({"starts": {"cristal": {}}}, "did you mean 'crystal'"),
    ],
)
def test_what_is_refused(values, section, words):
    with pytest.raises(StudyError, match=words):
        with_simulations(values, **section)


def test_a_method_called_reference(values):
    values["methods"]["reference"] = values["methods"]["scratch"]
    with pytest.raises(StudyError, match="give the method another"):
        with_simulations(values)
    del values["simulations"]
    assert load_study(values).runs
