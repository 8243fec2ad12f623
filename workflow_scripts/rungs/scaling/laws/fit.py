"""Fitting one learning curve: a power law, one with a floor, or one with a break."""

import math
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.laws.broken import BrokenLaws, fit_broken_laws
from rungs.scaling.laws.floor import FloorLaws, fit_floor_laws
from rungs.scaling.laws.law import Law
from rungs.scaling.laws.line import HUBER_DELTA, Lines, fit_lines

MIN_SIZES = 2
MIN_SIZES_FLOOR = 4
MIN_SIZES_BREAK = 5


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted law and how well it fits, in log space."""

    law: Law
    loss: float
    """Sum of Huber losses of the log errors."""
    r2: float | None
    """1 − Σ(ln L − ln L̂)² / Σ(ln L − mean)²; None where all errors are equal."""
    aicc: float | None
    """Corrected Akaike criterion; None where there are too few points for it."""
    converged: bool
    n_points: int
    share: float = 0.0
    """Floor as a share of the fitted error at the largest size."""
    at_edge: bool = False
    """Whether the exponent of a law with floor, or a break, ran to an end of the searched range."""


def fit_power_law(
    sizes: object, errors: object, delta: float = HUBER_DELTA, *, above: float = 0.0
) -> Fit:
    """Fit L = B·N^−β as a robust line through the log errors.

    Args:
        sizes, errors: (n,) positive numbers: frames, and errors in any unit; as many points at a
            size as there are runs.
        delta: where Huber's loss on natural-log errors turns from quadratic to linear.
        above: fit only sizes from this one on, as Huang et al. (npj Comput. Mater. 2025) do for
            more than 1,000 frames; ``r2`` is then that of these points.

    Raises:
        StudyError: for fewer than two distinct sizes, or a number that is not positive.
    """
    sizes, errors = np.asarray(sizes, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if above > 0 and sizes.shape == errors.shape:
        sizes, errors = sizes[sizes >= above], errors[sizes >= above]
    sizes, log_errors = checked_points(sizes, errors, MIN_SIZES)
    lines = fit_lines(np.log(sizes), log_errors, np.ones((1, len(sizes))), delta)
    law = Law(math.exp(lines.intercept[0]), -float(lines.slope[0]))
    return _fit(law, lines, sizes, log_errors, n_parameters=3)


def fit_floor_law(sizes: object, errors: object, delta: float = HUBER_DELTA) -> Fit:
    """Fit L = E + B·N^−β with E ≥ 0, by variable projection (:mod:`rungs.scaling.laws.floor`).

    Whether the data can identify the floor is not judged here; see :mod:`rungs.scaling.laws.curve`.

    Args:
        sizes, errors, delta: as for :func:`fit_power_law`.

    Raises:
        StudyError: for fewer than four distinct sizes, or a number that is not positive.
    """
    sizes, log_errors = checked_points(sizes, errors, MIN_SIZES_FLOOR)
    laws = fit_floor_laws(sizes, log_errors, np.ones((1, len(sizes))), delta)
    law = Law(float(laws.prefactor[0]), float(laws.exponent[0]), float(laws.floor[0]))
    more = {"share": float(laws.share[0]), "at_edge": bool(laws.at_edge[0])}
    return _fit(law, laws, sizes, log_errors, n_parameters=4, **more)


def fit_broken_law(sizes: object, errors: object, delta: float = HUBER_DELTA) -> Fit:
    """Fit a power law with one break, by variable projection (:mod:`rungs.scaling.laws.broken`).

    Whether the data can identify the break is not judged here; see :mod:`rungs.scaling.laws.curve`.

    Args:
        sizes, errors, delta: as for :func:`fit_power_law`.

    Raises:
        StudyError: for fewer than five distinct sizes, or a number that is not positive.
    """
    sizes, log_errors = checked_points(sizes, errors, MIN_SIZES_BREAK)
    laws = fit_broken_laws(sizes, log_errors, np.ones((1, len(sizes))), delta)
    law = Law(
        math.exp(laws.log_prefactor[0]),
        float(laws.exponent[0]),
        break_size=math.exp(laws.log_break[0]),
        exponent_after=float(laws.exponent_after[0]),
    )
    at_edge = bool(laws.at_edge[0])
    return _fit(law, laws, sizes, log_errors, n_parameters=5, at_edge=at_edge)


def _fit(
    law: Law,
    found: Lines | FloorLaws | BrokenLaws,
    sizes: np.ndarray,
    log_errors: np.ndarray,
    *,
    n_parameters: int,
    **more: float | bool,
) -> Fit:
    """Return ``law``, the first of those ``found``, with how well it fits."""
    loss = float(found.loss[0])
    return Fit(
        law,
        loss,
        _r2(law, sizes, log_errors),
        _aicc(loss, len(sizes), n_parameters),
        bool(found.converged[0]),
        len(sizes),
        **more,
    )


def checked_points(sizes: object, errors: object, min_sizes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes and log errors as (n,) float64 arrays, after checking them.

    Raises:
        StudyError: when the shapes differ, a number is not positive and finite, or there are fewer
            than ``min_sizes`` distinct sizes.
    """
    sizes = np.asarray(sizes, dtype=np.float64)
    errors = np.asarray(errors, dtype=np.float64)
    if sizes.ndim != 1 or sizes.shape != errors.shape:
        raise StudyError(f"sizes {sizes.shape} and errors {errors.shape} are not two equal columns")
    for name, values in (("size", sizes), ("error", errors)):
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            raise StudyError(
                f"a law needs positive, finite numbers; point {i} has {name} {values[i]:g}"
            )
    n_sizes = len(np.unique(sizes))
    if n_sizes < min_sizes:
        raise StudyError(f"this law needs {min_sizes} distinct sizes, the points have {n_sizes}")
    return sizes, np.log(errors)


def _r2(law: Law, sizes: np.ndarray, log_errors: np.ndarray) -> float | None:
    total = float(np.square(log_errors - log_errors.mean()).sum())
    if total <= 1e-24 * len(sizes):
        return None
    return 1.0 - float(np.square(log_errors - np.log(law(sizes))).sum()) / total


def _aicc(loss: float, n_points: int, n_parameters: int) -> float | None:
    """AICc of Hurvich and Tsai (Biometrika 76, 297, 1989), with twice Huber's loss where the
    formula for normal errors has the residual sum of squares; the scatter counts as a parameter."""
    spare = n_points - n_parameters - 1
    if spare < 1:
        return None
    # Below this, residuals are rounding and their logarithm means nothing.
    variance = max(2.0 * loss / n_points, 1e-20)
    return (
        n_points * math.log(variance)
        + 2 * n_parameters
        + 2 * n_parameters * (n_parameters + 1) / spare
    )
