"""The law that a learning curve is described by."""

from dataclasses import dataclass

import numpy as np

POWER_LAW = "power law"
FLOOR_LAW = "power law with floor"
BROKEN_LAW = "broken power law"

BREAK_WIDTH = 0.25
"""Width of a break: within a factor of about 10^BREAK_WIDTH either side one exponent turns into the
other. Curves of five to ten sizes cannot tell widths apart, so it is fixed."""


@dataclass(frozen=True, slots=True)
class Law:
    """Error after training on N frames: L(N) = E + B·N^−β, or a power law with one break.

    Without a floor (E = 0) the first is the straight line of a log-log plot. With a break at N_b,

        L(N) = B·N^−β · [1 + (N/N_b)^(1/w)]^(−w·(β' − β)),  w = ``BREAK_WIDTH``,

    falls as N^−β well before N_b and as N^−β' well after it (the smoothly broken power law of
    Caballero et al., arXiv 2210.14891, with one break and its width fixed).
    """

    prefactor: float
    """B: the falling part of the error at one frame, in the unit of the error. With a break: of the
    line before it, continued to one frame."""
    exponent: float
    """β: positive where the error falls with size; before the break, where there is one."""
    floor: float = 0.0
    """E: what is left after infinitely many frames, in the unit of the error."""
    break_size: float | None = None
    """N_b, in frames; None without a break. A law has a floor or a break, not both."""
    exponent_after: float | None = None
    """β' beyond the break."""

    @property
    def form(self) -> str:
        if self.break_size is not None:
            return BROKEN_LAW
        return FLOOR_LAW if self.floor else POWER_LAW

    def __call__(self, sizes: object) -> np.ndarray:
        """Return the error at each of ``sizes`` (frames, positive)."""
        sizes = np.asarray(sizes, dtype=np.float64)
        falling = self.prefactor * np.power(sizes, -self.exponent)
        if self.break_size is not None:
            bend = break_shape(np.log(sizes / self.break_size))
            falling = falling * np.exp(-(self.exponent_after - self.exponent) * bend)
        return self.floor + falling

    def size_for(self, error: float) -> float | None:
        """Return the number of frames from which on the law stays at or below ``error``.

        None where there is no such number: at or below the floor, for a law that does not fall in
        the end, or for an error that the law is never above. The number is not held to any range;
        that is the caller's to judge.
        """
        if self.break_size is not None:
            return self._broken_size_for(error)
        if error <= self.floor or self.exponent <= 0:
            return None
        logarithm = (np.log(self.prefactor) - np.log(error - self.floor)) / self.exponent
        with np.errstate(over="ignore"):
            return float(np.exp(logarithm))

    def _broken_size_for(self, error: float) -> float | None:
        from scipy.optimize import brentq  # here, as few laws need it and to load it takes long

        if error <= 0 or self.exponent_after <= 0:
            return None
        reach = 700.0  # as far as numbers go
        start = -reach
        if self.exponent <= 0:
            # It rises before the break; only what lies beyond the top counts.
            share = -self.exponent / (self.exponent_after - self.exponent)
            share = np.clip(share, 1e-12, 1 - 1e-12)
            start = BREAK_WIDTH * np.log(share / (1 - share)) + np.log(self.break_size)

        def above(log_size: float) -> float:
            bend = break_shape(log_size - np.log(self.break_size))
            log_error = np.log(self.prefactor) - self.exponent * log_size
            return log_error - (self.exponent_after - self.exponent) * bend - np.log(error)

        if above(start) < 0 or above(reach) > 0:
            return None
        return float(np.exp(brentq(above, start, reach, xtol=1e-13)))


def break_shape(log_ratio: np.ndarray) -> np.ndarray:
    """Return w·ln(1 + (N/N_b)^(1/w)) for ln(N/N_b): 0 well before the break, ln(N/N_b) after."""
    return BREAK_WIDTH * np.logaddexp(0.0, np.asarray(log_ratio) / BREAK_WIDTH)
