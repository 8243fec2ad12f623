"""Hand-written derivatives equal autograd's, and the gated network taken apart is the network."""

import pytest
import torch
from chgnet.model.functions import GatedMLP
from torch.autograd import grad, gradcheck, gradgradcheck

from rungs.potentials.chgnet.gated import finish, first_layer
from rungs.potentials.chgnet.second_order import Sweep, layer_norm, silu


def values(*shape, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(shape, generator=generator, dtype=torch.float64)).requires_grad_()


def make_norm(width: int) -> torch.nn.LayerNorm:
    norm = torch.nn.LayerNorm(width, eps=0.1).double()
    with torch.no_grad():
        norm.weight.copy_(values(width, seed=1))
        norm.bias.copy_(values(width, seed=2))
    return norm


def test_silu():
    x = values(7, 3)
    assert torch.equal(silu(x), torch.nn.functional.silu(x))
    assert gradcheck(silu, x)
    assert gradgradcheck(silu, x)


def test_layer_norm_of_its_input():
    x, norm, sweep = values(5, 4), make_norm(4), Sweep()
    assert torch.equal(layer_norm(x, norm, sweep), norm(x))
    with sweep.to_geometry():
        assert gradcheck(lambda x: layer_norm(x, norm, sweep), x)
        assert gradgradcheck(lambda x: layer_norm(x, norm, sweep), x)


def two_sweeps(function, x, parameters, sweep):
    """Gradient of an energy, then gradients of a loss on the energy and on that gradient."""
    output = function(x)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    with sweep.to_geometry():
        (dx,) = grad((output * weights + output**2).sum(), x, create_graph=True)
    cotangent = torch.linspace(-2, 1, x.numel(), dtype=x.dtype).view_as(x)
    return dx, *grad((dx**2 * cotangent).sum() + (output**3).sum(), [x, *parameters])


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.abs().max() > 1e-3
        assert torch.allclose(ours, theirs, rtol=1e-11, atol=1e-12)


def test_layer_norm_of_its_parameters():
    x, norm, sweep = values(5, 4), make_norm(4), Sweep()
    found = two_sweeps(lambda x: layer_norm(x, norm, sweep), x, list(norm.parameters()), sweep)
    assert_same(found, two_sweeps(norm, x, list(norm.parameters()), sweep))


def test_layer_norm_of_rows_that_are_not_contiguous():
    x, norm = values(5, 8), make_norm(4)
    columns = x[:, ::2]
    assert not columns.is_contiguous()
    assert torch.equal(layer_norm(columns, norm, Sweep()), norm(columns))


def test_what_is_not_covered_says_so():
    x, norm = values(5, 4), make_norm(4)
    with pytest.raises(RuntimeError, match="once more"):
        grad(layer_norm(x, norm, Sweep()).sum(), norm.weight, create_graph=True)
    sweep = Sweep()
    for function in (silu, lambda x: layer_norm(x, norm, sweep)):
        with sweep.to_geometry():
            (first,) = grad(function(x).square().sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="once more"):
            grad(first.square().sum(), x, create_graph=True)


@pytest.mark.parametrize("hidden", [0, 7, [6, 7]])
@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("activation", ["silu", "tanh"])
def test_the_network_taken_apart(hidden, norm, activation):
    """Gathering behind the first layer gives what the network gives on gathered inputs."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = GatedMLP(3 + 2, 4, hidden_dim=hidden, norm=norm, activation=activation).double()
    if norm:
        network.bn1, network.bn2 = make_norm(4), make_norm(4)
    atoms, bonds = values(6, 3), values(5, 2, seed=3)
    owner, bond = torch.tensor([0, 1, 5, 5, 2, 0, 3]), torch.tensor([4, 4, 0, 1, 2, 3, 3])
    sweep = Sweep()

    def whole(atoms):
        return network(torch.cat([atoms[owner], bonds[bond]], dim=1))

    def apart(atoms):
        (to_atoms, to_bonds), bias = first_layer(network, [3, 2])
        rows = (atoms @ to_atoms.T)[owner] + (bonds @ to_bonds.T + bias)[bond]
        return finish(network, rows, sweep)

    assert torch.allclose(apart(atoms), whole(atoms), atol=1e-13)
    parameters = [bonds, *network.parameters()]
    assert_same(
        two_sweeps(apart, atoms, parameters, sweep), two_sweeps(whole, atoms, parameters, sweep)
    )


def test_no_rows():
    network = GatedMLP(5, 4, hidden_dim=7, norm="layer").double()
    output = finish(network, values(0, 14), Sweep())
    assert output.shape == (0, 4)
    gradients = grad(output.sum(), [network.bn1.weight, network.mlp_gate.layers[3].weight])
    assert all((gradient == 0).all() for gradient in gradients)
