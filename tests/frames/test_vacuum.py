"""Cells for what is not periodic: as much vacuum as declared, and only where it belongs."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111, molecule
from ase.calculators.emt import EMT
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.frames.vacuum import NotPeriodicError, periodic_cell
from rungs.graphs.build import build_graph

TILTED = np.array([[5.0, 0, 0], [1, 6, 0], [0.5, 1, 7]])
DIMER = np.array([[0.0, 0, 0], [0, 0, 1.15]])


def test_a_periodic_cell_stays_as_it_is():
    found = periodic_cell(TILTED, [True] * 3, DIMER, 20.0)
    assert np.array_equal(found.cell, TILTED)
    assert not found.has_vacuum


def test_a_molecule_gets_a_box_of_the_declared_vacuum():
    for cell in (np.zeros((3, 3)), TILTED):
        found = periodic_cell(cell, [False] * 3, DIMER, 20.0)
        assert found.cell.tolist() == np.diag([20.0, 20, 25]).tolist()
        assert found.has_vacuum


def test_a_slab_keeps_its_plane_and_stands_upright_in_the_vacuum():
    coords = np.array([[0, 0, 0], [1, 1, 8.0]])
    for axis in range(3):
        pbc = [k != axis for k in range(3)]
        cell = np.roll(TILTED, axis - 2, axis=0)
        found = periodic_cell(cell, pbc, coords, 12.0)
        assert np.array_equal(found.cell[pbc], cell[pbc])
        assert np.allclose(found.cell[axis], [0, 0, 20])  # 8 + 12 Å
        assert np.linalg.det(found.cell) > 0


def test_a_chain_keeps_its_vector_and_gets_two_across():
    for axis in range(3):
        pbc = [k == axis for k in range(3)]
        cell = np.zeros((3, 3))
        cell[axis] = [0, 3, 4.0]
        found = periodic_cell(cell, pbc, np.array([[0, 0, 0], [2.0, 0, 0]]), 15.0)
        assert np.array_equal(found.cell[axis], cell[axis])
        others = found.cell[[k for k in range(3) if k != axis]]
        assert np.allclose(others @ cell[axis], 0)
        assert others[0] @ others[1] == pytest.approx(0)
        assert sorted(np.linalg.norm(others, axis=1)) == pytest.approx([15, 20])
        assert np.linalg.det(found.cell) > 0


@settings(max_examples=60, deadline=None)
@given(
    pbc=st.lists(st.booleans(), min_size=3, max_size=3),
    seed=st.integers(0, 999),
    vacuum=st.floats(1, 40),
)
def test_images_are_at_least_the_vacuum_apart_where_nothing_is_periodic(pbc, seed, vacuum):
    random = np.random.default_rng(seed)
    cell = 4 * np.eye(3) + random.normal(size=(3, 3))
    coords = random.normal(scale=4, size=(3, 3)) + 50
    found = periodic_cell(cell, pbc, coords, vacuum).cell
    assert np.array_equal(found[pbc], cell[pbc])
    for axis in np.flatnonzero(~np.array(pbc)):
        normal = np.cross(found[(axis + 1) % 3], found[(axis + 2) % 3])
        normal /= np.linalg.norm(normal)
        gap = abs(found[axis] @ normal) - np.ptp(coords @ normal)
        assert vacuum - 1e-9 <= gap <= vacuum + 5 + 1e-9


def test_the_frames_of_one_molecule_share_a_cell():
    cells = [
        periodic_cell(np.zeros((3, 3)), [False] * 3, DIMER * stretch, 20.0).cell.tolist()
        for stretch in (0.9, 1.0, 1.1)
    ]
    assert cells[0] == cells[1] == cells[2]


def test_energy_and_forces_are_those_of_the_body_alone():
    """A slab and a molecule of a potential that knows what is periodic, in made cells."""
    slab = fcc111("Cu", (2, 2, 2), vacuum=None)
    slab.rattle(0.05, seed=1)
    for atoms in (slab, molecule("H2O")):
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        made = periodic_cell(atoms.cell.array, atoms.pbc, atoms.positions, 20.0)
        boxed = Atoms(atoms.numbers, atoms.positions, cell=made.cell, pbc=True, calculator=EMT())
        assert boxed.get_potential_energy() == pytest.approx(energy, abs=1e-9)
        assert np.allclose(boxed.get_forces(), forces, atol=1e-9)


def test_a_graph_in_the_vacuum_has_no_bond_through_it():
    made = periodic_cell(np.zeros((3, 3)), [False] * 3, DIMER, 20.0)
    graph = build_graph(made.cell, [6, 8], DIMER, 6.0, 3.0)
    assert len(graph.bond_atoms) == 1


@pytest.mark.parametrize(
    ("cell", "pbc", "words"),
    [
        (TILTED, "T T F", "is periodic as T T F, expected T T T; `target.vacuum: 20.0` puts it"),
        (np.zeros((3, 3)), "F F F", "is periodic as F F F, expected"),
        (np.zeros((3, 3)), "T T T", "T T T and 3 of its lattice vectors have no length, expected"),
    ],
)
def test_without_the_option_the_refusal_names_it(cell, pbc, words):
    with pytest.raises(NotPeriodicError, match=re.escape(words)):
        periodic_cell(cell, [letter == "T" for letter in pbc.split()], DIMER, None, "target")


def test_a_single_free_atom_needs_no_option():
    found = periodic_cell(np.zeros((3, 3)), [False] * 3, [[1.0, 2, 3]], None)
    assert found.cell.tolist() == np.diag([20.0, 20, 20]).tolist()
    with pytest.raises(NotPeriodicError):
        periodic_cell(np.diag([3.0, 3, 0]), [True, True, False], [[1.0, 2, 3]], None)


def test_positions_that_are_no_numbers_are_left_to_the_screening():
    broken = np.array([[np.nan, 0, 0], [0, 0, 1]])
    assert np.isfinite(periodic_cell(np.zeros((3, 3)), [False] * 3, broken, 20.0).cell).all()


def test_a_slab_without_a_plane_is_left_flat():
    cell = np.array([[3.0, 0, 0], [6, 0, 0], [0, 0, 9]])
    assert not periodic_cell(cell, [True, True, False], DIMER, 20.0).cell[2].any()
