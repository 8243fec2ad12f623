"""What a training starts from."""

import numpy as np
import pytest
import torch

from rungs.errors import StudyError
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model
from rungs.potentials.references import get_reference, set_reference
from rungs.potentials.registry import architecture
from rungs.training.initialization import copy_embedding


def test_references_go_in_and_come_out(architecture):
    model = new_model(architecture, 0)
    energies = np.linspace(-80, 3, 94)
    set_reference(model, energies)
    assert np.allclose(get_reference(model), energies, atol=1e-5)
    with pytest.raises(ValueError, match="94 finite"):
        set_reference(model, np.full(94, np.nan))


def test_germanium_starts_as_silicon(architecture):
    model = new_model(architecture, 0)
    table = model.atom_embedding.embedding.weight
    before = table.detach().clone()
    copy_embedding(model, {"Ge": "Si"})
    assert torch.equal(table[31], before[13])
    assert torch.equal(table[13], before[13])
    unchanged = [i for i in range(94) if i != 31]
    assert torch.equal(table[unchanged], before[unchanged])
    with pytest.raises(StudyError, match="'Xx'"):
        copy_embedding(model, {"Xx": "Si"})


def test_a_copied_embedding_makes_the_elements_alike(architecture):
    """The physics of the step: a germanium cell has the energy of the silicon cell."""
    from rungs.graphs.build import build_graph
    from rungs.graphs.store import GraphStore
    from rungs.potentials.chgnet.forward import BatchedCHGNet

    model = new_model(architecture, 0)
    set_reference(model, np.zeros(94))
    cell = 2.7 * (np.ones((3, 3)) - np.eye(3))
    coords = np.array([[0.0, 0, 0], [1.3, 1.4, 1.35]])
    graphs = [build_graph(cell, np.array([z, z]), coords, 4.0, 3.0) for z in (14, 32)]
    batch = GraphStore.from_graphs(graphs, 4.0, 3.0).batch([0, 1])
    potential = BatchedCHGNet(model)
    silicon, germanium = potential(batch, create_graph=False).energy.tolist()
    assert abs(silicon - germanium) > 1e-4
    copy_embedding(model, {"Ge": "Si"})
    silicon, germanium = potential(batch, create_graph=False).energy.tolist()
    assert silicon == pytest.approx(germanium, abs=1e-6)


def test_redraw_keeps_the_architecture_and_the_seed_decides():
    published = load_published("0.3.0")
    redraw = architecture("chgnet").redraw
    one, again, other = redraw(published, 1), redraw(published, 1), redraw(published, 2)
    shapes = {name: tensor.shape for name, tensor in published.state_dict().items()}
    assert {name: tensor.shape for name, tensor in one.state_dict().items()} == shapes
    name = "atom_conv_layers.0.twoBody_atom.mlp_core.layers.0.weight"
    assert torch.equal(one.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], other.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], published.state_dict()[name])
