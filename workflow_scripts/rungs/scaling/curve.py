"""The law of one learning curve: which form, which parameters, how sure."""

import math
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.bootstrap import LEVEL, N_RESAMPLES, Resamples, resample_seeds, seed_interval
from rungs.scaling.broken import fit_broken_laws
from rungs.scaling.fit import (
    MIN_SIZES,
    MIN_SIZES_BREAK,
    MIN_SIZES_FLOOR,
    Fit,
    checked_points,
    fit_broken_law,
    fit_floor_law,
    fit_power_law,
)
from rungs.scaling.floor import EXPONENTS, fit_floor_laws
from rungs.scaling.laws import Law
from rungs.scaling.line import fit_lines

AICC_MARGIN = 2.0
"""A floor or a break has to lower AICc by this much; less is no evidence (Burnham and Anderson
2002)."""
LOST_RESAMPLES = 0.1
"""A floor or break that this share of the resamples cannot settle is not identified."""

Interval = tuple[float, float] | None


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
    points = _Points(sizes, log_errors, which, n_seeds, level)
    line = fit_power_law(sizes, errors)
    notes = []
    if floor:
        floored, reason = _try_floor(points, line, errors, resamples)
        notes.append(reason)
        broken, reason = _try_break(points, floored[0] if floored else line, errors, resamples)
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


@dataclass(frozen=True, slots=True)
class _Points:
    sizes: np.ndarray
    log_errors: np.ndarray
    which: np.ndarray
    n_seeds: int
    level: float

    def refit(self, resamples: Resamples, min_sizes: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Weights of the points in each resample that keeps ``min_sizes`` sizes, probabilities of
        those resamples, and the probability of the ones that do not."""
        weights = resamples.counts[:, self.which]
        distinct = np.unique(self.sizes)
        present = np.stack([weights[:, self.sizes == n].any(axis=1) for n in distinct], axis=1)
        kept = present.sum(axis=1) >= min_sizes
        return (
            weights[kept],
            resamples.probabilities[kept],
            float(resamples.probabilities[~kept].sum()),
        )

    def interval(
        self, estimate: float, replicates: np.ndarray, probabilities: np.ndarray, log: bool = False
    ) -> Interval:
        found = seed_interval(estimate, replicates, probabilities, self.n_seeds, self.level)
        if found is None or not log:
            return found
        # A prefactor of few seeds can be uncertain by hundreds of orders of magnitude.
        with np.errstate(over="ignore"):
            return float(np.exp(found[0])), float(np.exp(found[1]))


def _try_floor(
    points: _Points, line: Fit, errors: object, resamples: Resamples
) -> tuple[tuple[Fit, Interval, Interval, Interval] | None, str]:
    """Fit with a floor; give fit and intervals, or None with the reason against it."""
    n_sizes = len(np.unique(points.sizes))
    if n_sizes < MIN_SIZES_FLOOR:
        return None, f"no floor: {n_sizes} sizes, a floor needs {MIN_SIZES_FLOOR}"
    if points.n_seeds < 2:
        return None, "no floor: one seed, so nothing tells a floor from 0"
    fit = fit_floor_law(points.sizes, errors)
    if fit.share <= 1e-9:
        return None, "no floor: the best floor is not above 0"
    if fit.at_edge or not fit.converged:
        return None, (
            f"no floor: the exponent ran to {fit.law.exponent:.3g}, an end of the searched range "
            f"{EXPONENTS[0]:g} to {EXPONENTS[1]:g}"
        )
    if fit.aicc is None or line.aicc is None:
        return None, f"no floor: {fit.n_points} points are too few to compare the two laws"
    gain = line.aicc - fit.aicc
    if gain <= AICC_MARGIN:
        return None, (
            f"no floor: it would change AICc by {-gain:+.1f}, evidence needs -{AICC_MARGIN:g}"
        )
    fits, probabilities, lost = points.refit(resamples, MIN_SIZES_FLOOR)
    if lost >= LOST_RESAMPLES:
        return (
            None,
            f"no floor: {lost:.0%} of the resamples have fewer than {MIN_SIZES_FLOOR} sizes",
        )
    laws = fit_floor_laws(points.sizes, points.log_errors, fits, quick=True)
    unsettled = float(probabilities[laws.at_edge].sum() / probabilities.sum())
    if unsettled >= LOST_RESAMPLES:
        return None, (
            f"no floor: in {unsettled:.0%} of the resamples the exponent ran to an end of the "
            "searched range"
        )
    interval = points.interval(fit.law.floor, laws.floor, probabilities)
    if interval is None or interval[0] <= 0:
        return None, f"no floor: the interval of the best one, {fit.law.floor:.3g}, reaches 0"
    exponent = points.interval(fit.law.exponent, laws.exponent, probabilities)
    if exponent is None or exponent[0] <= 0:
        return None, (
            f"no floor: next to the best one, {fit.law.floor:.3g}, the interval of the exponent "
            "reaches 0"
        )
    prefactor = points.interval(
        math.log(fit.law.prefactor), np.log(laws.prefactor), probabilities, True
    )
    intervals = (exponent, prefactor, interval)
    return (fit, *intervals), (
        f"floor taken: it lowers AICc by {gain:.1f}; without it the exponent would be "
        f"{line.law.exponent:.3g}"
    )


def _try_break(
    points: _Points, other: Fit, errors: object, resamples: Resamples
) -> tuple[tuple[Fit, Interval, Interval, Interval, Interval] | None, str]:
    """Fit with a break; give fit and intervals, or None with the reason against it."""
    n_sizes = len(np.unique(points.sizes))
    if n_sizes < MIN_SIZES_BREAK:
        return None, f"no break: {n_sizes} sizes, a break needs {MIN_SIZES_BREAK}"
    if points.n_seeds < 2:
        return None, "no break: one seed, so nothing tells a bend from scatter"
    fit = fit_broken_law(points.sizes, errors)
    law = fit.law
    if fit.aicc is None or other.aicc is None:
        return None, f"no break: {fit.n_points} points are too few to compare the laws"
    gain = other.aicc - fit.aicc
    if gain <= AICC_MARGIN:
        return None, (
            f"no break: it would change AICc by {-gain:+.1f}, evidence needs -{AICC_MARGIN:g}"
        )
    if fit.at_edge or not fit.converged:
        return None, f"no break: the best one ran to {law.break_size:.3g}, an end of its range"
    fits, probabilities, lost = points.refit(resamples, MIN_SIZES_BREAK)
    if lost >= LOST_RESAMPLES:
        return (
            None,
            f"no break: {lost:.0%} of the resamples have fewer than {MIN_SIZES_BREAK} sizes",
        )
    laws = fit_broken_laws(points.sizes, points.log_errors, fits, quick=True)
    unsettled = float(probabilities[laws.at_edge].sum() / probabilities.sum())
    if unsettled >= LOST_RESAMPLES:
        return None, (
            f"no break: in {unsettled:.0%} of the resamples it ran to an end of its range"
        )
    change = points.interval(
        law.exponent_after - law.exponent, laws.exponent_after - laws.exponent, probabilities
    )
    if change is None or change[0] * change[1] <= 0:
        return None, (
            f"no break: at the best one, {law.break_size:.3g}, the interval of the change of "
            "exponent holds 0"
        )
    where = points.interval(math.log(law.break_size), laws.log_break, probabilities, True)
    if where is None or where[0] <= points.sizes.min() or where[1] >= points.sizes.max():
        return None, (
            f"no break: the interval of the best one, {law.break_size:.3g}, leaves the sizes"
        )
    intervals = (
        points.interval(law.exponent, laws.exponent, probabilities),
        points.interval(math.log(law.prefactor), laws.log_prefactor, probabilities, True),
        where,
        points.interval(law.exponent_after, laws.exponent_after, probabilities),
    )
    return (fit, *intervals), (
        f"break taken: it lowers AICc by {gain:.1f}; the exponent turns from {law.exponent:.3g} to "
        f"{law.exponent_after:.3g} at {law.break_size:.3g} frames"
    )


def _remarks(points: _Points, fit: Fit, exponent: Interval) -> list[str]:
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
