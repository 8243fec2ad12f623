"""Batched predictions and gradients are those of CHGNet's own forward."""

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from rungs.potentials.chgnet.forward import BatchedCHGNet

PROPERTIES = ("energy", "forces", "stress", "magmoms")


def some_loss(energy, forces, stress, magmoms):
    """A smooth loss on everything, with unequal weights."""
    steps = torch.linspace(0.5, 1.5, forces.numel(), dtype=forces.dtype).view_as(forces)
    loss = torch.nn.functional.huber_loss(forces, 0.1 * steps, delta=0.1)
    loss = loss + (stress * torch.linspace(-1, 1, 9, dtype=stress.dtype).view(3, 3)).sin().mean()
    return loss + (energy - 1).square().mean() + (magmoms - 0.3).square().mean()


def assert_equal_in_float64(model, structures, store_of, chgnet_of, compiled):
    model.double()
    # chgnet adds the output bias of version 0.2.0 to frames without angles only in company
    together = model.model_args.get("mlp_out_bias") is not True
    theirs = chgnet_of(model, structures, together)
    batch = store_of(model, structures).batch(range(len(structures)), dtype=torch.float64)
    ours = BatchedCHGNet(model, compiled=compiled)(batch)
    for name in PROPERTIES:
        difference = (getattr(ours, name) - theirs[name]).abs().max()
        assert difference < 1e-10 * max(1, theirs[name].abs().max()), name

    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    values = [getattr(ours, name) for name in PROPERTIES]
    expected = torch.autograd.grad(some_loss(*theirs.values()), trained.values(), allow_unused=True)
    found = torch.autograd.grad(some_loss(*values), trained.values(), allow_unused=True)
    n_gradients = 0
    for name, theirs_, ours_ in zip(trained, expected, found, strict=True):
        assert (theirs_ is None) == (ours_ is None), name
        if theirs_ is not None:
            scale = max(1.0, float(theirs_.abs().max()))
            assert (theirs_ - ours_).abs().max() < 1e-10 * scale, name
            n_gradients += bool(theirs_.abs().max() > 0)
    assert n_gradients > 0.9 * sum(g is not None for g in expected)


@pytest.mark.usefixtures("chgnet_in_float64")
def test_float64(model, structures, store_of, chgnet_of, compiled):
    assert_equal_in_float64(model, structures, store_of, chgnet_of, compiled)


def read_frames(path, indices) -> list[Structure]:
    from ase.io import read

    frames = read(path, ":")
    return [
        Structure(
            Lattice(np.array(frames[i].cell)),
            frames[i].numbers,
            frames[i].get_positions(),
            coords_are_cartesian=True,
        )
        for i in indices
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("chgnet_in_float64")
@pytest.mark.parametrize("name", ["0.3.0", "0.2.0"])
def test_float64_on_200_real_frames(name, shared_data, store_of, chgnet_of, compiled):
    from rungs.potentials.chgnet.published import load_published

    path = shared_data / "mptrj_random_1k" / "mptrj-random-1k.xyz"
    model = load_published(name)
    frames = read_frames(path, range(0, 1000, 5))
    for begin in range(0, 200, 10):
        chosen = frames[begin : begin + 10]
        assert_equal_in_float64(model, chosen, store_of, chgnet_of, compiled)


def test_float32_within_the_noise_of_chgnet(structures, store_of, compiled):
    """Merely listing edges and angles in another order changes chgnet's float32 results."""
    from rungs.potentials.chgnet.published import load_published

    model = load_published("0.3.0")
    model.graph_converter.set_isolated_atom_response("ignore")
    # forces by symmetry 0 have no scale of noise
    chosen = [s for s in structures if len(s) > 2]
    generator = torch.Generator().manual_seed(0)

    def forces_and_stress(permute):
        graphs = [model.graph_converter(structure) for structure in chosen]
        for graph in graphs if permute else ():
            order = torch.randperm(len(graph.bond_graph), generator=generator)
            graph.bond_graph = graph.bond_graph[order]
        found = model(graphs, task="efs")
        return torch.cat([torch.cat(found["f"]), torch.cat(found["s"])]).detach()

    theirs = forces_and_stress(False)
    noise = max((forces_and_stress(True) - theirs).square().mean() for _ in range(4))
    batch = store_of(model, chosen).batch(range(len(chosen)))
    ours = BatchedCHGNet(model, compiled=compiled)(batch, create_graph=False)
    ours = torch.cat([ours.forces, ours.stress.view(-1, 3)])
    assert noise > 0
    assert (ours - theirs).square().mean() < 9 * noise
    assert (ours - theirs).abs().max() < 2e-4 * theirs.abs().max()


@pytest.mark.parametrize("name", ["0.3.0", "0.2.0", "r2scan"])
def test_published_weights_reproduce_predict_structure(name, structures, store_of, compiled):
    from rungs.potentials.chgnet.published import load_published

    model = load_published(name)
    model.graph_converter.set_isolated_atom_response("ignore")
    batch = store_of(model, structures).batch(range(len(structures)))
    ours = BatchedCHGNet(model, compiled=compiled)(batch, create_graph=False)
    begin = 0
    for i, structure in enumerate(structures):
        theirs = model.predict_structure(structure)
        atoms = slice(begin, begin + len(structure))
        begin += len(structure)
        scale = max(1.0, np.abs(theirs["f"]).max())
        # chgnet's own float32 energies are that far from float64
        assert float(ours.energy[i]) == pytest.approx(float(theirs["e"]), abs=2e-5)
        assert np.abs(ours.forces[atoms].numpy() - theirs["f"]).max() < 5e-4 * scale
        assert np.abs(ours.stress[i].numpy() - theirs["s"]).max() < 5e-3 * scale
        assert np.abs(ours.magmoms[atoms].numpy() - theirs["m"]).max() < 5e-5


def losses_of_50_steps(model, loss_now):
    """Losses of a training whose step computes ``loss_now()`` of ``model``."""
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = loss_now()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


@pytest.fixture(scope="module")
def losses_of_chgnet(structures, make_small_model):
    """Of 50 steps with chgnet's own forward, from the small model."""
    model = make_small_model()
    model.graph_converter.set_isolated_atom_response("ignore")
    graphs = [model.graph_converter(s) for s in structures if len(s) > 1]

    def loss_now():
        found = model(graphs, task="efsm")
        return some_loss(
            found["e"], torch.cat(found["f"]), torch.stack(found["s"]), torch.cat(found["m"])
        )

    return losses_of_50_steps(model, loss_now)


def test_50_steps_of_training_see_the_same_losses(
    losses_of_chgnet, small_model, structures, store_of, compiled
):
    """The same start, the same optimiser: chgnet's forward on one side, ours on the other."""
    frames = [s for s in structures if len(s) > 1]
    batch = store_of(small_model, frames).batch(range(len(frames)))
    potential = BatchedCHGNet(small_model, compiled=compiled)

    def loss_now():
        found = potential(batch)
        return some_loss(found.energy, found.forces, found.stress, found.magmoms)

    ours = losses_of_50_steps(small_model, loss_now)
    assert losses_of_chgnet[-1] < 0.9 * losses_of_chgnet[0]
    assert np.abs(ours / losses_of_chgnet - 1).max() < 1e-4


def test_a_left_handed_cell_gives_the_stress_of_the_crystal(small_model, store_of):
    """chgnet divides by a signed volume; ours is a volume."""
    structure = Structure(
        Lattice([[0, 2.1, 2.2], [2.1, 0, 2.1], [2.0, 2.1, 0]]),
        ["Mg", "O"],
        [[0, 0, 0], [0.52, 0.5, 0.47]],
    )
    cell = structure.lattice.matrix
    mirrored = Structure(
        Lattice(cell[[1, 0, 2]]), ["Mg", "O"], structure.cart_coords, coords_are_cartesian=True
    )
    assert np.linalg.det(cell) * np.linalg.det(mirrored.lattice.matrix) < 0
    model = small_model.double()
    batch = store_of(model, [structure, mirrored]).batch([0, 1], dtype=torch.float64)
    stress = BatchedCHGNet(model)(batch, create_graph=False).stress
    assert stress[0].abs().max() > 1e-3
    assert torch.allclose(stress[0], stress[1], atol=1e-10)
