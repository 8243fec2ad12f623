"""Stops a training whose loss is no number any more, or has jumped."""

import math
import statistics
from collections import deque
from collections.abc import Sequence

from rungs.errors import StudyError

WINDOW = 50
FEWEST = 20
"""Losses to have seen before one is called a jump."""


class DivergedError(StudyError):
    """A training has no use in going on."""


class DivergenceCheck:
    """Watches the loss of every update.

    A training that has come far, above all on energies alone, has batches a hundred times worse
    than most and goes on well. So a jump has to lead back above the losses it began with.

    Args:
        jump: how many times the median of the last ``WINDOW`` losses is too much; None for never.
        recent: losses to begin with, when a training goes on.
        first: its first losses, when it goes on; without any every jump counts.
    """

    def __init__(
        self,
        jump: float | None,
        recent: Sequence[float] = (),
        first: Sequence[float] = (),
    ) -> None:
        self.jump = jump
        self._recent = deque(recent, maxlen=WINDOW)
        self._first = list(first)
        self._n_first = FEWEST if first or not recent else 0

    @property
    def recent(self) -> list[float]:
        """The last losses, oldest first."""
        return list(self._recent)

    @property
    def first(self) -> list[float]:
        """The first losses."""
        return list(self._first)

    def fault(self, loss: float, gradient_norm: float) -> str | None:
        """Take note of ``loss``; return what is wrong with it or with its gradient, or None."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        if not math.isfinite(gradient_norm):
            return f"the gradient became {gradient_norm}, of a loss of {loss:.3g}"
        if self.jump is not None and len(self._recent) >= FEWEST:
            usual = statistics.median(self._recent)
            began = statistics.median(self._first) if self._first else 0.0
            if loss > self.jump * usual and loss > began:
                return (
                    f"the loss jumped to {loss:.3g}, {loss / usual:.0f} times the median of the "
                    f"{len(self._recent)} updates before"
                )
        self._recent.append(loss)
        if len(self._first) < self._n_first:
            self._first.append(loss)
        return None
