"""Robust straight lines, many at a time."""

from typing import NamedTuple

import numpy as np

HUBER_DELTA = 0.2
"""Where the loss on log errors turns from quadratic to linear: deviations of up to about 20 %
count as scatter between seeds, larger ones as a run gone wrong that must not bend the law."""
MAX_ITERATIONS = 2000
TOLERANCE = 1e-13


def huber(residuals: np.ndarray, delta: float = HUBER_DELTA) -> np.ndarray:
    """Return ½r² for |r| ≤ δ and δ(|r| − ½δ) beyond (Huber 1964)."""
    size = np.abs(residuals)
    near = np.minimum(size, delta)
    return near * (size - 0.5 * near)


def huber_weights(residuals: np.ndarray, delta: float = HUBER_DELTA) -> np.ndarray:
    """Return the weights, min(1, δ/|r|), with which least squares has Huber's minimum."""
    return delta / np.maximum(np.abs(residuals), delta)


class Lines(NamedTuple):
    """R fitted lines y = intercept + slope·x."""

    intercept: np.ndarray
    slope: np.ndarray
    loss: np.ndarray
    """(R,) weighted sum of Huber losses."""
    converged: np.ndarray
    """(R,) whether the iterations came to rest."""


def fit_lines(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, delta: float = HUBER_DELTA
) -> Lines:
    """Fit one line per row of ``weights`` with Huber's loss.

    The problem is convex; iteratively reweighted least squares goes downhill at every step and
    comes to rest at the minimum, where Σ wᵢ ψ(rᵢ) = Σ wᵢ ψ(rᵢ) xᵢ = 0.

    Args:
        x: (n,) where the points lie.
        y: (n,) their values, or (R, n) where each fit has values of its own.
        weights: (R, n) how often each point counts in each fit; 0 leaves it out. Every row must
            keep two distinct x.
        delta: where the loss turns linear, in the unit of ``y``.
    """
    n_fits, y = len(weights), np.broadcast_to(y, weights.shape)
    slope, intercept = np.zeros(n_fits), np.zeros(n_fits)
    converged = np.zeros(n_fits, dtype=bool)
    robust = np.ones_like(weights, dtype=np.float64)
    # Fits leave the iteration as they converge: the slowest few would hold up all the others.
    active = np.arange(n_fits)
    for _ in range(MAX_ITERATIONS):
        w, y_here = weights[active] * robust[active], y[active]
        total = w.sum(axis=1)
        x_mean, y_mean = w @ x / total, (w * y_here).sum(axis=1) / total
        dx = x - x_mean[:, None]
        new_slope = (w * dx * (y_here - y_mean[:, None])).sum(axis=1) / (w * dx**2).sum(axis=1)
        new_intercept = y_mean - new_slope * x_mean
        change = np.maximum(
            np.abs(new_slope - slope[active]), abs(new_intercept - intercept[active])
        )
        scale = 1.0 + np.maximum(np.abs(new_slope), np.abs(new_intercept))
        slope[active], intercept[active] = new_slope, new_intercept
        residuals = y_here - new_intercept[:, None] - new_slope[:, None] * x
        robust[active] = huber_weights(residuals, delta)
        done = change <= TOLERANCE * scale
        converged[active[done]] = True
        active = active[~done]
        if not active.size:
            break
    loss = (weights * huber(y - intercept[:, None] - slope[:, None] * x, delta)).sum(axis=1)
    return Lines(intercept, slope, loss, converged)
