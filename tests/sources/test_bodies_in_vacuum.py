"""Isolated atoms, molecules, slabs and chains from a person's files to screened frames."""

import csv

import numpy as np
import pytest
import yaml

from rungs.config import load_study
from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.screening import ScreenedFrames
from rungs.graphs.build import build_graph
from rungs.sources import read_source

CELL = 'Lattice="20 0 0 0 20 0 0 0 20"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"


def frame(*atoms, **values):
    """A block of extended XYZ; the comment line is what ``values`` say."""
    given = [CELL] if values.pop("cell", None) else []
    given += [COLUMNS, *(f"{key}={value}" for key, value in values.items())]
    return "\n".join([str(len(atoms)), " ".join(given), *atoms]) + "\n"


ATOM, PAIR = "Cu 1 2 3 0 0 0", ("C 0 0 0 0 0 2.5", "O 0 0 1.16 0 0 -2.5")


def screened(items, tmp_path, **limits):
    """The frames that pass, and the rows of the rejects file."""
    passed = ScreenedFrames(items, Screening(**limits), tmp_path / "rejects.csv")
    frames = list(passed)
    with open(tmp_path / "rejects.csv", newline="", encoding="utf-8") as handle:
        return passed, frames, list(csv.DictReader(handle))


def read(level, tmp_path, text, **limits):
    (tmp_path / "train.xyz").write_text(text)
    return screened(read_source(level, tmp_path, 0), tmp_path, **limits)


def test_isolated_atoms_are_known_with_a_cell_and_without(declare, tmp_path):
    text = (
        frame(ATOM, energy=-0.24, config_type="IsolatedAtom")
        + frame(ATOM, energy=-0.25, config_type="a", cell=True)
        + frame(ATOM, energy=-0.26, config_type="a")
        + frame(*PAIR, energy=-14, config_type="a", cell=True)
    )
    passed, frames, rows = read(declare(group_key="config_type"), tmp_path, text)
    assert [f.n_atoms for f in frames] == [2]
    assert [(a.energy_ev, a.known_from[:8]) for a in passed.isolated_atoms] == [
        (-0.24, "marked a"),
        (-0.25, "one atom"),
        (-0.26, "one atom"),
    ]
    assert {row["kind"] for row in rows} == {"isolated atom"}


def test_a_kept_atom_has_a_graph_without_a_bond(declare, tmp_path):
    text = frame(ATOM, energy=-0.24) + frame(*PAIR, energy=-14, cell=True)
    _, frames, rows = read(declare(), tmp_path, text, isolated_atoms="keep")
    assert [f.n_atoms for f in frames] == [1, 2]
    graph = build_graph(frames[0].cell, frames[0].atomic_numbers, frames[0].cart_coords, 6.0, 3.0)
    assert len(graph.bond_atoms) == 0
    assert rows == []


def case(shared_cases, name, **options):
    """The target of a case, and where its files lie."""
    path = shared_cases / f"{name}.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8").replace("CASES", str(shared_cases)))
    values["target"] |= options
    study = load_study(values)
    return read_source(study.target, study.data_folder, 0, section="target")


@pytest.mark.parametrize("name", ["free", "pbc"])
def test_isolated_atoms_of_the_case_are_set_aside(shared_cases, tmp_path, name):
    items = case(shared_cases, f"05_isolated_atoms/{name}")
    passed, frames, rows = screened(items, tmp_path)
    assert len(frames) == 48
    assert [(a.element, a.energy_ev) for a in passed.isolated_atoms] == [
        ("Cu", -0.24),
        ("Ni", -0.53),
        ("Al", -0.21),
    ]
    assert [row["kind"] for row in rows] == ["isolated atom"] * 3
    assert "marked as 'IsolatedAtom'; its energy is kept" in rows[0]["reason"]


REFUSED = "expected T T T; `target.vacuum: 20.0` puts it into a periodic cell"


@pytest.mark.parametrize(
    ("name", "n_all", "n_refused", "found"),
    [
        ("study", 54, 6, "is periodic as F F F"),
        ("only", 6, 6, "is periodic as F F F"),
        ("zero_cell", 6, 6, "is periodic as T T T and 3 of its lattice vectors have no length"),
        ("slab", 48, 48, "is periodic as T T F"),
    ],
)
def test_molecules_and_slabs_of_the_case(shared_cases, tmp_path, name, n_all, n_refused, found):
    """Refused with the option's name, and frames with it."""
    name = f"21_molecules/{name}"
    if n_refused == n_all:
        with pytest.raises(StudyError, match="no frame of the source passed") as error:
            screened(case(shared_cases, name), tmp_path)
        assert f"{found}, {REFUSED}" in str(error.value)
    else:
        passed, frames, rows = screened(case(shared_cases, name), tmp_path)
        assert len(frames) == n_all - n_refused
        assert passed.counts == {"not periodic": n_refused}
        assert all(f"{found}, {REFUSED}" in row["reason"] for row in rows)
    passed, frames, rows = screened(case(shared_cases, name, vacuum=20.0), tmp_path)
    assert len(frames) == n_all
    assert rows == []
    in_vacuum = [f for f in frames if np.linalg.norm(f.cell, axis=1).max() > 15]
    assert len(in_vacuum) == n_refused
    assert all(f.stress is None for f in in_vacuum)
    assert all(f.stress is not None for f in frames if f not in in_vacuum)
    for molecule in (f for f in in_vacuum if f.n_atoms == 2):
        graph = build_graph(molecule.cell, molecule.atomic_numbers, molecule.cart_coords, 6.0, 3.0)
        assert len(graph.bond_atoms) == 1
