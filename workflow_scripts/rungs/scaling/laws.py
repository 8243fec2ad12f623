"""The law that a learning curve is described by."""

from dataclasses import dataclass

import numpy as np

POWER_LAW = "power law"
FLOOR_LAW = "power law with floor"


@dataclass(frozen=True, slots=True)
class Law:
    """Error L(N) = E + B·N^−β after training on N frames.

    Without a floor (E = 0) this is the straight line of a log-log plot.
    """

    prefactor: float
    """B: the falling part of the error at one frame, in the unit of the error."""
    exponent: float
    """β: positive where the error falls with size."""
    floor: float = 0.0
    """E: what is left after infinitely many frames, in the unit of the error."""

    @property
    def form(self) -> str:
        return FLOOR_LAW if self.floor else POWER_LAW

    def __call__(self, sizes: object) -> np.ndarray:
        """Return the error at each of ``sizes`` (frames, positive)."""
        return self.floor + self.prefactor * np.power(
            np.asarray(sizes, dtype=np.float64), -self.exponent
        )

    def size_for(self, error: float) -> float | None:
        """Return the number of frames after which the law gives ``error``.

        None where there is no such number: at or below the floor, or for a law that does not
        fall. The number is not held to any range; that is the caller's to judge.
        """
        if error <= self.floor or self.exponent <= 0:
            return None
        logarithm = (np.log(self.prefactor) - np.log(error - self.floor)) / self.exponent
        with np.errstate(over="ignore"):
            return float(np.exp(logarithm))
