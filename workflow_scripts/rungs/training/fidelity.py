"""What a network has of its own for frames of the source, where it trains on both levels.

Either a vector that is added to the embedding of every element, or a readout of its own. The target
is the network as it is, so its result is a plain model; that of the source differs from it in some
weights, which are kept beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from rungs.errors import StudyError
from rungs.potentials.registry import trained_architecture_of
from rungs.training.adam import Adam, Piece
from rungs.training.parameter_vector import FlatParameters


class SourceWeights:
    """The weights that a network has in place of its own while it works on frames of the source.

    Args:
        model: the network.
        flat: its trained parameters as a vector.
        kind: ``embedding`` or ``heads``.
        decoupled, compiled: as for the network's own optimiser.

    Raises:
        StudyError: when what differs between the levels is not trained.
    """

    def __init__(
        self,
        model: nn.Module,
        flat: FlatParameters,
        kind: Literal["embedding", "heads"],
        *,
        decoupled: bool,
        compiled: bool,
    ) -> None:
        self.kind = kind
        architecture = trained_architecture_of(model)
        named = dict(model.named_parameters())
        if kind == "embedding":
            name, n_rows = architecture.embedding(model)
            self.names, self._shape = [name], (n_rows, named[name].numel() // n_rows)
        else:
            prefixes = architecture.groups(model)["readout"]
            self.names = [n for n in named if n.startswith(prefixes)]
        chosen = [named[name] for name in self.names]
        if any(id(p) not in flat.places for p in chosen):
            group = "atom_embedding" if kind == "embedding" else "readout"
            raise StudyError(
                f"companion.fidelity: {kind} needs a trained {group}; leave it out of freeze"
            )
        self._sizes = [p.numel() for p in chosen]
        self._places = torch.cat(
            [torch.arange(flat.places[id(p)], flat.places[id(p)] + p.numel()) for p in chosen]
        ).to(flat.vector.device)
        # A vector that is 0, or a readout that is the target's.
        start = flat.vector[self._places]
        self.vector = start.new_zeros(self._shape[1]) if kind == "embedding" else start.clone()
        self.average = self.vector.clone()
        self._optimizer = Adam(
            self.vector,
            [Piece(len(self.vector))],
            average=self.average,
            decoupled=decoupled,
            compiled=compiled,
        )

    @contextmanager
    def taken(self, weights: Tensor, *, averaged: bool = False) -> Iterator[None]:
        """Let a (P,) vector of the network's parameters be that of the source, for a while."""
        own = self.average if averaged else self.vector
        with torch.no_grad():
            before = weights[self._places]
            if self.kind == "embedding":
                weights[self._places] = (before.view(self._shape) + own).view(-1)
            else:
                weights[self._places] = own
        try:
            yield
        finally:
            with torch.no_grad():
                weights[self._places] = before

    def pull(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the own vector from the (P,) gradient at the source's
        weights, and take from the latter what is not the network's own."""
        found = gradient[self._places]
        if self.kind == "embedding":
            return found.view(self._shape).sum(0)
        gradient[self._places] = 0.0
        return found

    def step(self, gradient: Tensor, rate: float, scale: float, decay: float) -> None:
        """Take the optimiser's step; arguments as of :meth:`rungs.training.adam.Adam.step`."""
        self._optimizer.step(gradient, rate, scale=scale, decay=decay)

    def of_model(self, weights: Tensor, model: nn.Module, *, averaged: bool) -> dict[str, Tensor]:
        """Return the source's weights by name, of a network whose vector ``weights`` is."""
        named = dict(model.named_parameters())
        with self.taken(weights, averaged=averaged):
            return {name: named[name].detach().cpu().clone() for name in self.names}

    def state(self) -> dict:
        """Return what :meth:`restore` needs."""
        return {
            "vector": self.vector,
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        self.vector.copy_(state["vector"])
        self.average.copy_(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
