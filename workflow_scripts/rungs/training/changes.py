"""What of a network a method lets change, and how far."""

from typing import NamedTuple

from torch import Tensor

from rungs.config.methods import Adapters
from rungs.training.parameter_vector import FlatParameters


class Changes(NamedTuple):
    """What of a network a method lets change, and how far."""

    adapters: Adapters | None = None
    anchor: float = 0.0
    """λ in λ/2·|w − w₀|² for the network's weights w."""
    seed: int = 0
    """Of the adapters' random start."""


class Anchor:
    """Pulls the network's weights towards what they are now (X. Li et al., arXiv:1802.01483)."""

    def __init__(self, flat: FlatParameters, strength: float) -> None:
        self._flat, self._strength = flat, strength
        self._n = len(flat.vector) - flat.n_last
        self._start = flat.vector[: self._n].clone()

    def pull(self, gradient: Tensor) -> Tensor:
        """Add to a (P,) gradient; return what the loss has more, a scalar."""
        away = self._flat.vector[: self._n] - self._start
        gradient[: self._n].add_(away, alpha=self._strength)
        return 0.5 * self._strength * away.square().sum()
