"""The rows of a gated network behind its first layer, with hand-written derivatives.

Training on forces differentiates the network twice. Left to itself, autograd takes the second
derivative of activation and layer normalisation apart into dozens of operations on large
tensors, and that is most of the time of a training step. Here both derivatives are written out,
and all of it works on blocks of rows that stay in the processor's cache. Between the passes only
the inputs are kept.

For a row of the first layer's results t (core and gate side by side, both of width h):

    y = silu(t)                    only if there is a second layer
    x = W y + b                    core and gate each with their own W, b
    n = (x - mean) / √(var + ε)    only with layer normalisation, core and gate each for itself
    u = γ n + β
    z = silu(u_core) · sigmoid(u_gate)
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_BLOCK_ROWS = 1024
"""Rows of a block for each thread: with 64 features half a megabyte a tensor."""


class Sweep:
    """Which sweep through the network is going on.

    A function of autograd cannot see whether the gradients of its parameters are asked for. In
    the sweep towards the geometry they are not, and computing them would double the work.
    """

    def __init__(self) -> None:
        self.towards_geometry = False

    @contextmanager
    def to_geometry(self) -> Iterator[None]:
        """Mark the gradients taken within as those towards the geometry."""
        self.towards_geometry = True
        try:
            yield
        finally:
            self.towards_geometry = False


class GatedRows(Function):
    """(R, 2h) results of the first layer → (R, D) output of the gated network."""

    @staticmethod
    def forward(ctx, sweep, eps, rows, weight, bias, gamma, beta):
        """Evaluate.

        Args:
            sweep: see :class:`Sweep`.
            eps: of the layer normalisation.
            rows: (R, 2h) first layer's results t.
            weight: (2, D, h) second layers of core and gate, or None where there is none.
            bias: (2, D), or None.
            gamma, beta: (2, D) of the layer normalisation, or None where there is none.
        """
        layer = _Layer(weight, bias, gamma, beta, eps)
        x = layer.empty_x(rows)
        output = rows.new_empty(len(rows), x.shape[1] // 2)
        statistics = None if gamma is None else rows.new_empty(2, len(rows), 2, 1)
        for block in _blocks(rows):
            layer.second_linear(rows[block], x[block])
            u = layer.normalise(x[block], statistics, block)
            s = torch.sigmoid(u)
            torch.mul(u[:, 0], s[:, 0], out=output[block]).mul_(s[:, 1])
        ctx.save_for_backward(rows, x, statistics, weight, bias, gamma, beta)
        ctx.sweep, ctx.eps = sweep, eps
        return output

    @staticmethod
    def backward(ctx, output_gradient):
        if torch.is_grad_enabled() and not ctx.sweep.towards_geometry:
            raise RuntimeError("gradients of the parameters cannot be differentiated once more")
        gradients = _GatedRowsBackward.apply(
            ctx.sweep.towards_geometry, ctx.eps, output_gradient, *ctx.saved_tensors
        )
        return None, None, *gradients
