"""Low-rank adapters: what a training changes of a linear layer is a product of two thin matrices.

W = W₀ + (α / r)·B A with B (out, r), which starts at 0, and A (r, in), drawn at random (E. J. Hu et
al., arXiv:2106.09685). The network always holds W, so it is evaluated, validated and saved as any
other, and the gradient with respect to A and B follows from that with respect to W:
dA = (α / r)·Bᵀ dW, dB = (α / r)·dW Aᵀ.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rungs.config.methods import Adapters
from rungs.errors import StudyError
from rungs.potentials.registry import architecture_of
from rungs.seeds import derive_seed
from rungs.training.parameter_vector import FlatParameters


class _Alike(NamedTuple):
    """Matrices of one shape, worked on at once."""

    places: Tensor
    """(n, out, in) int64 where their entries lie in the vector of the network's parameters."""
    start: Tensor
    """(n, out, in) their values at the start."""
    a: slice
    b: slice
    """Where A (n, r, in) and B (n, out, r) lie in the vector that is trained."""


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
        pieces, self._groups, begin = [], [], 0
        # What differs in nothing but where it lies is one operation.
        shape = lambda m: (m.rows, m.columns)  # noqa: E731
        for (rows, columns), members in groupby(sorted(found, key=shape), key=shape):
            starts = torch.tensor([m.start for m in members], device=device)
            inside = torch.arange(rows * columns, device=device).view(1, rows, columns)
            places = starts[:, None, None] + inside
            n, rank = len(starts), asked.rank
            a = random.uniform(-1, 1, (n, rank, columns)) / np.sqrt(columns)
            pieces += [torch.as_tensor(a).reshape(-1), torch.zeros(n * rows * rank)]
            middle, end = begin + a.size, begin + a.size + n * rows * rank
            self._groups.append(
                _Alike(places, vector[places].clone(), slice(begin, middle), slice(middle, end))
            )
            begin = end
        pieces = [piece.to(device, vector.dtype) for piece in pieces]
        self.n_adapters = begin
        references = vector[len(vector) - flat.n_last :]
        self.vector = torch.cat([*pieces, references])

    def pull(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the vector from that with respect to all
        parameters."""
        found = torch.empty_like(self.vector)
        for group in self._groups:
            a, b = self._factors(group)
            of_weights = gradient[group.places] * self._scale
            found[group.a] = torch.bmm(b.transpose(1, 2), of_weights).reshape(-1)
            found[group.b] = torch.bmm(of_weights, a.transpose(1, 2)).reshape(-1)
        found[self.n_adapters :] = gradient[len(gradient) - self._flat.n_last :]
        return found

    @torch.no_grad()
    def push(self) -> None:
        """Give the network the weights that the vector stands for."""
        weights = self._flat.vector
        for group in self._groups:
            a, b = self._factors(group)
            weights[group.places] = torch.baddbmm(group.start, b, a, alpha=self._scale)
        if self._flat.n_last:
            weights[-self._flat.n_last :] = self.vector[self.n_adapters :]

    def _factors(self, group: _Alike) -> tuple[Tensor, Tensor]:
        n, rows, columns = group.places.shape
        return self.vector[group.a].view(n, -1, columns), self.vector[group.b].view(n, rows, -1)


class _Matrix(NamedTuple):
    start: int
    rows: int
    columns: int


def _matrices(model: nn.Module, flat: FlatParameters, names: Sequence[str]) -> list[_Matrix]:
    """Return where the matrices of the chosen layers lie; of all where none are named."""
    architecture = architecture_of(model)
    groups = architecture.groups(model)
    prefixes = tuple(prefix for name in names for prefix in groups.get(name, ()))
    found = []
    for layer in architecture.linear_layers(model):
        start = flat.places.get(id(layer.parameter))
        if start is not None and (not names or layer.name.startswith(prefixes)):
            found.append(_Matrix(start + layer.offset, layer.rows, layer.columns))
    return found
