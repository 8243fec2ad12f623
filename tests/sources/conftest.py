"""Levels and files to test sources with."""

import dataclasses
import re

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from rungs.config.data import Level
from rungs.config.sources import ExtendedXYZ
from rungs.frames.frame import VOIGT, Frame
from rungs.sources import read_source

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


def document(frame: Frame, **fields) -> dict:
    """A frame as MPtrj writes it, with MP2020-like corrections, without those fields set to ...."""
    structure = Structure(
        Lattice(frame.cell), frame.atomic_numbers, frame.cart_coords, coords_are_cartesian=True
    )
    corrected = frame.energy - 0.1 * frame.n_atoms
    whole = {
        "structure": structure.as_dict(),
        "uncorrected_total_energy": frame.energy,
        "corrected_total_energy": corrected,
        "energy_per_atom": corrected / frame.n_atoms,
        "e_per_atom_relaxed": corrected / frame.n_atoms - 0.01,
        "force": frame.forces.tolist(),
        "stress": None if frame.stress is None else (matrix(frame.stress) * -10).tolist(),
        "magmom": None if frame.magmoms is None else (-frame.magmoms).tolist(),
        "bandgap": 0.0,
        "mp_id": frame.material_id,
    } | fields
    return {key: value for key, value in whole.items() if value is not ...}


def matrix(voigt) -> np.ndarray:
    """(3, 3) from six numbers."""
    full = np.empty((3, 3))
    for value, (i, j) in zip(voigt, VOIGT, strict=True):
        full[i, j] = full[j, i] = value
    return full


@pytest.fixture(name="document", scope="session")
def document_function():
    return document


@pytest.fixture(scope="session")
def mptrj(shared_data) -> list[Frame]:
    """Real MPtrj frames over the whole periodic table, with their published ids and, for want of
    published ones, made-up magnetic moments on every other frame."""
    folder = shared_data / "mptrj_random_1k"
    if not folder.is_dir():
        pytest.skip(f"needs the MPtrj frames in {folder}, absent here")
    options = DECLARED | STRESS | {"train": ["mptrj-random-1k.xyz"], "group_key": "source"}
    options |= {"material_key": "mptrj_traj_id"}
    level = Level(label="GGA", functional="GGA", data=ExtendedXYZ.model_validate(options))
    names = re.findall(
        r"mptrj_snapshot_id=(\S+)", (folder / "mptrj-random-1k.xyz").read_text(encoding="utf-8")
    )
    return [
        dataclasses.replace(
            frame,
            frame_id=name,
            group=None,
            magmoms=np.arange(frame.n_atoms) / 10 if number % 2 else None,
        )
        for number, (name, frame) in enumerate(
            zip(names, read_source(level, folder, 0), strict=True)
        )
    ][::4]


@pytest.fixture
def two_atoms() -> Frame:
    """A made-up frame with all labels."""
    return Frame(
        frame_id="mp-1-0-3",
        material_id="mp-1",
        functional="GGA",
        cell=[[3, 0.1, 0], [0, 4, 0.2], [0.3, 0, 5]],
        atomic_numbers=[12, 8],
        cart_coords=[[0.1, 0.2, 0.3], [1.5, 2.0, 2.5]],
        energy=-12.0,
        forces=[[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]],
        stress=[1, 2, 3, 4, 5, 6],
        magmoms=[0.5, 0.0],
    )


@pytest.fixture
def same():
    """A function that sees that two frames agree, positions and labels to rounding."""

    def check(found: Frame, wanted: Frame, energy: float | None = None) -> None:
        names = ("frame_id", "material_id", "functional", "group", "given_part")
        assert [getattr(found, n) for n in names] == [getattr(wanted, n) for n in names]
        assert found.atomic_numbers.tolist() == wanted.atomic_numbers.tolist()
        assert found.energy == pytest.approx(wanted.energy if energy is None else energy, rel=1e-12)
        for name, tolerance in (
            ("cell", 1e-12),
            ("cart_coords", 1e-8),
            ("forces", 1e-12),
            ("stress", 1e-9),
            ("magmoms", 1e-12),
        ):
            one, other = getattr(found, name), getattr(wanted, name)
            assert (one is None) == (other is None), name
            if one is not None:
                np.testing.assert_allclose(one, other, rtol=1e-9, atol=tolerance, err_msg=name)

    return check
