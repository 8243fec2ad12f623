"""Laws that predictions obey, and what a model must be like."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from rungs.errors import StudyError
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.potential import Prediction


def evaluate(model, structures, store_of, **options) -> Prediction:
    model.double()
    batch = store_of(model, structures).batch(range(len(structures)), dtype=torch.float64)
    return BatchedCHGNet(model)(batch, **{"create_graph": False, **options})


@pytest.fixture(scope="module")
def crystal() -> Structure:
    return Structure(
        Lattice([[4.1, 0.3, -0.2], [0.4, 3.6, 0.1], [-0.3, 0.5, 3.9]]),
        ["Fe", "O", "O", "Li"],
        [[0.02, 0.01, 0], [0.5, 0.52, 0.03], [0.49, 0, 0.47], [0.03, 0.48, 0.55]],
    )


def changed(structure, cell=None, coords=None) -> Structure:
    return Structure(
        Lattice(structure.lattice.matrix if cell is None else cell),
        structure.species,
        structure.cart_coords if coords is None else coords,
        coords_are_cartesian=True,
    )


def test_forces_are_minus_the_slope_of_the_energy(small_model, crystal, store_of):
    step, displaced = 1e-4, []
    for atom, axis in np.ndindex(len(crystal), 3):
        for sign in (1, -1):
            coords = crystal.cart_coords.copy()
            coords[atom, axis] += sign * step
            displaced.append(changed(crystal, coords=coords))
    energy = evaluate(small_model, displaced, store_of).energy.view(-1, 2) * len(crystal)
    slopes = (energy[:, 0] - energy[:, 1]) / (2 * step)
    forces = evaluate(small_model, [crystal], store_of).forces
    assert forces.abs().max() > 1e-2
    assert torch.allclose(forces.view(-1), -slopes, atol=1e-6)


def test_stress_is_the_slope_of_the_energy_over_the_volume(small_model, crystal, store_of):
    step, strained = 1e-5, []
    for i, j in np.ndindex(3, 3):
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] = sign * step
            deform = np.eye(3) + strain
            strained.append(
                changed(crystal, crystal.lattice.matrix @ deform, crystal.cart_coords @ deform)
            )
    energy = evaluate(small_model, strained, store_of).energy.view(-1, 2) * len(crystal)
    slopes = (energy[:, 0] - energy[:, 1]) / (2 * step) / crystal.volume
    stress = evaluate(small_model, [crystal], store_of).stress[0]
    assert stress.abs().max() > 1e-2
    assert torch.allclose(stress.view(-1), slopes * 160.21766208, atol=1e-5)
    assert torch.allclose(stress, stress.T, atol=1e-10)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_symmetries(crystal_and_more, seed):
    """Rotation, translation, exchange of atoms, another cell of the same lattice, supercell."""
    model, crystal, store_of = crystal_and_more
    random = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    shift = random.normal(0, 10, 3)
    order = random.permutation(len(crystal))
    other_cell = np.array([[1, 0, 0], [1, 1, 0], [-1, 2, 1]])[random.permutation(3)]
    images = random.integers(-3, 4, (len(crystal), 3)) @ crystal.lattice.matrix
    cell = other_cell @ crystal.lattice.matrix @ rotation
    coords = ((crystal.cart_coords + images + shift) @ rotation)[order]
    turned = Structure(
        Lattice(cell), [crystal[int(i)].specie for i in order], coords, coords_are_cartesian=True
    )
    supercell = crystal.copy()
    supercell.make_supercell([2, 1, 1])
    found = evaluate(model, [crystal, turned, supercell], store_of)
    n = len(crystal)
    assert torch.allclose(found.energy, found.energy[:1].expand(3), atol=1e-10)
    turn = torch.from_numpy(rotation)
    assert torch.allclose(found.forces[:n][order] @ turn, found.forces[n : 2 * n], atol=1e-9)
    assert torch.allclose(turn.T @ found.stress[0] @ turn, found.stress[1], atol=1e-9)
    assert torch.allclose(found.magmoms[:n][order], found.magmoms[n : 2 * n], atol=1e-10)
    assert torch.allclose(found.stress[0], found.stress[2], atol=1e-9)
    twice = found.forces[:n].repeat_interleave(2, dim=0)
    assert torch.allclose(twice, found.forces[2 * n :], atol=1e-9)


@pytest.fixture(scope="module")
def crystal_and_more(crystal, architecture, store_of):
    from rungs.potentials.models import new_model

    return new_model(architecture, 4).double(), crystal, store_of


def test_a_batch_equals_its_frames_alone(model, structures, store_of):
    # 0.2.0 has an output bias, which in chgnet depends on the company of a frame
    together = evaluate(model, structures, store_of)
    alone = [evaluate(model, [structure], store_of) for structure in structures]
    for name in ("energy", "forces", "stress", "magmoms"):
        expected = torch.cat([getattr(found, name) for found in alone])
        assert torch.allclose(getattr(together, name), expected, rtol=1e-9, atol=1e-11), name


def test_atoms_without_neighbours(small_model, store_of):
    lonely = Structure(Lattice(np.eye(3) * 30), ["Ar", "He"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = evaluate(small_model, [lonely], store_of, create_graph=True)
    assert torch.isfinite(found.energy).all()
    assert (found.forces == 0).all()
    assert (found.stress == 0).all()


def test_reference_energies_are_differentiable(small_model, crystal, store_of):
    small_model.composition_model.requires_grad_(True)
    found = evaluate(small_model, [crystal], store_of, create_graph=True)
    found.energy.sum().backward()
    gradient = small_model.composition_model.fc.weight.grad[0]
    fractions = torch.zeros(94, dtype=torch.float64)
    fractions[[25, 7, 2]] = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    assert torch.allclose(gradient, fractions)
    with torch.no_grad():
        small_model.composition_model.fc.weight[0, 25] += 4.0
    moved = evaluate(small_model, [crystal], store_of)
    assert float(moved.energy - found.energy) == pytest.approx(1.0)


def test_no_composition_model(small_model, crystal, store_of):
    with_reference = evaluate(small_model, [crystal], store_of)
    reference = store_of(small_model, [crystal]).compositions() @ (
        small_model.composition_model.fc.weight[0].detach().numpy()
    )
    small_model.composition_model = None
    without = evaluate(small_model, [crystal], store_of)
    assert float(without.energy) == pytest.approx(float(with_reference.energy) - reference[0])


def test_training_the_model_in_place_is_seen(small_model, crystal, store_of):
    small_model.double()
    batch = store_of(small_model, [crystal]).batch([0], dtype=torch.float64)
    potential = BatchedCHGNet(small_model)
    parameters = [p for p in small_model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    target = potential(batch, create_graph=False).forces * 0.5
    losses = []
    for _ in range(12):
        loss = (potential(batch).forces - target).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward(inputs=parameters)
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_asking_for_less(small_model, crystal, store_of):
    everything = evaluate(small_model, [crystal], store_of)
    energy = evaluate(small_model, [crystal], store_of, forces=False, stress=False, magmoms=False)
    assert (energy.forces, energy.stress, energy.magmoms) == (None, None, None)
    assert torch.equal(energy.energy, everything.energy)
    forces = evaluate(small_model, [crystal], store_of, stress=False)
    assert forces.stress is None
    assert torch.equal(forces.forces, everything.forces)
    stress = evaluate(small_model, [crystal], store_of, forces=False, create_graph=True)
    assert stress.forces is None
    assert torch.allclose(stress.stress, everything.stress)


def test_evaluation_keeps_nothing(small_model, crystal, store_of):
    batch = store_of(small_model, [crystal]).batch([0])
    potential = BatchedCHGNet(small_model)
    with torch.no_grad():
        found = potential(batch, create_graph=False)
    values = (found.energy, found.forces, found.stress, found.magmoms)
    assert not any(value.requires_grad or value.grad_fn for value in values)
    assert all(p.grad is None for p in small_model.parameters())

    def tensors() -> int:
        gc.collect()
        return sum(isinstance(o, torch.Tensor) for o in gc.get_objects())

    def use() -> None:
        potential(batch, create_graph=False)
        found = potential(batch)
        (found.forces.sum() + found.stress.sum()).backward()
        small_model.zero_grad()

    use()
    before = tensors()
    for _ in range(3):
        use()
    assert tensors() == before


def test_graphs_with_other_cutoffs_are_refused(small_model, crystal, store_of):
    store = store_of(small_model, [crystal])
    store.atom_cutoff = 6.0
    with pytest.raises(
        StudyError, match=r"cutoffs \(6\.0, 3\.0\) Å, the model needs \(5\.0, 3\.0\)"
    ):
        BatchedCHGNet(small_model)(store.batch([0]))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mlp_first": False}, "mlp_first"),
        ({"mlp_first": False, "read_out": "attn"}, "mlp_first"),
        ({"conv_dropout": 0.1}, "dropout"),
        ({"mlp_dropout": 0.1}, "dropout"),
        ({"gMLP_norm": "batch"}, "batch normalisation"),
        ({"readout_norm": "batch"}, "batch normalisation"),
        ({"conv_norm": "layer"}, "atom_norm"),
        ({"update_bond": False}, "update_bond"),
        ({"update_angle": False}, "update_angle"),
        ({"is_intensive": False}, "is_intensive"),
        ({"final_mlp": "gated"}, "last network"),
        ({"n_conv": 1}, "two convolutions"),
        ({"cutoff_coeff": None}, "smooth cutoff"),
    ],
)
def test_models_that_are_not_covered_are_refused_by_the_feature(changes, named, architecture):
    from chgnet.model import CHGNet

    arguments = {**architecture.model_dump(), "composition_model": "MPtrj", **changes}
    with pytest.raises(StudyError, match=named):
        BatchedCHGNet(CHGNet(**arguments))


def test_unfitted_references_are_refused(small_model):
    small_model.composition_model.fitted = False
    with pytest.raises(StudyError, match="never fitted"):
        BatchedCHGNet(small_model)
