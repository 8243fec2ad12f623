"""Gated messages as one operation of autograd, done by compiled functions on the CPU.

``messages.cpp`` has the formulas. The operation can be differentiated twice: towards the geometry,
then, last, towards everything; see :mod:`rungs.potentials.chgnet.second_order`.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd import Function

from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.gated import linear_layers
from rungs.potentials.chgnet.second_order import Sweep, refuse_another_derivative

_NAMES = {torch.float32: "float", torch.float64: "double"}


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Which rows of its tables each of R messages is made from, and who receives it.

    All are int64 and contiguous. ``weights`` is None for messages without a weight, ``owners`` for
    messages that are not summed.
    """

    first: Tensor
    """(R,) rows of table a."""
    second: Tensor
    """(R,) rows of table b."""
    third: Tensor
    """(R,) rows of table c."""
    weights: Tensor | None
    """(R,) rows of the table of weights."""
    owners: Tensor | None
    """(R,) rows of the result."""
    n_owners: int
    parts: tuple[Tensor, Tensor]
    """``starts`` (P + 1,) into ``pieces`` (K, 2), first and last row of pieces of the rows. No
    two of the P parts share a row of any table or of the result."""


class _Gate(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("weight", "bias", "gamma", "beta")]


class _Block(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("hidden", "width", "has_second_layer", "has_norm")),
        ("n_parts", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("starts", "pieces", "ia", "ib", "ic", "iw")),
        ("owners", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("a", "b", "c", "w")),
        ("gates", _Gate * 2),
        ("epsilon", ctypes.c_double * 2),
    ]


class _Gradients(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("a", "b", "c", "w", "out")),
        *((name, ctypes.c_void_p * 2) for name in ("weight", "bias", "gamma", "beta")),
    ]


class _Tangents(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("a", "b", "c", "w")]


@dataclass(frozen=True, eq=False, slots=True)
class _Call:
    """What all sweeps through one operation have in common."""

    rows: Rows
    sweep: Sweep
    has_second_layer: bool
    has_norm: bool
    epsilon: tuple[float, float]
    made: list[_Block]
    """The description for the compiled functions, once it is there."""

    def parameters(self, values: Sequence[Tensor]) -> dict[str, list[Tensor | None]]:
        """Return weights, biases, γ and β of core and gate from their flat sequence."""
        rest = list(values)
        found = {}
        for names, there in (
            (("weight", "bias"), self.has_second_layer),
            (("gamma", "beta"), self.has_norm),
        ):
            for name in names:
                found[name] = [rest.pop(0), rest.pop(0)] if there else [None, None]
        return found

    def block(self, tables: Sequence[Tensor | None], parameters: Sequence[Tensor]) -> _Block:
        if self.made:
            return self.made[0]
        a, _, _, w = tables
        given = self.parameters(parameters)
        hidden = a.shape[1] // 2
        width = given["weight"][0].shape[0] if self.has_second_layer else hidden
        rows = self.rows
        starts, pieces = rows.parts
        block = _Block(
            hidden, width, self.has_second_layer, self.has_norm, len(starts) - 1,
            *map(_at, (starts, pieces, rows.first, rows.second, rows.third)),
            _at(rows.weights if w is not None else None),
            _at(rows.owners),
            *map(_at, tables),
        )  # fmt: skip
        for g in range(2):
            for name in ("weight", "bias", "gamma", "beta"):
                setattr(block.gates[g], name, _at(given[name][g]))
            block.epsilon[g] = self.epsilon[g]
        self.made.append(block)
        return block

    def gradients(
        self,
        tables: Sequence[Tensor | None],
        parameters: Sequence[Tensor | None],
        out: Tensor | None = None,
    ) -> _Gradients:
        found = _Gradients(*map(_at, tables), _at(out))
        for name, values in self.parameters(parameters).items():
            for g in range(2):
                getattr(found, name)[g] = _at(values[g])
        return found


def gated_messages(
    gated: nn.Module,
    rows: Rows,
    tables: Sequence[Tensor],
    weights: Tensor | None,
    sweep: Sweep,
) -> Tensor:
    """Return (n_owners, output) sums of weighted messages, or (R, output) of all messages.

    Args:
        gated: a ``chgnet.model.functions.GatedMLP`` that :func:`covers` accepts.
        rows: what each message is made from.
        tables: three of width 2h, whose sum over the rows of a message is the result of the first
            layer, core in the first half and gate in the second, bias included.
        weights: (…, output), or None.
        sweep: through which the caller announces the gradient with respect to the geometry.
    """
    core, gate = linear_layers(gated.mlp_core), linear_layers(gated.mlp_gate)
    parameters = []
    if len(core) == 2:
        parameters += [core[1].weight, gate[1].weight, core[1].bias, gate[1].bias]
    epsilon = (0.0, 0.0)
    if gated.norm is not None:
        norms = gated.bn1, gated.bn2
        parameters += [n.weight for n in norms] + [n.bias for n in norms]
        epsilon = tuple(n.eps for n in norms)
    call = _Call(rows, sweep, len(core) == 2, gated.norm is not None, epsilon, [])
    tables = [t.contiguous() for t in tables]
    if weights is not None:
        weights = weights.contiguous()
    return _Messages.apply(call, *tables, weights, *parameters)


def covers(gated: nn.Module) -> bool:
    """Return whether the compiled functions know this gated network."""
    return (
        isinstance(gated.activation, nn.SiLU)
        and len(linear_layers(gated.mlp_core)) <= 2
        and all(layer.bias is not None for layer in linear_layers(gated.mlp_core))
    )


def can_run(tensor: Tensor) -> bool:
    """Return whether the compiled functions can work on ``tensor`` here."""
    return tensor.device.type == "cpu" and tensor.dtype in _NAMES and compiled_library() is not None


class _Messages(Function):
    @staticmethod
    def forward(ctx, call, a, b, c, w, *parameters):
        ctx.set_materialize_grads(False)
        block = call.block((a, b, c, w), parameters)
        keep = any(ctx.needs_input_grad)
        n_rows = len(call.rows.first)
        z = a.new_empty(n_rows, 2, block.width) if keep else None
        n_out = call.rows.n_owners if call.rows.owners is not None else n_rows
        out = a.new_zeros(n_out, block.width)
        _function("forward", a)(ctypes.byref(block), _pointer(z), _pointer(out))
        ctx.call = call
        ctx.save_for_backward(z, a, b, c, w, *parameters)
        return out

    @staticmethod
    def backward(ctx, out_bar):
        if out_bar is None:
            return (None,) * (1 + len(ctx.saved_tensors[1:]))
        to_geometry = ctx.call.sweep.towards_geometry
        if not to_geometry:
            refuse_another_derivative()
        arguments = (ctx.call, to_geometry, out_bar.contiguous(), *ctx.saved_tensors)
        return None, *_MessagesGradient.apply(*arguments)


class _MessagesGradient(Function):
    """Gradient of the result → gradients of the tables, the weights and the parameters."""

    @staticmethod
    def forward(ctx, call, to_geometry, out_bar, z, a, b, c, w, *parameters):
        ctx.set_materialize_grads(False)
        tables = [None if t is None else torch.zeros_like(t) for t in (a, b, c, w)]
        wanted = [None] * len(parameters) if to_geometry else _zeros(parameters)
        block = call.block((a, b, c, w), parameters)
        to = call.gradients(tables, wanted)
        _function("backward", a)(
            ctypes.byref(block), _pointer(z), _pointer(out_bar), ctypes.byref(to)
        )
        ctx.call = call
        ctx.save_for_backward(out_bar, z, a, b, c, w, *parameters)
        return *tables, *wanted

    @staticmethod
    def backward(ctx, a_dot, b_dot, c_dot, w_dot, *_):
        refuse_another_derivative()
        call = ctx.call
        out_bar, z, a, b, c, w, *parameters = ctx.saved_tensors
        dots = [None if t is None else t.contiguous() for t in (a_dot, b_dot, c_dot, w_dot)]
        tables = [None if t is None else torch.zeros_like(t) for t in (a, b, c, w)]
        wanted = _zeros(parameters)
        out_dot = torch.zeros_like(out_bar)
        block = call.block((a, b, c, w), parameters)
        to = call.gradients(tables, wanted, out_dot)
        tangents = _Tangents(*map(_at, dots))
        _function("second", a)(
            ctypes.byref(block),
            _pointer(z),
            _pointer(out_bar),
            ctypes.byref(tangents),
            ctypes.byref(to),
        )
        return None, None, out_dot, None, *tables, *wanted


def _zeros(like: Sequence[Tensor]) -> list[Tensor]:
    """Return zeros of the shapes of ``like``, from one allocation."""
    if not like:
        return []
    sizes = [p.numel() for p in like]
    pieces = like[0].new_zeros(sum(sizes)).split(sizes)
    return [piece.view_as(p) for piece, p in zip(pieces, like, strict=True)]


def _function(name: str, like: Tensor):
    return getattr(compiled_library(), f"{name}_{_NAMES[like.dtype]}")


def _at(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(_at(tensor))
