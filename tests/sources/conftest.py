"""Levels and files to test sources with."""

import pytest

from rungs.config.data import Level
from rungs.config.sources import ExtendedXYZ

DECLARED = {
    "kind": "extended_xyz",
    "train": ["train.xyz"],
    "energy_key": "energy",
    "energy_unit": "eV",
    "forces_key": "forces",
    "forces_unit": "eV/Å",
    "stress_key": None,
}
STRESS = {
    "stress_key": "stress",
    "stress_unit": "eV/Å³",
    "stress_sign": "tension_positive",
}


@pytest.fixture
def declare():
    """A function that gives a level of extended-XYZ files with some options changed."""

    def make(**options) -> Level:
        return Level(
            label="GGA", functional="PBE", data=ExtendedXYZ.model_validate(DECLARED | options)
        )

    return make


@pytest.fixture
def with_stress(declare):
    return lambda **options: declare(**(STRESS | options))
