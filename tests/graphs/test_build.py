"""Edges and angles are CHGNet's, as sets, for every kind of cell."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from rungs.errors import StudyError
from rungs.graphs.build import FrameGraph, build_graph

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)

CELLS = {
    "one atom, its own neighbour 60 times": (np.eye(3) * 2.5, ["Cu"], [[0, 0, 0]]),
    "primitive face-centred cell": (FCC * 1.8, ["Al"], [[0.3, 0.2, 0.9]]),
    "rock salt": (FCC * 2.1, ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "very skewed": (
        [[3.0, 0, 0], [8.0, 3.0, 0], [-7.0, 5.0, 4.0]],
        ["Si", "O"],
        [[0.1, 0.1, 0.1], [0.6, 0.4, 0.7]],
    ),
    "left-handed": (FCC[[1, 0, 2]] * 2.1, ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.52]]),
    "atoms far outside the cell": (
        FCC * 2.1,
        ["Mg", "O"],
        [[-3.0, 7.0, 2.0], [4.5, -2.5, 0.5]],
    ),
    "no angles": (np.eye(3) * 4.1, ["Cs"], [[0, 0, 0]]),
    "one isolated atom": (
        np.diag([20.0, 20.0, 20.0]),
        ["Ar", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.56, 0.5, 0.5]],
    ),
    "long and thin": (np.diag([2.2, 30.0, 2.9]), ["C", "C"], [[0, 0, 0], [0.4, 0.05, 0.3]]),
    "bonds of exactly the angle cutoff": (np.diag([3.0, 3.0, 2.5]), ["Po"], [[0, 0, 0]]),
    "nothing but bonds of exactly the angle cutoff": (np.eye(3) * 3.0, ["Po"], [[0, 0, 0]]),
    "bonds of exactly the atom cutoff": (np.diag([6.0, 2.0, 3.0]), ["Po"], [[0, 0, 0]]),
}


def chgnet_sets(structure: Structure, cutoffs: tuple[float, float]) -> tuple[set, set, int, int]:
    """Edges and angles of chgnet's own converter, and how many rows it has of each."""
    from chgnet.graph import CrystalGraphConverter

    converter = CrystalGraphConverter(
        atom_graph_cutoff=cutoffs[0], bond_graph_cutoff=cutoffs[1], on_isolated_atoms="ignore"
    )
    graph = converter(structure)
    rows = np.hstack([graph.atom_graph.numpy(), graph.neighbor_image.detach().numpy()]).astype(int)
    edges = list(map(tuple, rows.tolist()))
    bond_graph = graph.bond_graph.numpy().reshape(-1, 5)
    angles = {(edges[i], edges[j]) for _, _, i, _, j in bond_graph}
    return set(edges), angles, len(edges), len(bond_graph)


def assert_equals_chgnet(structure: Structure, cutoffs: tuple[float, float]) -> FrameGraph:
    graph = build_graph(
        structure.lattice.matrix, structure.atomic_numbers, structure.cart_coords, *cutoffs
    )
    edges = list(map(tuple, graph.directed_edges().tolist()))
    angles = [(edges[i], edges[j]) for i, j in graph.directed_angles()]
    their_edges, their_angles, n_edges, n_angles = chgnet_sets(structure, cutoffs)
    assert set(edges) == their_edges
    assert len(edges) == n_edges == 2 * graph.n_bonds
    assert set(angles) == their_angles
    assert len(angles) == n_angles == graph.n_angles
    # the two halves of an angle share their centre, the first atom of an edge
    assert all(first[0] == second[0] for first, second in angles)
    return graph


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("cutoffs", [(6.0, 3.0), (5.0, 3.0)])
def test_equal_sets(name, cutoffs):
    cell, species, sites = CELLS[name]
    assert_equals_chgnet(Structure(Lattice(cell), species, sites), cutoffs)


def test_an_angle_with_a_bond_of_the_cutoff_length_has_one_order():
    cell, species, sites = CELLS["bonds of exactly the angle cutoff"]
    graph = assert_equals_chgnet(Structure(Lattice(cell), species, sites), (6.0, 3.0))
    # bonds of 3 Å along x and y, both ways, with those of 2.5 Å along z, both ways; the two of
    # 2.5 Å make a straight angle with each other
    assert graph.n_one_sided == 4 * 2
    assert graph.n_angles == 4 * 2 + 2


@st.composite
def structures(draw) -> Structure:
    numbers = st.floats(-1, 1, allow_subnormal=False)
    cell = np.array(draw(st.lists(numbers, min_size=9, max_size=9))).reshape(3, 3)
    cell = (np.eye(3) + 0.8 * cell) * draw(st.floats(2.0, 7.0))
    assume(8 < abs(np.linalg.det(cell)) < 400)
    n_atoms = draw(st.integers(1, 6))
    sites = draw(
        st.lists(
            st.tuples(*[st.floats(-2, 2, allow_subnormal=False)] * 3),
            min_size=n_atoms,
            max_size=n_atoms,
        )
    )
    structure = Structure(Lattice(cell), ["Si"] * n_atoms, sites)
    distances = structure.distance_matrix + 9 * np.eye(n_atoms)
    assume(distances.min() > 0.3)
    return structure


@settings(max_examples=40, deadline=None)
@given(structures())
def test_equal_sets_for_any_cell(structure):
    neighbours = structure.get_neighbor_list(4.0)[0]
    assume(0 < len(neighbours) < 2000)
    assert_equals_chgnet(structure, (4.0, 2.5))


def test_equal_sets_on_real_frames(shared_data):
    from ase.io import read

    for atoms in read(shared_data / "mptrj_random_1k" / "mptrj-random-1k.xyz", "::25"):
        structure = Structure(
            Lattice(np.array(atoms.cell)),
            atoms.numbers,
            atoms.get_positions(),
            coords_are_cartesian=True,
        )
        assert_equals_chgnet(structure, (6.0, 3.0))


@pytest.mark.slow
def test_equal_sets_on_all_real_frames(shared_data):
    from ase.io import read

    for atoms in read(shared_data / "mptrj_random_1k" / "mptrj-random-1k.xyz", ":"):
        structure = Structure(
            Lattice(np.array(atoms.cell)),
            atoms.numbers,
            atoms.get_positions(),
            coords_are_cartesian=True,
        )
        assert_equals_chgnet(structure, (6.0, 3.0))


@pytest.mark.parametrize("name", CELLS)
def test_bond_vectors_and_order(name):
    cell, species, sites = CELLS[name]
    structure = Structure(Lattice(cell), species, sites)
    graph = build_graph(cell, structure.atomic_numbers, structure.cart_coords, 6.0, 3.0)
    vectors = graph.bond_vectors()
    lengths = np.linalg.norm(vectors, axis=1)
    assert (lengths <= 6.0 + 1e-7).all()
    for (a, b), image, vector in zip(graph.bond_atoms, graph.bond_images, vectors, strict=True):
        frac = structure.frac_coords[a] - structure.frac_coords[b] - image
        assert np.allclose(frac @ structure.lattice.matrix, vector, atol=1e-9)
    in_angles = np.unique(graph.angle_halves >> 1)
    assert np.array_equal(in_angles, np.arange(graph.n_angle_bonds))


def test_all_atoms_isolated():
    graph = build_graph(np.eye(3) * 30, [2, 10], [[0, 0, 0], [15, 15, 15]], 6.0, 3.0)
    assert (graph.n_bonds, graph.n_angles, graph.n_angle_bonds) == (0, 0, 0)
    assert graph.directed_edges().shape == (0, 5)


@pytest.mark.parametrize(
    ("cell", "numbers", "coords", "reason"),
    [
        (np.eye(3) * 3, [14, 14], [[0, 0, 0], [0, 0, 3.00001]], "atoms 0 and 1|atoms 1 and 0"),
        (np.eye(3) * 3, [95], [[0, 0, 0]], "atomic numbers"),
        (np.eye(3) * 3, [0], [[0, 0, 0]], "atomic numbers"),
        (np.diag([3.0, 3.0, 0.0]), [14], [[0, 0, 0]], "no volume"),
        (np.eye(3) * 3, [14], [[0, np.nan, 0]], "finite"),
        (np.eye(3) * 3, [14, 14], [[0, 0, 0]], "shapes"),
        (np.eye(3) * 3, [14, 8], [[0, 0, 0], [99_000, 1.5, 1.5]], "cells away"),
        # at once: a search would need more memory than any machine has
        (np.eye(3) * 3, [14, 8], [[0, 0, 0], [3e13, 1.5, 1.5]], "cells away"),
        # few cells apart, as cells of atoms are counted; more as their images are
        (np.eye(3) * 3, [14, 8], [[2.9, 0, 0], [3 * 32_767, 0, 0]], "cells away"),
    ],
)
def test_frames_without_a_graph_are_refused_with_the_reason(cell, numbers, coords, reason):
    with pytest.raises(StudyError, match=reason):
        build_graph(cell, numbers, coords, 6.0, 3.0)
