"""The law of one learning curve: which form, which parameters, how sure."""

import math
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.bootstrap import LEVEL, N_RESAMPLES, resample_seeds
from rungs.scaling.laws.fit import MIN_SIZES, Fit, checked_points, fit_power_law
from rungs.scaling.laws.identified import Interval, NotIdentifiedError, Points, try_break, try_floor
from rungs.scaling.laws.law import Law
from rungs.scaling.laws.line import fit_lines


@dataclass(frozen=True, slots=True)
class CurveFit:
    """The chosen law of one curve; intervals are None with one seed."""

    fit: Fit
    exponent: Interval
    prefactor: Interval
    floor: Interval
    """None for a pure power law."""
    n_seeds: int
    notes: tuple[str, ...]
    """What a reader should know, in words."""
    break_size: Interval = None
    """None without a break, as is the next."""
    exponent_after: Interval = None

    @property
    def law(self) -> Law:
        return self.fit.law


def fit_curve(
    sizes: object,
    seeds: object,
    errors: object,
    *,
    floor: bool = True,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> CurveFit:
    """Fit a power law, or one with a floor or a break where the data identify it.

    A floor is taken up only if there are at least four distinct sizes and two seeds, the
    best floor is above 0, it lowers AICc by more than 2, and neither its interval nor that of the
    exponent beside it touches 0. A break is taken up only if there are at least five distinct sizes
    and two seeds, it lies inside the sizes, it lowers AICc by more than 2 against the better of the
    others, the interval of the change of exponent does not touch 0 and that of the break stays
    inside the sizes. The reason for refusing either is among the notes.

    Args:
        sizes, errors: (n,) positive numbers: frames, and errors in any unit.
        seeds: (n,) label of the curve that each point belongs to.
        floor: False fits the straight line only, without floor or break.
        level: coverage of the intervals.
        n_resamples, seed: see :func:`rungs.scaling.bootstrap.resample_seeds`.

    Raises:
        StudyError: for fewer than two distinct sizes, or a number that is not positive.
    """
    sizes, log_errors = checked_points(sizes, errors, MIN_SIZES)
    _, which = np.unique(np.asarray(seeds).astype(str), return_inverse=True)
    if which.shape != sizes.shape:
        raise StudyError(f"{which.size} seeds were given for {sizes.size} points")
    n_seeds = int(which.max()) + 1
    resamples = resample_seeds(n_seeds, n_resamples, seed)
    points = Points(sizes, log_errors, which, n_seeds, level)
    line = fit_power_law(sizes, errors)
    notes = []
    floored = broken = None
    if floor:
        try:
            floored, reason = try_floor(points, line, errors, resamples)
        except NotIdentifiedError as refusal:
            reason = str(refusal)
        notes.append(reason)
        try:
            broken, reason = try_break(points, floored[0] if floored else line, errors, resamples)
        except NotIdentifiedError as refusal:
            reason = str(refusal)
        notes.append(reason)
    if broken is not None:
        fit, exponent, prefactor, *bend = broken
        notes += _remarks(points, fit, exponent)
        return CurveFit(fit, exponent, prefactor, None, n_seeds, tuple(notes), *bend)
    if floored is not None:
        notes += _remarks(points, floored[0], floored[1])
        return CurveFit(*floored, n_seeds, tuple(notes))
    fits, weights, lost = points.refit(resamples, MIN_SIZES)
    lines = fit_lines(np.log(sizes), log_errors, fits)
    exponent = points.interval(line.law.exponent, -lines.slope, weights)
    prefactor = points.interval(math.log(line.law.prefactor), lines.intercept, weights, True)
    if lost > 1e-9 and n_seeds > 1:
        notes.append(
            f"seeds lack sizes: {lost:.0%} of the resamples had one size only and were left out"
        )
    notes += _remarks(points, line, exponent)
    return CurveFit(line, exponent, prefactor, None, n_seeds, tuple(notes))


def _remarks(points: Points, fit: Fit, exponent: Interval) -> list[str]:
    remarks = []
    distinct = np.unique(points.sizes)
    if points.n_seeds == 1:
        remarks.append("one seed: no interval")
    if len(distinct) == 2:
        remarks.append("two sizes: a line passes through any two, so r2 says nothing of the form")
    means = np.array([points.log_errors[points.sizes == n].mean() for n in distinct])
    for i in np.flatnonzero(np.diff(means) > 0):
        remarks.append(f"the mean error rises from size {distinct[i]:g} to {distinct[i + 1]:g}")
    if fit.law.exponent_after is not None:
        if fit.law.exponent_after <= 0:
            remarks.append("the error does not fall with size beyond the break")
    elif fit.law.exponent <= 0:
        remarks.append("the error does not fall with size")
    elif exponent is not None and exponent[0] <= 0:
        remarks.append("the interval of the exponent holds 0: no fall with size is shown")
    if not fit.converged:
        remarks.append("the fit did not converge")
    return remarks
