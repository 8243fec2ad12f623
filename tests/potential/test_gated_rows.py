"""Hand-written derivatives equal autograd's."""

import pytest
import torch
from chgnet.model.functions import GatedMLP

from rungs.potential import gated, gated_rows
from rungs.potential.gated import finish, finish_by_autograd
from rungs.potential.gated_rows import Sweep


@pytest.fixture(autouse=True)
def _also_on_narrow_rows(monkeypatch):
    monkeypatch.setattr(gated, "_WIDE", 0)


def make(hidden, norm, activation="silu") -> tuple[GatedMLP, torch.Tensor, list]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = GatedMLP(5, 4, hidden_dim=hidden, norm=norm, activation=activation).double()
        width = 4 if not hidden else hidden if isinstance(hidden, int) else hidden[0]
        rows = torch.randn(11, 2 * width, dtype=torch.float64, requires_grad=True)
        for layer in (network.bn1, network.bn2):
            if layer is not None:
                torch.nn.init.normal_(layer.weight)
                torch.nn.init.normal_(layer.bias)
    first = {id(p) for mlp in (network.mlp_core, network.mlp_gate) for p in first_linear(mlp)}
    return network, rows, [p for p in network.parameters() if id(p) not in first]


def first_linear(mlp):
    return next(layer for layer in mlp.layers if isinstance(layer, torch.nn.Linear)).parameters()


def derivatives(function, rows, parameters, sweep):
    """Output, gradient of an energy, and gradients of a loss on both."""
    output = function(rows)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    with sweep.to_geometry():
        (gradient,) = torch.autograd.grad(
            (output * weights + output**2).sum(), rows, create_graph=True
        )
    cotangent = torch.linspace(-2, 1, rows.numel(), dtype=rows.dtype).view_as(rows)
    loss = (gradient**2 * cotangent).sum() + (output**3).sum()
    return output, gradient, *torch.autograd.grad(loss, [rows, *parameters])


@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("block", [1, 4, 1000])
def test_first_and_second_derivatives(hidden, norm, block, monkeypatch):
    monkeypatch.setattr(gated_rows, "_BLOCK_ROWS", block)
    network, rows, parameters = make(hidden, norm)
    assert len(parameters) == (4 if hidden else 0) + (4 if norm else 0)
    sweep = Sweep()
    ours = derivatives(lambda r: finish(network, r, sweep), rows, parameters, sweep)
    expected = derivatives(lambda r: finish_by_autograd(network, r), rows, parameters, sweep)
    for found, wanted in zip(ours, expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-11, atol=1e-12)
        assert wanted.abs().max() > 1e-3


def test_gradients_without_a_second_sweep():
    network, rows, parameters = make(7, "layer")
    ours = torch.autograd.grad(finish(network, rows, Sweep()).sin().sum(), [rows, *parameters])
    expected = torch.autograd.grad(
        finish_by_autograd(network, rows).sin().sum(), [rows, *parameters]
    )
    for found, wanted in zip(ours, expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("hidden", "activation"), [([6, 7], "silu"), (7, "tanh"), (0, "gelu")])
def test_other_networks_go_through_autograd(hidden, activation):
    network, rows, _ = make(hidden, "layer", activation)
    assert torch.equal(finish(network, rows, Sweep()), finish_by_autograd(network, rows))


def test_equals_the_network_itself():
    network, _, _ = make(7, "layer")
    inputs = torch.linspace(-2, 2, 30, dtype=torch.float64).view(6, 5)
    first = [next(m for m in mlp.layers) for mlp in (network.mlp_core, network.mlp_gate)]
    rows = torch.cat([layer(inputs) for layer in first], dim=1)
    assert torch.allclose(finish(network, rows, Sweep()), network(inputs), atol=1e-14)


def test_parameters_cannot_be_differentiated_twice():
    network, rows, parameters = make(0, "layer")
    output = finish(network, rows, Sweep())
    with pytest.raises(RuntimeError, match="cannot be differentiated once more"):
        torch.autograd.grad(output.sum(), parameters, create_graph=True)


def test_one_derivative_is_left_to_autograd():
    network, rows, _ = make(7, "layer")
    assert "_Output" in type(finish(network, rows, Sweep()).grad_fn).__name__
    assert "_Output" not in type(finish(network, rows, Sweep(twice=False)).grad_fn).__name__


def test_no_rows():
    network, rows, parameters = make(7, "layer")
    output = finish(network, rows[:0], Sweep())
    assert output.shape == (0, 4)
    gradients = torch.autograd.grad(output.sum(), parameters)
    assert all((gradient == 0).all() for gradient in gradients)
