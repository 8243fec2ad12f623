"""A batch holds the same bonds, angles and labels as its frames one by one."""

import numpy as np
import pytest
import torch

from rungs.frames.frame import VOIGT
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore, write_graphs


@pytest.fixture(scope="module")
def store(frames, cutoffs, tmp_path_factory) -> GraphStore:
    path = tmp_path_factory.mktemp("graphs") / "graphs.safetensors"
    write_graphs(frames, path, *cutoffs)
    return GraphStore.open(path)


def rounded(rows) -> list[tuple]:
    return sorted(tuple(row) for row in np.round(np.asarray(rows, dtype=float), 6).tolist())


@pytest.mark.parametrize("chosen", [[0], [4, 1, 8, 1, 0, 2, 5], list(range(9)), [0, 2]])
def test_equals_the_frames_one_by_one(store, frames, cutoffs, chosen):
    batch = store.batch(chosen, dtype=torch.float64)
    graphs = [
        build_graph(frames[i].cell, frames[i].atomic_numbers, frames[i].cart_coords, *cutoffs)
        for i in chosen
    ]
    starts = np.cumsum([0, *(graph.n_atoms for graph in graphs)])
    assert batch.n_frames == len(chosen)
    assert batch.n_atoms.tolist() == [graph.n_atoms for graph in graphs]
    assert batch.atom_frames.tolist() == np.repeat(range(len(chosen)), batch.n_atoms).tolist()
    assert batch.atomic_numbers.tolist() == [z for g in graphs for z in g.atomic_numbers]
    assert np.allclose(batch.volumes, [frames[i].volume for i in chosen])
    assert batch.has_angles.tolist() == [graph.n_angles > 0 for graph in graphs]

    bonds = torch.cat([batch.bond_frames[:, None], batch.bond_atoms.T, batch.bond_vectors], dim=1)
    expected = [
        [k, *(graph.bond_atoms[u] + starts[k]), *vector]
        for k, graph in enumerate(graphs)
        for u, vector in enumerate(graph.bond_vectors())
    ]
    assert rounded(bonds) == rounded(expected or np.zeros((0, 6)))

    # an angle: centre, vectors of both bonds as seen from the centre in one sign or the other
    n_short = batch.n_angle_bonds
    vectors, stored = batch.bond_vectors, len(batch.angle_signs)
    first, second = batch.angle_bonds
    assert batch.n_angles == sum(graph.n_angles for graph in graphs) == stored + batch.n_mirrored
    assert (first < n_short).all()
    assert (second < n_short).all()
    centre = batch.bond_atoms[:, :n_short].reshape(-1)[batch.angle_halves]
    assert torch.equal(batch.angle_halves % max(n_short, 1), first)
    signs = torch.cat([batch.angle_signs, batch.angle_signs[: batch.n_mirrored]])
    products = (vectors[first] * vectors[second]).sum(dim=1) * signs
    lengths = vectors.norm(dim=1)
    found = torch.stack([centre.double(), lengths[first], lengths[second], products], dim=1)
    expected = []
    for k, graph in enumerate(graphs):
        seen = np.stack([graph.bond_vectors(), -graph.bond_vectors()], axis=1).reshape(-1, 3)
        for i, j in graph.directed_angles():
            size_i, size_j = np.linalg.norm(seen[i]), np.linalg.norm(seen[j])
            centre_atom = graph.bond_atoms.reshape(-1)[i] + starts[k]
            expected.append([centre_atom, size_i, size_j, seen[i] @ seen[j]])
    assert rounded(found) == rounded(expected or np.zeros((0, 4)))
    # the mirror images exchange the two bonds
    assert torch.equal(first[: batch.n_mirrored], second[stored:])
    assert torch.equal(second[: batch.n_mirrored], first[stored:])


def test_labels_and_masks(store, frames):
    chosen = [3, 1, 5]
    batch = store.batch(chosen, dtype=torch.float64)
    assert batch.energy.tolist() == [frames[i].energy_per_atom for i in chosen]
    assert np.allclose(batch.forces, np.concatenate([frames[i].forces for i in chosen]), atol=1e-7)
    assert batch.stress_mask.tolist() == [frames[i].stress is not None for i in chosen]
    for k, i in enumerate(chosen):
        expected = np.zeros((3, 3))
        if frames[i].stress is not None:
            for value, (row, column) in zip(frames[i].stress, VOIGT, strict=True):
                expected[row, column] = expected[column, row] = value
        assert np.allclose(batch.stress[k], expected, atol=1e-7)
    moments = [
        np.zeros(frames[i].n_atoms) if frames[i].magmoms is None else frames[i].magmoms
        for i in chosen
    ]
    assert np.allclose(batch.magmoms, np.concatenate(moments), atol=1e-7)
    assert batch.magmom_mask.tolist() == [
        frames[i].magmoms is not None for i in chosen for _ in range(frames[i].n_atoms)
    ]


def test_dtypes(store):
    batch = store.batch([1, 2, 3])
    for name in ("bond_vectors", "forces", "stress", "volumes", "angle_signs"):
        assert getattr(batch, name).dtype == torch.float32, name
    assert batch.energy.dtype == torch.float64
    for name in ("bond_atoms", "angle_bonds", "angle_halves", "atom_frames", "atomic_numbers"):
        assert getattr(batch, name).dtype == torch.int64, name
    moved = batch.to("meta")
    assert moved.bond_vectors.device.type == "meta"
    assert moved.n_mirrored == batch.n_mirrored
