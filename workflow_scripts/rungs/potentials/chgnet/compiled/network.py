"""CHGNet on a batch as one operation of autograd, done by compiled functions on the CPU.

``frame.hpp`` and what it includes have the mathematics. The operation gives energies, forces,
virials and moments at once, and the gradient of a loss on any of them with respect to the
parameters; it cannot be differentiated once more.
"""

import ctypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.compiled.parameters import (
    Spec,
    are_on_cpu,
    parameters_of,
    spec_of,
)
from rungs.potentials.chgnet.second_order import refuse_another_derivative
from rungs.potentials.potential import Flat

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


class CompiledNetwork:
    """A CHGNet's compiled functions; its parameters stay the only ones.

    Args:
        model: a CHGNet that the batched evaluation covers.
        flat: through which gradients go to the parameters, at once.
    """

    def __init__(self, model: nn.Module, flat: Flat | None = None) -> None:
        self._model = model
        self._flat = flat
        self._spec = spec_of(model)
        self._n_threads: int | None = None

    def covers(self, batch: GraphBatch) -> bool:
        """Return whether the compiled functions know the model and can work on ``batch`` here."""
        vectors = batch.bond_vectors
        on_cpu = vectors.device.type == "cpu" and batch.n_frames > 0
        return on_cpu and self._knows(vectors.dtype)

    @contextmanager
    def cores(self) -> Iterator[None]:
        """Leave the cores to the compiled functions while inside.

        PyTorch's own operations between them are small. On several cores they would gain nothing,
        and its threads go on spinning after each, where the compiled functions' should work.
        """
        n_threads = torch.get_num_threads()
        if n_threads == 1 or not self._knows(next(self._model.parameters()).dtype):
            yield
            return
        self._n_threads = n_threads
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
            self._n_threads = None

    def _knows(self, dtype: torch.dtype) -> bool:
        return (
            self._spec is not None
            and dtype in _NAMES
            and are_on_cpu(parameters_of(self._model), dtype)
            and compiled_library() is not None
        )

    def __call__(
        self, batch: GraphBatch, *, forces: bool, virials: bool, moments: bool, create_graph: bool
    ) -> Results:
        """Return predictions for the frames of ``batch``.

        Args:
            batch: graphs that :meth:`covers` accepts.
            forces, virials, moments: what to predict besides energies.
            create_graph: whether the predictions will be differentiated with respect to parameters.

        Raises:
            MemoryError: when memory does not suffice.
        """
        parameters = parameters_of(self._model)
        n_threads = self._n_threads or torch.get_num_threads()
        call = _Call(self._spec, batch, parameters, n_threads)
        wanted = True, forces, virials, moments
        trained = [p for p in parameters if p is not None and p.requires_grad]
        if not create_graph or not trained:
            found, _ = call.evaluate(wanted, keep=False)
        elif self._flat is None:
            found = list(_Evaluate.apply(call, wanted, None, *trained))
        else:
            found = list(_Evaluate.apply(call, wanted, self._flat.places, self._flat.leaf))
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
    parameters: Sequence[Tensor | None]
    n_threads: int

    def evaluate(self, wanted: Sequence[bool], *, keep: bool) -> tuple[list[Tensor], _Kept | None]:
        """Return the wanted results, and what is kept."""
        batch, n_atoms = self.batch, len(self.batch.atomic_numbers)
        shapes = (batch.n_frames,), (n_atoms, 3), (batch.n_frames, 3, 3), (n_atoms,)
        found = [
            batch.bond_vectors.new_empty(shape) if w else None
            for shape, w in zip(shapes, wanted, strict=True)
        ]
        outcome = ctypes.c_int(0)
        contiguous = [None if p is None else p.contiguous() for p in self.parameters]
        at = self._function("evaluate")(
            ctypes.byref(self.spec),
            ctypes.byref(_described(batch)),
            _array(map(_at, contiguous)),
            self.n_threads,
            ctypes.byref(_Four(*map(_at, found))),
            int(keep),
            ctypes.byref(outcome),
        )
        _raise_if(outcome.value)
        kept = _Kept(at, self._function("release")) if keep else None
        return [f for f in found if f is not None], kept

    def learn(
        self, kept: _Kept, bars: Sequence[Tensor | None], addresses: Mapping[int, int]
    ) -> None:
        """Write the gradients of a loss with respect to parameters to ``addresses``, by the
        parameters' ``id``."""
        bars = [None if b is None else b.contiguous() for b in bars]
        outcome = self._function("learn")(
            ctypes.c_void_p(kept.at),
            ctypes.byref(_Four(*map(_at, bars))),
            _array(addresses.get(id(p)) for p in self.parameters),
        )
        _raise_if(outcome)

    def _function(self, name: str):
        function = getattr(compiled_library(), f"{name}_{_NAMES[self.batch.bond_vectors.dtype]}")
        function.restype = {"evaluate": ctypes.c_void_p, "release": None}.get(name, ctypes.c_int)
        return function


class _Evaluate(Function):
    """Its inputs are the trained parameters, or the one vector that ``places`` is about."""

    @staticmethod
    def forward(ctx, call, wanted, places, *inputs):
        ctx.set_materialize_grads(False)
        found, kept = call.evaluate(wanted, keep=True)
        # Tied to a saved tensor, it goes when autograd lets go of what it saved.
        keeper = torch.empty(0)
        keeper.kept = kept
        ctx.save_for_backward(keeper)
        ctx.call, ctx.wanted, ctx.places, ctx.inputs = call, wanted, places, inputs
        return tuple(found)

    @staticmethod
    def backward(ctx, *bars):
        refuse_another_derivative()
        (keeper,) = ctx.saved_tensors
        given = iter(bars)
        every = [next(given) if w else None for w in ctx.wanted]
        if ctx.places is None:
            gradients = _empty(ctx.inputs)
            addresses = {id(p): g.data_ptr() for p, g in zip(ctx.inputs, gradients, strict=True)}
        else:
            gradients = [torch.zeros_like(ctx.inputs[0])]
            begin, size = gradients[0].data_ptr(), gradients[0].element_size()
            addresses = {i: begin + size * place for i, place in ctx.places.items()}
        ctx.call.learn(keeper.kept, every, addresses)
        return None, None, None, *gradients


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


def _empty(like: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors of the shapes of ``like``, from one allocation."""
    sizes = [p.numel() for p in like]
    pieces = like[0].new_empty(sum(sizes)).split(sizes)
    return [x.view_as(p) for x, p in zip(pieces, like, strict=True)]


def _array(addresses: Iterable[int | None]):
    values = list(addresses)
    return (ctypes.c_void_p * len(values))(*values)


def _raise_if(outcome: int) -> None:
    if outcome:
        raise MemoryError("no memory for the rows of a batch")


def _at(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
