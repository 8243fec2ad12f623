"""The rows of a gated network behind its first layer, with hand-written derivatives.

Training on forces differentiates the network twice. Left to itself, autograd takes the second
derivatives of activation and layer normalisation apart into dozens of operations on large
tensors, which all have to be kept for it. Here both derivatives are written out, on blocks of
rows that stay in the processor's cache, and between the sweeps only inputs are kept: half the
memory of a training step, and on a GPU a quarter fewer kernels to launch.

A row holds the first layer's results t, core and gate side by side, each of width h:

    y = silu(t),  x = W y + b                         with a second layer; else x = t
    n = (x - mean(x)) / √(var(x) + ε),  u = γ n + β   with layer normalisation; else u = x
    z = p q  with  p = silu(u_core),  q = sigmoid(u_gate)

Core and gate have their own W, b, γ, β, mean and variance. The sweep towards the geometry turns
dz into dt; the last sweep turns t̄, the derivative of the loss with respect to dt, into those with
respect to dz, t and the parameters. Names ending in ``_bar`` are such derivatives of the loss.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu

_BLOCK_ROWS = 1024
"""Rows of a block for each thread: half a megabyte a tensor with 64 features in float32."""


class Sweep:
    """Which sweep through the network is going on.

    A function of autograd cannot see whether the gradients of its parameters are asked for. In
    the sweep towards the geometry they are not, and computing them would double the work.

    Args:
        twice: whether there will be a last sweep, over that towards the geometry.
    """

    def __init__(self, twice: bool = True) -> None:
        self.twice = twice
        self.towards_geometry = False

    @contextmanager
    def to_geometry(self) -> Iterator[None]:
        """Mark the gradients taken within as those with respect to the geometry alone."""
        self.towards_geometry = True
        try:
            yield
        finally:
            self.towards_geometry = False


class LaterLayers(NamedTuple):
    """Parameters behind the first layer, core before gate; None where there is no such layer."""

    weight: Tensor | None
    """(2, D, h)."""
    bias: Tensor | None
    """(2, D)."""
    gamma: Tensor | None
    """(2, D)."""
    beta: Tensor | None
    """(2, D)."""
    eps: float
    """ε of the layer normalisation."""

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        return self[:4]


def gated_rows(rows: Tensor, layers: LaterLayers, sweep: Sweep) -> Tensor:
    """Return the (R, D) outputs z of a gated network with silu as activation.

    Args:
        rows: (R, 2h) results t of the first layer.
        layers: what follows.
        sweep: through which the caller announces the gradient with respect to the geometry.
    """
    return _Output.apply(sweep, layers.eps, rows, *layers.tensors)


class _Output(Function):
    """t → z."""

    @staticmethod
    def forward(ctx, sweep, eps, rows, *parameters):
        layers = LaterLayers(*parameters, eps)
        x = rows
        if layers.weight is not None:
            x = rows.new_empty(len(rows), layers.bias.numel())
        width = x.shape[1] // 2
        output = x.new_empty(len(x), width)
        statistics = None
        if layers.gamma is not None:
            statistics = x.new_empty(2, len(x), 2, 1)
        for block in _blocks(rows):
            if layers.weight is not None:
                _both(silu(rows[block]), layers.weight.mT, out=x[block], bias=layers.bias)
            if statistics is not None:
                _, statistics[0, block], statistics[1, block] = torch.native_layer_norm(
                    x[block].view(-1, 2, width), (width,), None, None, eps
                )
            point = _Point(x[block], statistics, block, layers)
            torch.mul(point.p, point.q, out=output[block])
        ctx.save_for_backward(rows, x, statistics, *parameters)
        ctx.sweep, ctx.eps = sweep, eps
        return output

    @staticmethod
    def backward(ctx, dz):
        to_geometry = ctx.sweep.towards_geometry
        if torch.is_grad_enabled() and not to_geometry:
            raise RuntimeError("gradients of the parameters cannot be differentiated once more")
        dt, *sums = _Gradient.apply(to_geometry, ctx.eps, dz, *ctx.saved_tensors)
        return None, None, dt, *sums


class _Gradient(Function):
    """dz, t → dt and, unless the sweep goes to the geometry, the parameters' gradients."""

    @staticmethod
    def forward(ctx, to_geometry, eps, dz, rows, x, statistics, *parameters):
        ctx.save_for_backward(dz, rows, x, statistics, *parameters)
        ctx.eps = eps
        layers = LaterLayers(*parameters, eps)
        sums = _Sums(layers)
        dt = torch.empty_like(rows)
        for block in _blocks(rows):
            point = _Point(x[block], statistics, block, layers)
            du = point.gate_gradient(dz[block])
            if not to_geometry:
                sums.add_normalisation(du, point)
            dx = point.through_normalisation(point.scaled(du)).view(len(dz[block]), -1)
            if layers.weight is None:
                dt[block] = dx
                continue
            hidden = _Silu(rows[block])
            if not to_geometry:
                sums.add_linear(dx, hidden.value)
            torch.mul(_both(dx, layers.weight), hidden.slope, out=dt[block])
        return dt, *((None,) * 4 if to_geometry else sums.totals)

    @staticmethod
    @once_differentiable
    def backward(ctx, dt_bar, *_):
        dz, rows, x, statistics, *parameters = ctx.saved_tensors
        layers = LaterLayers(*parameters, ctx.eps)
        sums = _Sums(layers)
        dz_bar, t_bar = torch.empty_like(dz), torch.empty_like(rows)
        for block in _blocks(rows):
            point = _Point(x[block], statistics, block, layers)
            du = point.gate_gradient(dz[block])
            dn = point.scaled(du)
            dx = point.through_normalisation(dn)
            dx_bar, flat = dt_bar[block], (len(dx), -1)
            if layers.weight is not None:
                # dt = silu'(t) dy with dy = Wᵀ dx
                hidden = _Silu(rows[block])
                dy = _both(dx.view(flat), layers.weight)
                torch.mul(dy.mul_(dx_bar), hidden.curvature(), out=t_bar[block])
                dy_bar = dx_bar * hidden.slope
                sums.add_linear(dx.view(flat), dy_bar, with_bias=False)
                dx_bar = _both(dy_bar, layers.weight.mT)
            dx_bar = dx_bar.reshape(dx.shape)
            # dn → dx is linear and symmetric for a given x
            dn_bar = point.through_normalisation(dx_bar)
            if layers.gamma is not None:
                sums.gamma += (du * dn_bar).sum(0)
            u_bar = point.gate_curvature(dz[block], point.scaled(dn_bar), out=dz_bar[block])
            sums.add_normalisation(u_bar, point)
            x_bar = point.normalisation_curvature(point.scaled(u_bar), dx_bar, dn, dx).view(flat)
            if layers.weight is None:
                t_bar[block] = x_bar
            else:
                sums.add_linear(x_bar, hidden.value)
                t_bar[block].addcmul_(_both(x_bar, layers.weight), hidden.slope)
        return None, None, dz_bar, t_bar, None, None, *sums.totals


class _Silu:
    """y = silu(t) = t s with s = sigmoid(t), and its derivatives."""

    def __init__(self, t: Tensor) -> None:
        self.s = torch.sigmoid(t)
        self.value = t * self.s
        self.slope = torch.addcmul(self.s + self.value, self.value, self.s, value=-1)
        """y' = s + y - y s."""

    def curvature(self) -> Tensor:
        """y'' = (1 - s) (2 y' - y)."""
        half = torch.sub(self.slope, self.value, alpha=0.5)
        return half.addcmul_(half, self.s, value=-1).mul_(2)


class _Point:
    """Values of a block of r rows at its x (r, 2D), and the derivatives there.

    Tensors have the shape (r, 2, D), core before gate, or (r, D) for one of them.
    """

    def __init__(
        self, x: Tensor, statistics: Tensor | None, block: slice, layers: LaterLayers
    ) -> None:
        self.x = self.n = x.view(len(x), 2, x.shape[1] // 2)
        self.gamma = layers.gamma
        u = self.x
        if self.gamma is not None:
            self._mean, self._rstd = statistics[0, block], statistics[1, block]
            self.n = (self.x - self._mean).mul_(self._rstd)
            u = torch.addcmul(layers.beta, self.n, self.gamma)
        s = torch.sigmoid(u)
        self._s, self.q = s[:, 0], s[:, 1]
        self.p = u[:, 0] * self._s

    def scaled(self, rows: Tensor) -> Tensor:
        """γ times rows."""
        return rows if self.gamma is None else rows * self.gamma

    def gate_gradient(self, dz: Tensor) -> Tensor:
        """du from dz."""
        # p' = s + p - p s and q' = q - q²
        self._p1 = torch.addcmul(self._s + self.p, self.p, self._s, value=-1)
        self._q1 = torch.addcmul(self.q, self.q, self.q, value=-1)
        self._p1_q, self._p_q1 = self._p1 * self.q, self.p * self._q1
        du = torch.empty_like(self.x)
        torch.mul(self._p1_q, dz, out=du[:, 0])
        torch.mul(self._p_q1, dz, out=du[:, 1])
        return du

    def gate_curvature(self, dz: Tensor, du_bar: Tensor, out: Tensor) -> Tensor:
        """Derivative with respect to u from that with respect to du; that to dz goes to ``out``.

        To be called after :meth:`gate_gradient`.
        """
        core, gate = du_bar[:, 0], du_bar[:, 1]
        torch.addcmul(core * self._p1_q, gate, self._p_q1, out=out)
        # p'' = (1 - s) (2 p' - p) and q'' = q' (1 - 2 q)
        half = torch.sub(self._p1, self.p, alpha=0.5)
        half.addcmul_(half, self._s, value=-1).mul_(self.q)
        p_q2 = torch.addcmul(self._p_q1, self._p_q1, self.q, value=-2)
        p1_q1 = self._p1.mul_(self._q1)
        u_bar = torch.empty_like(self.x)
        torch.mul((gate * p1_q1).addcmul_(core, half, value=2), dz, out=u_bar[:, 0])
        torch.mul((core * p1_q1).addcmul_(gate, p_q2), dz, out=u_bar[:, 1])
        return u_bar

    def through_normalisation(self, dn: Tensor) -> Tensor:
        """dx from dn: (dn - mean(dn) - n mean(n dn)) / √(var + ε)."""
        if self.gamma is None:
            return dn
        wanted = [True, False, False]
        return torch.ops.aten.native_layer_norm_backward(
            dn, self.x, dn.shape[2:], self._mean, self._rstd, None, None, wanted
        )[0]

    def normalisation_curvature(
        self, n_bar: Tensor, dx_bar: Tensor, dn: Tensor, dx: Tensor
    ) -> Tensor:
        """Derivative with respect to x: through n, and through x where dn becomes dx."""
        if self.gamma is None:
            return n_bar
        mixed = dx_bar * _mean(dn * self.n)
        mixed.addcmul_(dn, _mean(dx_bar * self.n))
        x_bar = self.through_normalisation(n_bar.addcmul_(mixed, self._rstd, value=-1))
        return x_bar.addcmul_(self.n, _mean(dx_bar * dx).mul_(self._rstd), value=-1)


class _Sums:
    """Gradients of the parameters, added up over the blocks."""

    def __init__(self, layers: LaterLayers) -> None:
        self.totals = [None if p is None else torch.zeros_like(p) for p in layers.tensors]
        self.weight, self.bias, self.gamma, self.beta = self.totals

    def add_normalisation(self, du: Tensor, point: _Point) -> None:
        """Add what du gives to γ and β."""
        if self.gamma is not None:
            self.gamma += (du * point.n).sum(0)
            self.beta += du.sum(0)

    def add_linear(self, dx: Tensor, y: Tensor, with_bias: bool = True) -> None:
        """Add what dx (r, 2D) gives to W and b, at inputs y (r, 2h)."""
        for total, left, right in zip(
            self.weight, dx.chunk(2, dim=1), y.chunk(2, dim=1), strict=True
        ):
            total.addmm_(left.t(), right)
        if with_bias:
            self.bias += dx.sum(0).view_as(self.bias)


def _both(
    rows: Tensor, matrices: Tensor, out: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """Return (r, 2D): the core part of ``rows`` (r, 2h) times the first matrix (h, D), and the
    gate part times the second, plus their rows of ``bias`` (2, D)."""
    if out is None:
        out = rows.new_empty(len(rows), 2 * matrices.shape[2])
    parts = zip(rows.chunk(2, dim=1), matrices, out.chunk(2, dim=1), strict=True)
    for side, (part, matrix, place) in enumerate(parts):
        if bias is None:
            torch.mm(part, matrix, out=place)
        else:
            torch.addmm(bias[side], part, matrix, out=place)
    return out


def _mean(rows: Tensor) -> Tensor:
    return rows.mean(dim=-1, keepdim=True)


def _blocks(rows: Tensor) -> Iterator[slice]:
    """Cut R rows into blocks; a GPU takes them all at once."""
    step = len(rows) if rows.is_cuda else _BLOCK_ROWS * torch.get_num_threads()
    for begin in range(0, len(rows), max(step, 1)):
        yield slice(begin, begin + step)
