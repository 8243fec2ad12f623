"""The law of a curve refitted to resampled seeds: what every interval of an answer comes from."""

from dataclasses import dataclass

import numpy as np

from rungs.scaling.bootstrap import resample_seeds
from rungs.scaling.laws.broken import fit_broken_laws
from rungs.scaling.laws.fit import MIN_SIZES, MIN_SIZES_BREAK
from rungs.scaling.laws.floor import fit_floor_laws
from rungs.scaling.laws.law import BROKEN_LAW, FLOOR_LAW, break_shape
from rungs.scaling.laws.line import fit_lines

N_RESAMPLES = 500
"""For answers. From seven seeds on so many are drawn, and a standard error is good to 3 %."""

_FEWEST_SIZES = {FLOOR_LAW: 3, BROKEN_LAW: MIN_SIZES_BREAK - 1}


@dataclass(frozen=True, slots=True)
class Laws:
    """One law for each resample; all arrays are (R,)."""

    log_prefactor: np.ndarray
    exponent: np.ndarray
    floor: np.ndarray
    """0 for laws without one."""
    log_break: np.ndarray | None = None
    exponent_after: np.ndarray | None = None

    def log_errors(self, sizes: np.ndarray) -> np.ndarray:
        """Return ln L at each of the (n,) ``sizes`` as an (R, n) array."""
        log_sizes = np.log(np.asarray(sizes, dtype=np.float64))
        out = self.log_prefactor[:, None] - self.exponent[:, None] * log_sizes
        if self.log_break is not None:
            bend = break_shape(log_sizes - self.log_break[:, None])
            return out - (self.exponent_after - self.exponent)[:, None] * bend
        if self.floor.any():
            with np.errstate(divide="ignore"):
                out = np.logaddexp(out, np.log(self.floor)[:, None])
        return out


def fit_laws(form: str, sizes: np.ndarray, log_errors: np.ndarray, weights: np.ndarray) -> Laws:
    """Fit one law of the given form per row of ``weights``.

    Args:
        form: one of the forms of :mod:`rungs.scaling.laws.law`.
        sizes: (n,) frames.
        log_errors: (n,) natural logarithms of the errors, or (R, n), one row for each fit.
        weights: (R, n) how often each point counts in each fit.
    """
    if form == FLOOR_LAW:
        floored = fit_floor_laws(sizes, log_errors, weights, quick=True)
        return Laws(np.log(floored.prefactor), floored.exponent, floored.floor)
    if form == BROKEN_LAW:
        broken = fit_broken_laws(sizes, log_errors, weights, quick=True)
        without = np.zeros(len(weights))
        bend = (broken.log_break, broken.exponent_after)
        return Laws(broken.log_prefactor, broken.exponent, without, *bend)
    lines = fit_lines(np.log(sizes), log_errors, weights)
    return Laws(lines.intercept, -lines.slope, np.zeros(len(weights)))


@dataclass(frozen=True, slots=True)
class Refits:
    """One law for each resample of a curve's seeds; all arrays have R rows."""

    seeds: tuple[str, ...]
    counts: np.ndarray
    """(R, n_seeds) how often each seed is drawn."""
    probabilities: np.ndarray
    """(R,); resamples whose points have too few sizes for the law have 0."""
    laws: Laws

    def log_errors(self, sizes: np.ndarray) -> np.ndarray:
        """Return ln L at each of the (n,) ``sizes`` as an (R, n) array."""
        return self.laws.log_errors(sizes)


def refit_seeds(
    sizes: np.ndarray,
    seeds: np.ndarray,
    errors: np.ndarray,
    form: str,
    n_resamples: int,
    seed: int,
) -> Refits | None:
    """Refit a law of the given form to each resample of the seeds; None with one seed.

    Args:
        sizes, seeds, errors: (n,) the points of one curve.
        form: one of the forms of :mod:`rungs.scaling.laws.law`.
        n_resamples, seed: see :func:`rungs.scaling.bootstrap.resample_seeds`. The same seeds with
            the same arguments give the same resamples, so that two curves can be compared row by
            row.
    """
    labels, which = np.unique(seeds, return_inverse=True)
    if len(labels) < 2:
        return None
    resamples = resample_seeds(len(labels), n_resamples, seed)
    weights = resamples.counts[:, which]
    present = np.stack([weights[:, sizes == n].any(axis=1) for n in np.unique(sizes)], axis=1)
    keep = present.sum(axis=1) >= _FEWEST_SIZES.get(form, MIN_SIZES)
    # A resample that cannot be fitted stays in its row, with all points and no probability.
    weights[~keep] = 1.0
    probabilities = np.where(keep, resamples.probabilities, 0.0)
    laws = fit_laws(form, sizes, np.log(errors), weights)
    return Refits(
        tuple(labels.tolist()), resamples.counts, probabilities / probabilities.sum(), laws
    )
