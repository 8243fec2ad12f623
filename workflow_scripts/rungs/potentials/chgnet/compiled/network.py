"""CHGNet on a batch as one operation of autograd, done by compiled functions on the CPU.

``frame.hpp`` and what it includes have the mathematics. The operation gives energies, forces,
virials and moments at once, and the gradient of a loss on any of them with respect to the
parameters; it cannot be differentiated once more.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.compiled.parameters import (
    Spec,
    parameters_of,
    same_numbers,
    spec_of,
)
from rungs.potentials.chgnet.second_order import refuse_another_derivative

_NAMES = {torch.float32: "float", torch.float64: "double"}


class Results(NamedTuple):
    """Of G frames with N atoms in all; None for what was not wanted."""

    energies: Tensor
    """(G,) of whole frames in eV, without reference energies."""
    forces: Tensor | None
    """(N, 3) in eV/Å."""
    virials: Tensor | None
    """(G, 3, 3) Σ r ⊗ dE/dr in eV."""
    moments: Tensor | None
    """(N,) in μB."""


class _Batch(ctypes.Structure):
    _fields_ = [
        *((f"n_{name}", ctypes.c_int64) for name in ("frames", "bonds", "angle_bonds")),
        *((f"n_{name}", ctypes.c_int64) for name in ("mirrored", "stored", "angles")),
        *((name, ctypes.c_void_p) for name in ("starts", "numbers", "bond_atoms")),
        *((name, ctypes.c_void_p) for name in ("angle_bonds", "angle_halves")),
        *((name, ctypes.c_void_p) for name in ("vectors", "signs", "volumes")),
    ]


class _Four(ctypes.Structure):
    """Results of a batch, or the gradients of a loss with respect to them."""

    _fields_ = [(name, ctypes.c_void_p) for name in Results._fields]


def can_evaluate(model: nn.Module, batch: GraphBatch) -> bool:
    """Return whether the compiled network knows ``model`` and can be run on ``batch`` here."""
    dtype = batch.bond_vectors.dtype
    return (
        batch.bond_vectors.device.type == "cpu"
        and dtype in _NAMES
        and spec_of(model) is not None
        and same_numbers(parameters_of(model), dtype)
        and compiled_library() is not None
    )


def evaluate(
    model: nn.Module,
    batch: GraphBatch,
    *,
    forces: bool,
    virials: bool,
    moments: bool,
    create_graph: bool,
) -> Results:
    """Return predictions for the frames of ``batch``.

    Args:
        model: a CHGNet that :func:`can_evaluate` accepts.
        batch: graphs on the CPU, of the dtype of the model.
        forces, virials, moments: what to predict besides energies.
        create_graph: whether the predictions will be differentiated with respect to parameters.

    Raises:
        MemoryError: when memory does not suffice.
    """
    parameters = parameters_of(model)
    there = [p for p in parameters if p is not None]
    call = _Call(spec_of(model), batch, [p is not None for p in parameters], create_graph)
    wanted = True, forces, virials, moments
    if create_graph and any(p.requires_grad for p in there):
        found = list(_Evaluate.apply(call, wanted, *there))
    else:
        found, _ = call.evaluate(wanted, there, keep=False)
    return Results(*(found.pop(0) if w else None for w in wanted))


class _Kept:
    """What was kept of a batch for the way back from the loss; gone with this object."""

    def __init__(self, at: int, release) -> None:
        self.at = at
        self._release = release

    def __del__(self) -> None:
        self._release(ctypes.c_void_p(self.at))


@dataclass(frozen=True, eq=False, slots=True)
class _Call:
    spec: Spec
    batch: GraphBatch
    present: Sequence[bool]
    """For each parameter, whether the model has it."""
    create_graph: bool

    def evaluate(
        self, wanted: Sequence[bool], parameters: Sequence[Tensor], *, keep: bool
    ) -> tuple[list[Tensor], _Kept | None]:
        """Return the wanted results, and what is kept."""
        batch, n_atoms = self.batch, len(self.batch.atomic_numbers)
        shapes = (batch.n_frames,), (n_atoms, 3), (batch.n_frames, 3, 3), (n_atoms,)
        found = [
            batch.bond_vectors.new_empty(shape) if w else None
            for shape, w in zip(shapes, wanted, strict=True)
        ]
        outcome = ctypes.c_int(0)
        contiguous = [p.detach().contiguous() for p in parameters]
        at = self._function("evaluate")(
            ctypes.byref(self.spec),
            ctypes.byref(_described(batch)),
            self._pointers(contiguous),
            torch.get_num_threads(),
            ctypes.byref(_Four(*map(_at, found))),
            int(keep),
            ctypes.byref(outcome),
        )
        _raise_if(outcome.value)
        kept = _Kept(at, self._function("release")) if keep else None
        return [f for f in found if f is not None], kept

    def learn(self, kept: _Kept, bars: Sequence[Tensor | None], like: Sequence[Tensor | None]):
        """Return the gradients of a loss with respect to the parameters in ``like``."""
        bars = [None if b is None else b.contiguous() for b in bars]
        gradients = _empty(like)
        outcome = self._function("learn")(
            ctypes.c_void_p(kept.at),
            ctypes.byref(_Four(*map(_at, bars))),
            self._pointers(gradients),
        )
        _raise_if(outcome)
        return gradients

    def _pointers(self, tensors: Sequence[Tensor | None]):
        """Return an array of addresses for all parameters, from those that are there."""
        rest = iter(tensors)
        addresses = [_at(next(rest)) if there else None for there in self.present]
        return (ctypes.c_void_p * len(addresses))(*addresses)

    def _function(self, name: str):
        function = getattr(compiled_library(), f"{name}_{_NAMES[self.batch.bond_vectors.dtype]}")
        function.restype = {"evaluate": ctypes.c_void_p, "release": None}.get(name, ctypes.c_int)
        return function


class _Evaluate(Function):
    @staticmethod
    def forward(ctx, call, wanted, *parameters):
        ctx.set_materialize_grads(False)
        found, kept = call.evaluate(wanted, parameters, keep=True)
        # Tied to a saved tensor, it goes when autograd lets go of what it saved.
        keeper = torch.empty(0)
        keeper.kept = kept
        ctx.save_for_backward(keeper)
        ctx.call, ctx.wanted = call, wanted
        ctx.like = [p if p.requires_grad else None for p in parameters]
        return tuple(found)

    @staticmethod
    def backward(ctx, *bars):
        refuse_another_derivative()
        (keeper,) = ctx.saved_tensors
        given = iter(bars)
        every = [next(given) if w else None for w in ctx.wanted]
        return None, None, *ctx.call.learn(keeper.kept, every, ctx.like)


def _described(batch: GraphBatch) -> _Batch:
    return _Batch(
        batch.n_frames,
        batch.n_bonds,
        batch.n_angle_bonds,
        batch.n_mirrored,
        len(batch.angle_signs),
        batch.n_angles,
        *map(_at, (batch.starts, batch.atomic_numbers, batch.bond_atoms)),
        *map(_at, (batch.angle_bonds, batch.angle_halves)),
        *map(_at, (batch.bond_vectors, batch.angle_signs, batch.volumes)),
    )


def _empty(like: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return tensors of the shapes of ``like``, from one allocation."""
    sizes = [0 if p is None else p.numel() for p in like]
    first = next(p for p in like if p is not None)
    pieces = first.new_empty(sum(sizes)).split(sizes)
    return [None if p is None else x.view_as(p) for x, p in zip(pieces, like, strict=True)]


def _raise_if(outcome: int) -> None:
    if outcome:
        raise MemoryError("no memory for the rows of a batch")


def _at(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
