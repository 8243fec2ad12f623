"""Activation and layer normalisation with their second derivatives written out.

Training on forces differentiates the network twice. Autograd takes the second derivatives of these
two apart into dozens of operations on large tensors, which together are the largest share of a
training step. Written out they are a few. Names ending in ``_bar`` are derivatives of the loss in
the last sweep; before it comes the sweep towards the geometry, which turns the gradient ``dy`` of
an output into the gradient ``dx`` of its input.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd import Function

_normalise_backward = torch.ops.aten.native_layer_norm_backward
_silu_backward = torch.ops.aten.silu_backward


class Sweep:
    """Which sweep through the network is going on.

    A function of autograd cannot see whether the gradients of its parameters are asked for. In
    the sweep towards the geometry they are not, and computing them would be a waste.
    """

    def __init__(self) -> None:
        self.towards_geometry = False

    @contextmanager
    def to_geometry(self) -> Iterator[None]:
        """Mark the gradients taken within as those with respect to the geometry alone."""
        self.towards_geometry = True
        try:
            yield
        finally:
            self.towards_geometry = False


def silu(x: Tensor) -> Tensor:
    """Return x s with s = sigmoid(x); can be differentiated twice, not three times."""
    return _Silu.apply(x)


def layer_norm(x: Tensor, norm: nn.LayerNorm, sweep: Sweep) -> Tensor:
    """Return γ n + β with n = (x - mean) / √(variance + ε), over the last axis of x (R, D).

    Can be differentiated twice with respect to x, and once, last, with respect to γ and β.
    """
    return _LayerNorm.apply(sweep, norm.eps, x.contiguous(), norm.weight, norm.bias)


class _Silu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return nn.functional.silu(x)

    @staticmethod
    def backward(ctx, dy):
        return _SiluGradient.apply(dy, *ctx.saved_tensors)


class _SiluGradient(Function):
    """dy, x → dx = dy silu'(x)."""

    @staticmethod
    def forward(ctx, dy, x):
        ctx.save_for_backward(dy, x)
        return _silu_backward(dy, x)

    @staticmethod
    def backward(ctx, dx_bar):
        refuse_another_derivative()
        dy, x = ctx.saved_tensors
        s = torch.sigmoid(x)
        # silu'' = s (1 - s) (2 + x (1 - 2 s))
        x_bar = torch.addcmul(x, x, s, value=-2).add_(2).mul_(dy).mul_(dx_bar).mul_(s)
        return _silu_backward(dx_bar, x), torch.addcmul(x_bar, x_bar, s, value=-1)


class _LayerNorm(Function):
    @staticmethod
    def forward(ctx, sweep, eps, x, gamma, beta):
        y, mean, rstd = torch.native_layer_norm(x, x.shape[-1:], gamma, beta, eps)
        ctx.save_for_backward(x, mean, rstd, gamma, beta)
        ctx.sweep = sweep
        return y

    @staticmethod
    def backward(ctx, dy):
        to_geometry = ctx.sweep.towards_geometry
        if not to_geometry:
            refuse_another_derivative()
        dy = dy.contiguous()
        return None, None, *_LayerNormGradient.apply(to_geometry, dy, *ctx.saved_tensors)


class _LayerNormGradient(Function):
    """dy, x → dx = (w - mean(w) - n mean(n w)) / √(variance + ε) with w = γ dy.

    For a given x that is linear and symmetric in w; ``through`` below is that map.
    """

    @staticmethod
    def forward(ctx, to_geometry, dy, x, mean, rstd, gamma, beta):
        wanted = [True, not to_geometry, not to_geometry]
        gradients = _normalise_backward(dy, x, x.shape[-1:], mean, rstd, gamma, beta, wanted)
        ctx.save_for_backward(dy, x, mean, rstd, gamma, gradients[0])
        return gradients

    @staticmethod
    def backward(ctx, dx_bar, *_):
        refuse_another_derivative()
        dy, x, mean, rstd, gamma, dx = ctx.saved_tensors

        def through(w: Tensor) -> Tensor:
            wanted = [True, False, False]
            return _normalise_backward(w, x, x.shape[-1:], mean, rstd, None, None, wanted)[0]

        def average(a: Tensor, b: Tensor) -> Tensor:
            return (a * b).mean(dim=-1, keepdim=True).mul_(rstd)

        w_bar = through(dx_bar)
        dy_bar = w_bar * gamma
        gamma_bar = w_bar.mul_(dy).sum(dim=0)
        # x acts through n and through the variance
        n, w = torch.sub(x, mean).mul_(rstd), dy * gamma
        of_w, of_bar = average(w, n), average(dx_bar, n)
        x_bar = through(w.mul_(of_bar).addcmul_(dx_bar, of_w).neg_())
        x_bar.addcmul_(n, average(dx_bar, dx), value=-1)
        return None, dy_bar, x_bar, None, None, gamma_bar, None


def refuse_another_derivative() -> None:
    # Autograd is recording: it would take what follows for constant.
    if torch.is_grad_enabled():
        raise RuntimeError("these gradients cannot be differentiated once more")
