"""Reference energies of any size: exact in the model, in its file, and in what it predicts."""

import numpy as np
import pytest
import torch
from ase import Atoms

from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.model_files import load_model, load_weights, save_model
from rungs.potentials.models import new_model
from rungs.potentials.references import (
    LARGE,
    base_energies,
    get_reference,
    set_reference,
)
from rungs.simulation.calculator import ModelForces

ORDINARY = np.linspace(-90.0, 3.0, 94)
WEIGHT = "composition_model.fc.weight"
LARGE_ONES = -np.linspace(13.605693, 2.8e6, 94)
"""eV, from hydrogen to plutonium."""


@pytest.fixture
def model(toy_architecture):
    return new_model(toy_architecture, 0)


def test_ordinary_ones_are_chgnet_s_own(model):
    set_reference(model, ORDINARY)
    assert base_energies(model.composition_model) is None
    assert np.array_equal(get_reference(model), ORDINARY.astype(np.float32).astype(float))
    assert set(model.state_dict()) == set(new_model_names(model))


def new_model_names(model):
    return [name for name in model.state_dict() if name != "composition_model.base"]


def test_large_ones_are_exact_and_come_and_go(model):
    set_reference(model, LARGE_ONES)
    assert np.array_equal(get_reference(model), LARGE_ONES)
    assert np.abs(LARGE_ONES.astype(np.float32) - LARGE_ONES).max() > 0.02
    set_reference(model, ORDINARY)
    assert base_energies(model.composition_model) is None
    assert get_reference(model) == pytest.approx(ORDINARY, abs=1e-5)


@pytest.mark.parametrize("largest", [LARGE * 0.99, LARGE])
def test_from_which_size_on(model, largest):
    reference = ORDINARY.copy()
    reference[5] = -largest
    set_reference(model, reference)
    assert (base_energies(model.composition_model) is None) == (largest < LARGE)


def test_a_model_in_double_precision_needs_no_second_part(model):
    set_reference(model.double(), LARGE_ONES)
    assert base_energies(model.composition_model) is None
    assert np.array_equal(get_reference(model), LARGE_ONES)


def test_a_file_holds_them_in_full_and_chgnet_reads_it(model, tmp_path):
    from chgnet.model import CHGNet

    set_reference(model, LARGE_ONES)
    with torch.no_grad():
        model.composition_model.fc.weight += 0.125  # as a training does
    path = tmp_path / "model.pt"
    save_model(model, path)
    assert load_weights(path)[WEIGHT].dtype == torch.float64
    assert np.array_equal(get_reference(load_model(path)), LARGE_ONES + 0.125)
    native = CHGNet.from_file(str(path))
    expected = (LARGE_ONES + 0.125).astype(np.float32)
    assert np.array_equal(native.composition_model.fc.weight[0].detach().numpy(), expected)
    for name, value in native.state_dict().items():
        if name != WEIGHT:
            assert torch.equal(value, model.state_dict()[name]), name


def test_ordinary_ones_are_float32_in_the_file(model, tmp_path):
    set_reference(model, ORDINARY)
    save_model(model, tmp_path / "model.pt")
    weights = load_weights(tmp_path / "model.pt")
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {
        torch.float32
    }


def test_a_file_of_chgnet_s_own_is_summed_in_full(model, tmp_path):
    """Its references are rounded already; sums over the atoms are not rounded again."""
    with torch.no_grad():
        model.composition_model.fc.weight.copy_(torch.as_tensor(LARGE_ONES).view(1, -1))
    path = tmp_path / "native.pt"
    torch.save({"model": model.as_dict()}, path)
    found = load_model(path)
    assert np.array_equal(get_reference(found), LARGE_ONES.astype(np.float32).astype(float))
    assert base_energies(found.composition_model) is not None


def cell(numbers):
    places = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.52, 0]])
    return Atoms(numbers, scaled_positions=places, cell=3.9 * np.eye(3), pbc=True)


def test_energies_differ_by_the_references_and_forces_by_nothing(model):
    atoms = cell([79, 79, 47, 29])
    set_reference(model, ORDINARY)
    (small,) = ModelForces(model)([atoms], stress=True)
    set_reference(model, ORDINARY.astype(np.float32) + LARGE_ONES)
    (large,) = ModelForces(model)([atoms], stress=True)
    expected = small.energy + LARGE_ONES[atoms.numbers - 1].sum()
    assert large.energy == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(large.forces, small.forces)
    assert np.array_equal(large.stress, small.stress)


def test_the_trained_part_stays_differentiable(model):
    from rungs.graphs.build import build_graph
    from rungs.graphs.store import GraphStore

    atoms = cell([79, 79, 47, 29])
    set_reference(model, LARGE_ONES)
    graph = build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 4.0, 3.0)
    batch = GraphStore.from_graphs([graph], 4.0, 3.0).batch([0])
    model.composition_model.requires_grad_(True)
    energy = BatchedCHGNet(model)(batch).energy
    assert energy.dtype == torch.float64
    energy.sum().backward()
    weight = model.composition_model.fc.weight
    assert weight.grad[0, [78, 46, 28]].tolist() == [0.5, 0.25, 0.25]
