"""Predictions frame by frame do not depend on how frames are put into batches."""

import numpy as np
import pytest
import torch

from rungs.errors import StudyError
from rungs.frames.frame import VOIGT
from rungs.graphs.build import build_graph
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.predict import predict


@pytest.mark.parametrize("max_rows", [1, 2000, 10**9])
def test_in_the_order_asked_for(small_model, structures, store_of, max_rows):
    store = store_of(small_model.double(), structures)
    indices = [5, 0, 12, 5, 3]
    found = list(predict(small_model, store, indices, max_rows=max_rows))
    assert [frame.index for frame in found] == indices
    for frame in found:
        batch = store.batch([frame.index], dtype=torch.float64)
        expected = BatchedCHGNet(small_model)(batch, create_graph=False)
        assert frame.energy_per_atom == pytest.approx(float(expected.energy), abs=1e-11)
        assert np.allclose(frame.forces, expected.forces, atol=1e-11)
        assert np.allclose(frame.magmoms, expected.magmoms, atol=1e-11)
        stress = expected.stress[0].numpy()
        assert np.allclose(frame.stress, [stress[place] for place in VOIGT], atol=1e-10)


def test_graphs_without_a_store(small_model, structures, store_of):
    graphs = [
        build_graph(s.lattice.matrix, s.atomic_numbers, s.cart_coords, 5.0, 3.0) for s in structures
    ]
    from_graphs = list(predict(small_model, graphs))
    from_store = list(predict(small_model, store_of(small_model, structures)))
    assert len(from_graphs) == len(structures)
    for a, b in zip(from_graphs, from_store, strict=True):
        assert np.array_equal(a.forces, b.forces)
        assert a.forces.dtype == np.float64


def test_nothing_to_predict(small_model):
    assert list(predict(small_model, [])) == []


def test_a_store_with_other_cutoffs(small_model, structures, store_of):
    store = store_of(small_model, structures[:1])
    store.bond_cutoff = 2.5
    with pytest.raises(StudyError, match="build the graphs again"):
        list(predict(small_model, store))
