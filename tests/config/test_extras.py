"""Which extras of the package a configuration asks for, and that it says by which line."""

import pytest
import yaml

from rungs.config import load_study, read_study
from rungs.config.extras import extras_of


@pytest.fixture
def values(repository):
    return yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))


def extras(values, **changes):
    return extras_of(load_study(values | changes))


def test_the_default_study_needs_none(values):
    assert extras(values) == {}


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("gga_to_r2scan", set()),
        ("materials_project", {"materials-project"}),
        ("pretraining_size", set()),
        ("sampling", {"diverse"}),
        ("si_to_ge", {"properties"}),
    ],
)
def test_studies_of_the_project(repository, name, needed):
    assert set(extras_of(read_study(repository / f"config/{name}.yaml"))) == needed


def test_diverse_subsets(values):
    subsets = values["subsets"] | {"sampling": "diverse"}
    assert extras(values, subsets=subsets) == {"diverse": "subsets.sampling: diverse"}
    methods = values["methods"] | {
        "apart": {"initial": "random", "reference": "target", "sampling": "diverse"}
    }
    assert extras(values, methods=methods) == {"diverse": "methods.apart.sampling: diverse"}


@pytest.mark.parametrize("level", ["source", "target"])
def test_downloads(values, repository, level):
    download = yaml.safe_load((repository / "config/materials_project.yaml").read_text())
    asked_by = f"{level}.data.kind: mp_api"
    assert extras(values, **{level: download[level]}) == {"materials-project": asked_by}


def test_properties_at_rest_need_packages_and_those_of_motion_do_not(values):
    """The latter are computed here, from trajectories."""
    crystal = {"element": "Na"}
    at_rest = {"calculate": ["phonons", "elastic"], "crystal": crystal}
    assert extras(values, properties=at_rest) == {"properties": "properties.calculate: phonons"}
    motion = {"calculate": ["radial_distribution"], "crystal": crystal}
    simulations = {"temperatures": [300], "duration": 5.0}
    assert extras(values, properties=motion, simulations=simulations) == {}


def test_tracking(values):
    assert extras(values, tracking={"tensorboard": True}) == {
        "tensorboard": "tracking.tensorboard: true"
    }
    assert extras(values, tracking={"tensorboard": False}) == {}
