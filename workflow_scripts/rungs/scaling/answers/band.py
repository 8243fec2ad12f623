"""A law with its band: what a curve says at every size between its smallest and its largest.

The band at a size is the interval of the law's value there, from the refits to resampled seeds and,
where they are given, to draws of the test materials.
Everything that is asked of a curve is read off law and band: the error at a size directly; the size
for an error where they cross it. The sizes at which a given error lies inside the band are those
that the data do not contradict, so they are the interval of the size; and where the band does not
cross the error within the curve, that end is left open rather than drawn on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.bootstrap import LEVEL, quantile, standard_error
from rungs.scaling.intervals.material_draws import MaterialDraws
from rungs.scaling.intervals.materials import draw_error, joint_half, redraw_laws
from rungs.scaling.intervals.refits import N_RESAMPLES, Laws, Refits, refit_seeds
from rungs.scaling.laws.law import Law
from rungs.scaling.runs import Curve

GRID_POINTS = 241


@dataclass(frozen=True, slots=True)
class Band:
    """The law of one method in one metric, where it holds, and how sure it is."""

    method: str
    metric: str
    law: Law
    smallest: int
    largest: int
    refits: Refits | None
    """None with one seed: no band."""
    level: float
    redrawn: Laws | None = None
    """The law in each draw of the test materials; None for a band from the seeds alone."""
    n_materials: int | None = None

    def grid(self, smallest: float | None = None, largest: float | None = None) -> np.ndarray:
        """Return sizes from end to end, evenly spaced in their logarithm."""
        low, high = smallest or self.smallest, largest or self.largest
        grid = np.geomspace(low, high, GRID_POINTS)
        grid[0], grid[-1] = low, high
        return grid

    def half(self, sizes: np.ndarray) -> np.ndarray | None:
        """Return half the width of the band of ln L at each size."""
        return half_of(lambda laws: laws.log_errors(sizes), self)

    def error_at(self, size: float) -> tuple[float, float | None, float | None]:
        """Return the error at one size and the ends of its interval."""
        error = float(self.law(size))
        half = self.half(np.array([size]))
        if half is None:
            return error, None, None
        return error, error * float(np.exp(-half[0])), error * float(np.exp(half[0]))


def band_of(
    curve: Curve, row: LawRow, level: float = LEVEL, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Band | None:
    """Return the band of a fitted curve, from the seeds; None where no law was fitted."""
    if row.law is None:
        return None
    refits = refit_seeds(*curve.trained(), row.form, n_resamples, seed)
    return Band(row.method, row.metric, row.law, row.smallest_size, row.largest_size, refits, level)


def with_materials(
    band: Band | None, curve: Curve, row: LawRow, draws: MaterialDraws | None
) -> Band | None:
    """Return the band with the scatter of the test materials added; None where it cannot be had."""
    if band is None or band.refits is None or draws is None:
        return None
    sizes, seeds, errors = curve.trained()
    log_errors = draws.of(curve.method, sizes, seeds, errors)
    if log_errors is None:
        return None
    redrawn = redraw_laws(row.form, sizes, log_errors)
    return replace(band, redrawn=redrawn, n_materials=draws.n_materials)


def half_of(value: Callable[..., np.ndarray], *bands: Band) -> np.ndarray | None:
    """Return half the width of the interval of a quantity that the laws of some bands give.

    Args:
        value: from the laws of each band (:class:`Refits` or :class:`Laws`) to (R, ...) numbers.
        bands: of one metric and the same seeds. Resamples are taken row by row, so that luck that
            the bands share cancels. Test materials count where all bands have them.

    Returns:
        (...) numbers; None where a band has one seed.
    """
    if any(band.refits is None for band in bands):
        return None
    first = bands[0]
    n_seeds = len(first.refits.seeds)
    usable = np.all([band.refits.probabilities > 0 for band in bands], axis=0)
    probabilities = np.where(usable, first.refits.probabilities, 0.0)
    seed_error = standard_error(value(*(band.refits for band in bands)), probabilities, n_seeds)
    if any(band.redrawn is None for band in bands):
        return quantile(n_seeds - 1, first.level) * seed_error
    material_error = draw_error(value(*(band.redrawn for band in bands)), first.n_materials)
    return joint_half(seed_error, n_seeds, material_error, first.n_materials, first.level)


def last_fall(log_sizes: np.ndarray, values: np.ndarray) -> float | None:
    """Return the logarithm of the size from which on ``values`` stay at or below 0.

    Interpolated between the grid's points. None where the last value is above 0, or none is.
    """
    above = np.flatnonzero(values > 0)
    if not above.size or above[-1] == len(values) - 1:
        return None
    return _between(log_sizes, values, int(above[-1]))


def interval_ends(
    log_sizes: np.ndarray, gap: np.ndarray, half: np.ndarray
) -> tuple[float | None, float | None]:
    """Return the ends of the interval of the size where ``gap`` falls below 0.

    The interval holds every size at which 0 lies within ``gap`` ± ``half``: from where the lower
    bound first reaches 0 to where the upper bound is last above it. An end is None where the grid
    ends before.
    """
    low, high = gap - half, gap + half
    below = np.flatnonzero(low <= 0)
    first = None
    if below.size and below[0] > 0:
        first = float(np.exp(_between(log_sizes, low, int(below[0]) - 1)))
    last = last_fall(log_sizes, high)
    return first, None if last is None else float(np.exp(last))


def _between(log_sizes: np.ndarray, values: np.ndarray, i: int) -> float:
    share = values[i] / (values[i] - values[i + 1])
    return float(log_sizes[i] + share * (log_sizes[i + 1] - log_sizes[i]))
