"""Power laws with one break, many at a time, by variable projection.

For a given size of the break, ln L = ln B − β·ln N − (β' − β)·g(N/N_b) is linear in its three other
parameters (:func:`rungs.scaling.laws.law.break_shape` is g); they are solved for with Huber's loss
by iteratively reweighted least squares. What is left is a search along the break: on a grid, then
by golden section.
"""

from typing import NamedTuple

import numpy as np

from rungs.scaling.laws.law import break_shape
from rungs.scaling.laws.line import HUBER_DELTA, huber, huber_weights

GRID_POINTS = 24
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_GOLDEN_STEPS = 30
_QUICK_STEPS = 12
_CHUNK = 50_000
"""Numbers in an array of the ranking: a few such arrays fit into a processor's cache."""


class BrokenLaws(NamedTuple):
    """R fitted laws; each field is (R,)."""

    log_prefactor: np.ndarray
    exponent: np.ndarray
    exponent_after: np.ndarray
    log_break: np.ndarray
    loss: np.ndarray
    at_edge: np.ndarray
    """Whether the break ran to an end of the searched range."""
    converged: np.ndarray


def fit_broken_laws(
    sizes: np.ndarray,
    log_errors: np.ndarray,
    weights: np.ndarray,
    delta: float = HUBER_DELTA,
    *,
    quick: bool = False,
) -> BrokenLaws:
    """Fit one law with a break per row of ``weights``.

    The break is searched between the second and the second-largest size: beyond, one of the two
    exponents would rest on a single size.

    Args:
        sizes: (n,) frames; five distinct sizes.
        log_errors: (n,) natural logarithms of the errors, or (R, n) where each fit has errors of
            its own.
        weights: (R, n) how often each point counts in each fit; every row must keep four distinct
            sizes.
        delta: where Huber's loss turns linear.
        quick: stop at four digits, which is enough for the scatter of resamples.
    """
    log_sizes = np.log(np.asarray(sizes, dtype=np.float64))
    distinct = np.unique(log_sizes)
    grid = np.linspace(distinct[1], distinct[-2], GRID_POINTS)
    n_fits, n_points = weights.shape
    log_errors = np.broadcast_to(log_errors, weights.shape)
    best = np.empty(n_fits, dtype=np.int64)
    step = max(1, _CHUNK // (GRID_POINTS * n_points))
    for start in range(0, n_fits, step):
        some = weights[start : start + step]
        losses = _solve(
            np.tile(grid, len(some)),
            log_sizes,
            np.repeat(log_errors[start : start + step], GRID_POINTS, axis=0),
            np.repeat(some, GRID_POINTS, axis=0),
            delta,
            iterations=8,  # only a ranking is needed here
        ).loss
        best[start : start + step] = losses.reshape(-1, GRID_POINTS).argmin(axis=1)

    def solve(log_break: np.ndarray) -> _Solved:
        return _solve(log_break, log_sizes, log_errors, weights, delta, iterations=30)

    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, GRID_POINTS - 1)]
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = solve(left).loss, solve(right).loss
    for _ in range(_QUICK_STEPS if quick else _GOLDEN_STEPS):
        go_left = at_left < at_right
        low, high = np.where(go_left, low, left), np.where(go_left, right, high)
        kept, at_kept = np.where(go_left, left, right), np.where(go_left, at_left, at_right)
        fresh = np.where(go_left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_fresh = solve(fresh).loss
        left, right = np.where(go_left, fresh, kept), np.where(go_left, kept, fresh)
        at_left = np.where(go_left, at_fresh, at_kept)
        at_right = np.where(go_left, at_kept, at_fresh)
    log_break = 0.5 * (low + high)
    final = _solve(log_break, log_sizes, log_errors, weights, delta, iterations=500)
    width = grid[1] - grid[0]
    at_edge = np.minimum(log_break - grid[0], grid[-1] - log_break) < 1e-3 * width
    exponent = -final.coefficients[:, 1]
    return BrokenLaws(
        final.coefficients[:, 0],
        exponent,
        exponent - final.coefficients[:, 2],
        log_break,
        final.loss,
        at_edge,
        final.settled & ~at_edge,
    )


class _Solved(NamedTuple):
    coefficients: np.ndarray
    loss: np.ndarray
    settled: np.ndarray


def _solve(
    log_break: np.ndarray,
    log_sizes: np.ndarray,
    log_errors: np.ndarray,
    weights: np.ndarray,
    delta: float,
    iterations: int,
) -> _Solved:
    """Solve for intercept, slope and change of slope of each row, its break given."""
    means = log_errors.mean(axis=1)
    x, y = log_sizes - log_sizes.mean(), log_errors - means[:, None]
    moments = np.stack([np.ones_like(x), x, x * x], axis=1)
    bend = break_shape(log_sizes - log_break[:, None])
    coefficients = np.zeros((len(weights), 3))
    settled = np.zeros(len(weights), dtype=bool)
    active = np.arange(len(weights))
    counts, g, y_here = weights, bend, y
    w = weights
    for _ in range(iterations):
        weighted, values = w * g, w * y_here
        sums, bent = w @ moments, weighted @ moments[:, :2]
        squared = np.einsum("ij,ij->i", weighted, g)
        normal = np.empty((len(active), 3, 3))
        normal[:, 0, 0], normal[:, 1, 1], normal[:, 2, 2] = sums[:, 0], sums[:, 2], squared
        normal[:, 0, 1] = normal[:, 1, 0] = sums[:, 1]
        normal[:, 0, 2] = normal[:, 2, 0] = bent[:, 0]
        normal[:, 1, 2] = normal[:, 2, 1] = bent[:, 1]
        # A resample of few sizes can leave the three nearly dependent.
        normal[:, [0, 1, 2], [0, 1, 2]] *= 1.0 + 1e-12
        right = np.stack([values.sum(axis=1), values @ x, np.einsum("ij,ij->i", values, g)], axis=1)
        new = np.linalg.solve(normal, right[..., None])[..., 0]
        change = np.abs(new - coefficients[active]).max(axis=1)
        coefficients[active] = new
        done = change <= 1e-10 * (1.0 + np.abs(new).max(axis=1))
        if done.any():
            settled[active[done]] = True
            active, new, y_here = active[~done], new[~done], y_here[~done]
            counts, g = counts[~done], g[~done]
            if not active.size:
                break
        residuals = y_here - new[:, :1] - new[:, 1:2] * x - new[:, 2:] * g
        w = counts * huber_weights(residuals, delta)
    residuals = y - coefficients[:, :1] - coefficients[:, 1:2] * x - coefficients[:, 2:] * bend
    coefficients[:, 0] += means - coefficients[:, 1] * log_sizes.mean()
    return _Solved(coefficients, (weights * huber(residuals, delta)).sum(axis=1), settled)
