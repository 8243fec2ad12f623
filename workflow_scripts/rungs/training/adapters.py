"""Low-rank adapters: what a training changes of a linear layer is a product of two thin matrices.

W = W₀ + (α / r)·B A with B (out, r), which starts at 0, and A (r, in), drawn at random (E. J. Hu et
al., arXiv:2106.09685). The network always holds W, so it is evaluated, validated and saved as any
other, and the gradient with respect to A and B follows from that with respect to W:
dA = (α / r)·Bᵀ dW, dB = (α / r)·dW Aᵀ.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rungs.config.methods import Adapters
from rungs.errors import StudyError
from rungs.potentials.registry import trained_architecture_of
from rungs.seeds import derive_seed
from rungs.training.parameter_vector import FlatParameters


class _Alike(NamedTuple):
    """Matrices W (n, out, in) of one shape, worked on at once: views of vectors that stay."""

    a: Tensor
    b: Tensor
    """A (n, r, in) and B (n, out, r)."""
    of_a: Tensor
    of_b: Tensor
    """Gradients with respect to them."""
    a_turned: Tensor
    b_turned: Tensor
    """With the last two axes exchanged."""
    of_weights: Tensor
    start: Tensor
    changed: Tensor
    """(n, out, in) the gradient with respect to W, W at the start, and W."""


class LowRank:
    """The adapters of a network as the vector that is trained in place of its parameters.

    Parameters that are no matrix of a chosen layer stay as they are, but for the reference energies
    where these are trained: they end the vector.

    Args:
        model: the network.
        flat: its parameters as a vector.
        asked: rank and layers.
        seed: of the random A.

    Raises:
        StudyError: when no layer has an adapter.
    """

    def __init__(self, model: nn.Module, flat: FlatParameters, asked: Adapters, seed: int) -> None:
        self._flat = flat
        self._scale = (asked.alpha if asked.alpha is not None else asked.rank) / asked.rank
        found = _matrices(model, flat, asked.layers)
        if not found:
            raise StudyError("adapters: the chosen layers have no linear layer that is trained")
        vector, device = flat.vector, flat.vector.device
        random = np.random.default_rng(derive_seed(seed, "adapters"))
        pieces, places, shapes = [], [], []
        # What differs in nothing but where it lies is one operation.
        shape = lambda m: (m.rows, m.columns)  # noqa: E731
        for (rows, columns), members in groupby(sorted(found, key=shape), key=shape):
            starts = torch.tensor([m.start for m in members], device=device)
            inside = torch.arange(rows * columns, device=device).view(1, rows * columns)
            places.append((starts[:, None] + inside).reshape(-1))
            n, rank = len(starts), asked.rank
            a = random.uniform(-1, 1, (n, rank, columns)) / np.sqrt(columns)
            pieces += [torch.as_tensor(a).reshape(-1), torch.zeros(n * rows * rank)]
            shapes.append((n, rows, columns))
        pieces = [piece.to(device, vector.dtype) for piece in pieces]
        self.n_adapters = sum(map(len, pieces))
        references = vector[len(vector) - flat.n_last :]
        self.vector = torch.cat([*pieces, references])
        self._gradient = torch.empty_like(self.vector)
        # Where the entries of all matrices lie in the vector of the network's parameters.
        self._places = torch.cat(places)
        self._start = vector[self._places]
        self._of_weights = torch.empty_like(self._start)
        # The other way round: every number of the network from what changes and what stays, which
        # is faster than to write what changes to its places.
        n = len(self._places)
        self._values = torch.cat([self._start, vector])
        self._sources = torch.arange(n, n + len(vector), device=device)
        self._sources[self._places] = torch.arange(n, device=device)
        self._changed = self._values[:n]
        self._groups = list(self._views(shapes, asked.rank))

    def _views(self, shapes: Sequence[tuple[int, int, int]], rank: int) -> Iterator[_Alike]:
        at = entry = 0
        for n, rows, columns in shapes:
            ends = at, at + n * rank * columns, at + n * rank * (columns + rows)
            own = slice(entry, entry + n * rows * columns)
            a, of_a = (x[ends[0] : ends[1]].view(n, rank, columns) for x in self._trained)
            b, of_b = (x[ends[1] : ends[2]].view(n, rows, rank) for x in self._trained)
            entries = (self._of_weights, self._start, self._changed)
            yield _Alike(
                a,
                b,
                of_a,
                of_b,
                a.transpose(1, 2),
                b.transpose(1, 2),
                *(x[own].view(n, rows, columns) for x in entries),
            )
            at, entry = ends[2], own.stop

    @property
    def _trained(self) -> tuple[Tensor, Tensor]:
        return self.vector, self._gradient

    def pull(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the vector from that with respect to all
        parameters; the same tensor every time."""
        torch.index_select(gradient, 0, self._places, out=self._of_weights)
        self._of_weights.mul_(self._scale)
        for group in self._groups:
            torch.bmm(group.b_turned, group.of_weights, out=group.of_a)
            torch.bmm(group.of_weights, group.a_turned, out=group.of_b)
        self._gradient[self.n_adapters :] = gradient[len(gradient) - self._flat.n_last :]
        return self._gradient

    @torch.no_grad()
    def push(self) -> None:
        """Give the network the weights that the vector stands for."""
        weights = self._flat.vector
        for group in self._groups:
            torch.baddbmm(group.start, group.b, group.a, alpha=self._scale, out=group.changed)
        torch.index_select(self._values, 0, self._sources, out=weights)
        if self._flat.n_last:
            weights[-self._flat.n_last :] = self.vector[self.n_adapters :]


class _Matrix(NamedTuple):
    start: int
    rows: int
    columns: int


def _matrices(model: nn.Module, flat: FlatParameters, names: Sequence[str]) -> list[_Matrix]:
    """Return where the matrices of the chosen layers lie; of all where none are named."""
    architecture = trained_architecture_of(model)
    groups = architecture.groups(model)
    prefixes = tuple(prefix for name in names for prefix in groups.get(name, ()))
    found = []
    for layer in architecture.linear_layers(model):
        start = flat.places.get(id(layer.parameter))
        if start is not None and (not names or layer.name.startswith(prefixes)):
            found.append(_Matrix(start + layer.offset, layer.rows, layer.columns))
    return found
