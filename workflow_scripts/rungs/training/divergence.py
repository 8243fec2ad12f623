"""Stops a training whose loss is no number any more, or has jumped."""

import math
import statistics
from collections import deque

WINDOW = 50
FEWEST = 20
"""Losses to have seen before one is called a jump."""


class DivergenceCheck:
    """Watches the loss of every update.

    Args:
        jump: how many times the median of the last ``WINDOW`` losses is too much; None for never.
        recent: losses to begin with, when a training goes on.
    """

    def __init__(self, jump: float | None, recent: list[float] | None = None) -> None:
        self.jump = jump
        self._recent = deque(recent or [], maxlen=WINDOW)

    @property
    def recent(self) -> list[float]:
        """The last losses, oldest first."""
        return list(self._recent)

    def fault(self, loss: float, gradient_norm: float) -> str | None:
        """Take note of ``loss``; return what is wrong with it or with its gradient, or None."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        if not math.isfinite(gradient_norm):
            return f"the gradient became {gradient_norm}, of a loss of {loss:.3g}"
        if self.jump is not None and len(self._recent) >= FEWEST:
            usual = statistics.median(self._recent)
            if loss > self.jump * usual:
                return (
                    f"the loss jumped to {loss:.3g}, {loss / usual:.0f} times the median of the "
                    f"{len(self._recent)} updates before"
                )
        self._recent.append(loss)
        return None
