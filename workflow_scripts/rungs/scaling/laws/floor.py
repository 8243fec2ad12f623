"""Power laws with a floor, many at a time, by variable projection.

The law E + B·N^−β is written as A·[φ + (1 − φ)·(N/N_min)^−β]: A is the fitted error at the smallest
size, φ = E/A the floor's share of it. For a given exponent β the two linear coefficients E and B,
and so A and φ, are solved for exactly; what is left is a search along β alone (Golub and Pereyra,
SIAM J. Numer. Anal. 10, 413, 1973). "Exactly" means here: at the minimum of the loss that is used,
Huber's on log errors. Least squares on the errors themselves would be one linear solve, but would
weigh a 10 % deviation at 10 frames a hundred times as heavily as one at 1,000. So the solve is
repeated, on log errors linearised about the last solution and with Huber's weights, until nothing
changes; its fixed point is that minimum. The share is held to 0 ≤ φ < 1: a best share of 0 says
that the data ask for no floor.
"""

from typing import NamedTuple

import numpy as np

from rungs.scaling.laws.line import HUBER_DELTA, huber, huber_weights

EXPONENTS = (0.02, 6.0)
"""Range of exponents that is searched. Below it the law cannot be told from a logarithm, above it
the floor is reached within the first factor of two in size."""
GRID_POINTS = 24
LARGEST_SHARE = 1.0 - 1e-6
_CHUNK = 50_000
"""Numbers in an array of the ranking: a few such arrays fit into a processor's cache."""
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_GOLDEN_STEPS = 46
_QUICK_STEPS = 18


class FloorLaws(NamedTuple):
    """R fitted laws E + B·N^−β; each field is (R,)."""

    prefactor: np.ndarray
    exponent: np.ndarray
    floor: np.ndarray
    share: np.ndarray
    """E as a share of the fitted error at the largest size; 0 where no floor is asked for."""
    loss: np.ndarray
    converged: np.ndarray
    at_edge: np.ndarray
    """Whether the exponent ran to an end of ``EXPONENTS``."""


def fit_floor_laws(
    sizes: np.ndarray,
    log_errors: np.ndarray,
    weights: np.ndarray,
    delta: float = HUBER_DELTA,
    grid_points: int = GRID_POINTS,
    *,
    quick: bool = False,
) -> FloorLaws:
    """Fit one law with floor per row of ``weights``.

    Args:
        sizes: (n,) frames.
        log_errors: (n,) natural logarithms of the errors, or (R, n) where each fit has errors of
            its own.
        weights: (R, n) how often each point counts in each fit; every row must keep three
            distinct sizes.
        delta: where Huber's loss turns linear.
        grid_points: exponents tried before the best of them is refined.
        quick: stop at five digits, which is enough for the scatter of resamples.
    """
    n_fits, n_points = weights.shape
    log_errors = np.broadcast_to(log_errors, weights.shape)
    log_ratio = np.log(sizes / sizes.min())
    grid = np.geomspace(*EXPONENTS, grid_points)
    shapes = np.exp(-grid[:, None] * log_ratio)
    best, share = np.empty(n_fits, dtype=np.int64), np.empty(n_fits)
    step = max(1, _CHUNK // (grid_points * n_points))
    for start in range(0, n_fits, step):
        some = weights[start : start + step]
        solved = _solve(
            np.tile(shapes, (len(some), 1)),
            np.repeat(log_errors[start : start + step], grid_points, axis=0),
            np.repeat(some, grid_points, axis=0),
            np.full(len(some) * grid_points, 0.1),
            delta,
            iterations=8,  # only a ranking is needed here
        )
        losses = solved.loss.reshape(-1, grid_points)
        best[start : start + step] = losses.argmin(axis=1)
        share[start : start + step] = np.take_along_axis(
            solved.share.reshape(-1, grid_points), best[start : start + step, None], axis=1
        )[:, 0]

    resolution = 1e-7 if quick else 1e-12

    def solve(log_exponent: np.ndarray, first_share: np.ndarray) -> _Solved:
        shape = np.exp(-np.exp(log_exponent)[:, None] * log_ratio)
        return _solve(shape, log_errors, weights, first_share, delta, resolution=resolution)

    # Golden section between the neighbours of the best grid point.
    log_grid = np.log(grid)
    low = log_grid[np.maximum(best - 1, 0)]
    high = log_grid[np.minimum(best + 1, grid_points - 1)]
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = solve(left, share), solve(right, share)
    for _ in range(_QUICK_STEPS if quick else _GOLDEN_STEPS):
        go_left = at_left.loss < at_right.loss
        low, high = np.where(go_left, low, left), np.where(go_left, right, high)
        kept = np.where(go_left, left, right)
        fresh = np.where(go_left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_kept = _Solved(
            *(np.where(go_left, *pair) for pair in zip(at_left, at_right, strict=True))
        )
        at_fresh = solve(fresh, at_kept.share)
        left, right = np.where(go_left, fresh, kept), np.where(go_left, kept, fresh)
        pairs = list(zip(at_fresh, at_kept, strict=True))
        at_left = _Solved(*(np.where(go_left, *pair) for pair in pairs))
        at_right = _Solved(*(np.where(go_left, *pair[::-1]) for pair in pairs))
    log_exponent = 0.5 * (low + high)
    final = solve(log_exponent, at_left.share)
    exponent = np.exp(log_exponent)
    width = log_grid[1] - log_grid[0]
    at_edge = np.minimum(log_exponent - log_grid[0], log_grid[-1] - log_exponent) < 1e-3 * width
    level = np.exp(final.level)
    floor, falling = level * final.share, level * (1.0 - final.share)
    return FloorLaws(
        prefactor=falling * sizes.min() ** exponent,
        exponent=exponent,
        floor=floor,
        share=floor / (floor + falling * np.exp(-exponent * log_ratio.max())),
        loss=final.loss,
        converged=final.settled & ~at_edge,
        at_edge=at_edge,
    )


class _Solved(NamedTuple):
    share: np.ndarray
    level: np.ndarray
    loss: np.ndarray
    settled: np.ndarray


def _solve(
    shapes: np.ndarray,
    log_errors: np.ndarray,
    weights: np.ndarray,
    share: np.ndarray,
    delta: float,
    iterations: int = 200,
    resolution: float = 1e-12,
) -> _Solved:
    """Find level ln A and share φ for each row of ``shapes``, the (N/N_min)^−β of one exponent."""
    share = np.clip(share, 0.0, LARGEST_SHARE)
    mixture = _mixture(shapes, share)
    free = log_errors - np.log(mixture)
    level = _mean(free, weights)
    residual = free - level[:, None]
    loss = _sum(weights, huber(residual, delta))
    damping = np.ones_like(share)
    settled = np.zeros(len(share), dtype=bool)
    active = np.arange(len(share))
    x, y, w = shapes, log_errors, weights
    for _ in range(iterations):
        phi = share[active]
        w_robust = w * huber_weights(residual, delta)
        slope = (1.0 - x) / mixture
        slope -= _mean(slope, w_robust)[:, None]
        pull = w_robust * slope
        step = _sum(pull, residual) / _sum(pull, slope)
        new_share = np.clip(phi + damping[active] * step, 0.0, LARGEST_SHARE)
        new_mixture = _mixture(x, new_share)
        free = y - np.log(new_mixture)
        new_level = _mean(free, w_robust)
        new_residual = free - new_level[:, None]
        new_loss = _sum(w, huber(new_residual, delta))
        better = new_loss <= loss[active]
        change = np.abs(new_share - phi) + np.abs(new_level - level[active])
        accepted = active[better]
        share[accepted], level[accepted] = new_share[better], new_level[better]
        loss[accepted] = new_loss[better]
        damping[active] = np.where(
            better, np.minimum(1.0, 2.0 * damping[active]), 0.25 * damping[active]
        )
        # A rejected step this small is rounding, not a way further down: the loss is flat there to
        # second order, so that it cannot tell parameters apart that differ by less than its root.
        done = (change <= resolution) | (~better & (change <= 1e-7))
        settled[active[done]] = True
        # What an accepted step was judged by is what the next one starts from.
        if not better.all():
            new_mixture[~better], new_residual[~better] = mixture[~better], residual[~better]
        mixture, residual = new_mixture, new_residual
        if done.any():
            active = active[~done]
            if not active.size:
                break
            x, y, w = x[~done], y[~done], w[~done]
            mixture, residual = mixture[~done], residual[~done]
    return _Solved(share, level, loss, settled)


def _mixture(shapes: np.ndarray, share: np.ndarray) -> np.ndarray:
    return share[:, None] + (1.0 - share)[:, None] * shapes


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _sum(weights, values) / weights.sum(axis=1)


def _sum(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", weights, values)
