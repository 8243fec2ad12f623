"""Intervals from the scatter between seeds.

A study's subsets are nested within a seed, so the errors along one seed's curve share frames,
initial weights and luck: they are not independent, and only whole curves may be resampled. What is
resampled is the seed, with all its points; the laws are refitted to each resample.

A study has few seeds. Of three seeds there are 10 distinct resamples, and percentiles of 10 numbers
cannot reach further than the seeds themselves do: on synthetic curves the 90 % percentile interval
of three seeds holds the truth in about two cases of three. Two things are done about it:

- All resamples are enumerated, each with its multinomial probability, as long as there are no more
  than asked for (up to seven seeds for 2,000); drawing them would only add noise.
- The bootstrap gives the standard error and not the ends. With n seeds it is too small by
  √((n − 1)/n), is set right by that factor, and is multiplied by Student's t with n − 1 degrees of
  freedom. For the mean of n numbers this is exactly the textbook t interval, and so it is, to first
  order, for every parameter that is a smooth function of the seeds' curves (for a line with
  the same sizes for all seeds: the t interval of the per-seed exponents). Unlike that, it also
  serves parameters that no single seed's curve can identify, such as a floor.

Coverage of the 90 % intervals on synthetic curves, with three and with five seeds: 90 to 91 % for
the exponents and prefactors of power laws (92 to 93 % where seeds differ by more than Huber's δ and
the robust fit leans on some of them), 87 to 93 % for exponents, prefactors and floors of laws with
a floor. The tests marked slow repeat this.

The interval is about seeds (which frames are drawn, which weights training starts from), given
the law and the test set. It says nothing of how well the law describes the curve, nor of other test
materials, which :mod:`rungs.scaling.intervals.materials` adds. With one seed there is no interval.
"""

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, stdtrit

LEVEL = 0.90
N_RESAMPLES = 2000


class Resamples(NamedTuple):
    """Ways of drawing n seeds out of n with replacement."""

    counts: np.ndarray
    """(R, n_seeds) how often each seed is drawn; every row adds up to n_seeds."""
    probabilities: np.ndarray
    """(R,), adding up to 1."""


def resample_seeds(n_seeds: int, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Resamples:
    """Enumerate all resamples if there are at most ``n_resamples``; else draw that many.

    Args:
        n_seeds: how many seeds there are, at least 1.
        n_resamples: how many refits are affordable.
        seed: of the random draw; without effect where all resamples are enumerated.
    """
    n_distinct = comb(2 * n_seeds - 1, n_seeds)
    if n_distinct > n_resamples:
        drawn = np.random.default_rng(seed).multinomial(
            n_seeds, np.full(n_seeds, 1.0 / n_seeds), size=n_resamples
        )
        return Resamples(drawn.astype(np.float64), np.full(n_resamples, 1.0 / n_resamples))
    # Stars and bars: every placing of n - 1 bars among 2n - 1 places is one way to count seeds.
    bars = np.array(list(combinations(range(2 * n_seeds - 1), n_seeds - 1)), dtype=np.int64)
    edges = np.concatenate(
        [
            np.full((n_distinct, 1), -1),
            bars.reshape(n_distinct, n_seeds - 1),
            np.full((n_distinct, 1), 2 * n_seeds - 1),
        ],
        axis=1,
    )
    counts = (np.diff(edges, axis=1) - 1).astype(np.float64)
    log_probability = (
        gammaln(n_seeds + 1) - gammaln(counts + 1).sum(axis=1) - n_seeds * np.log(n_seeds)
    )
    probabilities = np.exp(log_probability)
    return Resamples(counts, probabilities / probabilities.sum())


def seed_interval(
    estimate: float,
    replicates: np.ndarray,
    probabilities: np.ndarray,
    n_seeds: int,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Return the interval of a parameter; None with one seed.

    Args:
        estimate: the parameter fitted to all seeds.
        replicates: (R,) the parameter fitted to each resample.
        probabilities: (R,) weight of each resample; scaled to add up to 1.
        n_seeds: number of seeds the resamples were drawn from.
        level: how often such intervals are to hold the true value.
    """
    half = half_widths(replicates, probabilities, n_seeds, level)
    if half is None:
        return None
    return estimate - float(half), estimate + float(half)


def half_widths(
    replicates: np.ndarray, probabilities: np.ndarray, n_seeds: int, level: float = LEVEL
) -> np.ndarray | None:
    """Return half the width of the interval of each column of ``replicates``; None with one seed.

    Args:
        replicates: (R, ...) quantities computed from the refit to each resample.
        probabilities, n_seeds, level: as for :func:`seed_interval`.
    """
    if n_seeds < 2:
        return None
    return quantile(n_seeds - 1, level) * standard_error(replicates, probabilities, n_seeds)


def standard_error(replicates: np.ndarray, probabilities: np.ndarray, n: int) -> np.ndarray:
    """Return the standard error of each column of ``replicates``.

    Args:
        replicates: (R, ...) quantities computed from each resample.
        probabilities: (R,) weight of each resample; scaled to add up to 1.
        n: how many there were to resample, at least 2.
    """
    probabilities = probabilities / probabilities.sum()
    mean = np.tensordot(probabilities, replicates, axes=1)
    spread = np.tensordot(probabilities, np.square(replicates - mean), axes=1)
    return np.sqrt(spread * n / (n - 1))


def quantile(freedom: float | np.ndarray, level: float = LEVEL) -> float | np.ndarray:
    """Return by how many standard errors an interval reaches either side, by Student's t."""
    # What scipy.stats.t.ppf returns; to import scipy.stats takes longer than most jobs' numbers.
    return stdtrit(freedom, 0.5 + 0.5 * level)
