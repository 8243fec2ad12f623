"""The ratio of two methods' errors, from runs that share subsets and test materials.

Both methods have the same seeds, hence the same frames, and are judged on the same materials: what
a seed or a material does to both cancels. Seeds and materials are resampled one at a time and their
variances added, as in :mod:`rungs.scaling.intervals.materials`.
"""

from typing import NamedTuple

import numpy as np

from rungs.scaling.bootstrap import LEVEL, quantile
from rungs.scaling.intervals.material_draws import LOST_DRAWS, MIN_MATERIALS, N_DRAWS
from rungs.scaling.intervals.materials import draw_error, joint_half


class Ratio(NamedTuple):
    """Geometric mean over the seeds of one method's error over the other's."""

    value: float
    low: float | None
    high: float | None
    """None where there is no interval: of one seed, and of few materials."""
    n_materials: int


def paired_ratio(
    one: np.ndarray,
    other: np.ndarray,
    counts: np.ndarray,
    *,
    level: float = LEVEL,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> Ratio | None:
    """Return the ratio of two methods' mean absolute errors; None without a common number.

    Args:
        one, other: (S, M) mean absolute errors by seed and material, in the same unit.
        counts: (S, M) how many numbers each is the mean of; 0 leaves a material out of a seed.
        level: of the interval.
        n_draws, seed: how often materials are drawn, and by which seed.
    """
    one, other = (np.where(counts > 0, x, 0.0) for x in (one, other))
    there = counts.any(axis=0)
    n_seeds, n_materials = len(counts), int(there.sum())
    every = np.ones((1, counts.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = _log_ratios(one, other, counts, every)[0]
        if not n_materials or not np.isfinite(logs).all():
            return None
        value = float(np.exp(logs.mean()))
        if n_seeds < 2 or n_materials < MIN_MATERIALS:
            return Ratio(value, None, None, n_materials)
        weights = np.zeros((n_draws, counts.shape[1]))
        weights[:, there] = np.random.default_rng(seed).multinomial(
            n_materials, np.full(n_materials, 1.0 / n_materials), size=n_draws
        )
        drawn = _log_ratios(one, other, counts, weights).mean(axis=1)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < (1.0 - LOST_DRAWS) * n_draws:
        return Ratio(value, None, None, n_materials)
    seed_error = logs.std(ddof=1) / np.sqrt(n_seeds)
    half = joint_half(seed_error, n_seeds, draw_error(drawn, n_materials), n_materials, level)
    low, high = np.exp(logs.mean() + np.array([-1.0, 1.0]) * half)
    return Ratio(value, float(low), float(high), n_materials)


def ratio_of_seeds(
    one: np.ndarray, other: np.ndarray, *, level: float = LEVEL
) -> tuple[float, float | None, float | None]:
    """Return the geometric mean of (S,) errors over others' and its interval from the seeds alone;
    None for the ends with one seed."""
    logs = np.log(one) - np.log(other)
    value = float(np.exp(logs.mean()))
    if len(logs) < 2:
        return value, None, None
    half = quantile(len(logs) - 1, level) * logs.std(ddof=1) / np.sqrt(len(logs))
    return value, float(value * np.exp(-half)), float(value * np.exp(half))


def _log_ratios(
    one: np.ndarray, other: np.ndarray, counts: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(D, S) for (D, M) weights of the materials."""
    return np.log(weights @ (one * counts).T) - np.log(weights @ (other * counts).T)
