"""Whether the data identify a floor or a break.

Both are refused along the same course: too few sizes or seeds, no better AICc than the simpler law,
a parameter that ran to an end of its range, resamples of the seeds that cannot settle it; and then
each for intervals of its own that say nothing. The reason is given in words.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rungs.scaling.bootstrap import Resamples, seed_interval
from rungs.scaling.laws.broken import BrokenLaws, fit_broken_laws
from rungs.scaling.laws.fit import (
    MIN_SIZES_BREAK,
    MIN_SIZES_FLOOR,
    Fit,
    fit_broken_law,
    fit_floor_law,
)
from rungs.scaling.laws.floor import EXPONENTS, FloorLaws, fit_floor_laws

AICC_MARGIN = 2.0
"""A floor or a break has to lower AICc by this much; less is no evidence (Burnham and Anderson
2002)."""
LOST_RESAMPLES = 0.1
"""A floor or break that this share of the resamples cannot settle is not identified."""

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one curve, and how intervals are made of them."""

    sizes: np.ndarray
    log_errors: np.ndarray
    which: np.ndarray
    """(n,) index of the seed of each point."""
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
        """The interval of a parameter, or of one whose logarithms are given; None with one seed."""
        found = seed_interval(estimate, replicates, probabilities, self.n_seeds, self.level)
        if found is None or not log:
            return found
        # A prefactor of few seeds can be uncertain by hundreds of orders of magnitude.
        with np.errstate(over="ignore"):
            return float(np.exp(found[0])), float(np.exp(found[1]))


class NotIdentifiedError(Exception):
    """Why there is no floor or no break, in words."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What has to be earned."""

    name: str
    min_sizes: int
    one_seed: str
    """What one seed cannot tell it from."""
    fit: Callable[[np.ndarray, object], Fit]
    refit: Callable[..., FloorLaws | BrokenLaws]
    ran: str
    """What runs to an end of its range."""
    range: str


_FLOOR = _Form(
    "floor",
    MIN_SIZES_FLOOR,
    "nothing tells a floor from 0",
    fit_floor_law,
    fit_floor_laws,
    "the exponent",
    f"the searched range {EXPONENTS[0]:g} to {EXPONENTS[1]:g}",
)
_BREAK = _Form(
    "break",
    MIN_SIZES_BREAK,
    "nothing tells a bend from scatter",
    fit_broken_law,
    fit_broken_laws,
    "the best one",
    "its range",
)


def try_floor(
    points: Points, line: Fit, errors: object, resamples: Resamples
) -> tuple[tuple[Fit, Interval, Interval, Interval], str]:
    """Fit with a floor; give fit, intervals of exponent, prefactor and floor, and what to say.

    Raises:
        NotIdentifiedError: with the reason against it.
    """
    fit = _fitted(_FLOOR, points, errors)
    law = fit.law
    if fit.share <= 1e-9:
        raise NotIdentifiedError("no floor: the best floor is not above 0")
    gain, laws, probabilities = _compared(_FLOOR, points, fit, law.exponent, line, resamples)
    floor = points.interval(law.floor, laws.floor, probabilities)
    if floor is None or floor[0] <= 0:
        raise NotIdentifiedError(
            f"no floor: the interval of the best one, {law.floor:.3g}, reaches 0"
        )
    exponent = points.interval(law.exponent, laws.exponent, probabilities)
    if exponent is None or exponent[0] <= 0:
        raise NotIdentifiedError(
            f"no floor: next to the best one, {law.floor:.3g}, the interval of the exponent "
            "reaches 0"
        )
    prefactor = points.interval(
        math.log(law.prefactor), np.log(laws.prefactor), probabilities, True
    )
    return (fit, exponent, prefactor, floor), (
        f"floor taken: it lowers AICc by {gain:.1f}; without it the exponent would be "
        f"{line.law.exponent:.3g}"
    )


def try_break(
    points: Points, other: Fit, errors: object, resamples: Resamples
) -> tuple[tuple[Fit, Interval, Interval, Interval, Interval], str]:
    """Fit with a break; give fit, intervals of exponent, prefactor, break and the exponent after
    it, and what to say.

    Raises:
        NotIdentifiedError: with the reason against it.
    """
    fit = _fitted(_BREAK, points, errors)
    law = fit.law
    gain, laws, probabilities = _compared(_BREAK, points, fit, law.break_size, other, resamples)
    change = points.interval(
        law.exponent_after - law.exponent, laws.exponent_after - laws.exponent, probabilities
    )
    if change is None or change[0] * change[1] <= 0:
        raise NotIdentifiedError(
            f"no break: at the best one, {law.break_size:.3g}, the interval of the change of "
            "exponent holds 0"
        )
    where = points.interval(math.log(law.break_size), laws.log_break, probabilities, True)
    if where is None or where[0] <= points.sizes.min() or where[1] >= points.sizes.max():
        raise NotIdentifiedError(
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


def _fitted(form: _Form, points: Points, errors: object) -> Fit:
    """Fit a form, unless sizes or seeds are too few to try."""
    n_sizes = len(np.unique(points.sizes))
    if n_sizes < form.min_sizes:
        raise NotIdentifiedError(
            f"no {form.name}: {n_sizes} sizes, a {form.name} needs {form.min_sizes}"
        )
    if points.n_seeds < 2:
        raise NotIdentifiedError(f"no {form.name}: one seed, so {form.one_seed}")
    return form.fit(points.sizes, errors)


def _compared(
    form: _Form, points: Points, fit: Fit, place: float, other: Fit, resamples: Resamples
) -> tuple[float, FloorLaws | BrokenLaws, np.ndarray]:
    """Compare a fit with that of a simpler form, and refit it to the resamples.

    Args:
        place: what could have run to an end of its range.

    Returns:
        By how much it lowers AICc, the refits and their probabilities.
    """
    if fit.aicc is None or other.aicc is None:
        raise NotIdentifiedError(
            f"no {form.name}: {fit.n_points} points are too few to compare the laws"
        )
    gain = other.aicc - fit.aicc
    if gain <= AICC_MARGIN:
        raise NotIdentifiedError(
            f"no {form.name}: it would change AICc by {-gain:+.1f}, evidence needs -{AICC_MARGIN:g}"
        )
    if fit.at_edge or not fit.converged:
        raise NotIdentifiedError(
            f"no {form.name}: {form.ran} ran to {place:.3g}, an end of {form.range}"
        )
    weights, probabilities, lost = points.refit(resamples, form.min_sizes)
    if lost >= LOST_RESAMPLES:
        raise NotIdentifiedError(
            f"no {form.name}: {lost:.0%} of the resamples have fewer than {form.min_sizes} sizes"
        )
    laws = form.refit(points.sizes, points.log_errors, weights, quick=True)
    unsettled = float(probabilities[laws.at_edge].sum() / probabilities.sum())
    if unsettled >= LOST_RESAMPLES:
        raise NotIdentifiedError(
            f"no {form.name}: in {unsettled:.0%} of the resamples {form.ran} ran to an end of "
            f"{form.range}"
        )
    return gain, laws, probabilities
