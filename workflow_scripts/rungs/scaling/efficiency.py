"""What transfer saves: the number of frames that training from scratch would have needed.

The idea is that of the effective data transferred of Hernandez et al. (arXiv 2102.01293): the law
of the baseline is inverted at the error that the other method reaches. It is inverted only between
the smallest and the largest size that the law was fitted to; beyond, the answer is 'out of range'.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.bootstrap import LEVEL, N_RESAMPLES, resample_seeds, seed_interval
from rungs.scaling.fit import MIN_SIZES
from rungs.scaling.floor import fit_floor_laws
from rungs.scaling.laws import FLOOR_LAW
from rungs.scaling.line import fit_lines
from rungs.scaling.runs import Curve, curves_of
from rungs.scaling.study import LawRow


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """One row of ``efficiency.csv``: one method at one size, in one metric."""

    method: str
    metric: str
    size: int
    mean_error: float
    """Geometric mean over the seeds, in the metric's unit."""
    scratch_equivalent_frames: float | None = None
    """Frames that the baseline needs for the same error; None where out of range."""
    equivalent_low: float | None = None
    equivalent_high: float | None = None
    """Interval from the seeds of both curves; an end outside the baseline's range is None."""
    frames_per_frame: float | None = None
    """Baseline frames that one frame of this method is worth; None at size 0."""
    note: str = ""


COLUMNS = tuple(field.name for field in fields(EfficiencyRow))


def data_efficiency(
    rows: Iterable[Mapping[str, object]],
    laws: Iterable[LawRow],
    baseline: str = "scratch",
    *,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> list[EfficiencyRow]:
    """Compare every other method with ``baseline``, at every size, 0 frames included.

    The interval refits the baseline's law to resampled seeds and takes the other method's mean
    over the same resample, so that luck in the subset that both share cancels. It is left away
    where the two do not have the same seeds; at 0 frames there is one pretrained model, and
    the interval is of the baseline's law alone.

    Args:
        rows: the learning curve, as for :func:`rungs.scaling.runs.curves_of`.
        laws: the laws fitted to it.
        baseline: name of the method that starts from random weights.
        level, n_resamples, seed: of the intervals.

    Raises:
        StudyError: when the learning curve has no method of that name.
    """
    curves = curves_of(rows)
    if baseline not in {curve.method for curve in curves}:
        raise StudyError(
            f"method {baseline}: not in the learning curve; data efficiency needs the runs of a "
            "method that starts from random weights"
        )
    law_of = {(row.method, row.metric): row for row in laws}
    scratch = {curve.metric: curve for curve in curves if curve.method == baseline}
    out = []
    for curve in curves:
        if curve.method == baseline:
            continue
        law = law_of.get((baseline, curve.metric))
        refits = _refits(scratch[curve.metric], law, n_resamples, seed) if law else None
        out += [
            _compare(curve, size, baseline, law, refits, level) for size in sorted(set(curve.sizes))
        ]
    return out


def write_efficiency(path: str | os.PathLike, rows: Iterable[EfficiencyRow]) -> None:
    """Write ``efficiency.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


@dataclass(frozen=True, slots=True)
class _Refits:
    """The baseline's law, refitted to each resample of its seeds."""

    seeds: list[str]
    counts: np.ndarray
    probabilities: np.ndarray
    prefactor: np.ndarray
    exponent: np.ndarray
    floor: np.ndarray


def _refits(curve: Curve, row: LawRow, n_resamples: int, seed: int) -> _Refits | None:
    if row.law is None:
        return None
    sizes, labels, errors = curve.trained()
    seeds, which = np.unique(labels, return_inverse=True)
    if len(seeds) < 2:
        return None
    resamples = resample_seeds(len(seeds), n_resamples, seed)
    weights = resamples.counts[:, which]
    present = np.stack([weights[:, sizes == n].any(axis=1) for n in np.unique(sizes)], axis=1)
    keep = present.sum(axis=1) >= (3 if row.form == FLOOR_LAW else MIN_SIZES)
    weights, log_errors = weights[keep], np.log(errors)
    if row.form == FLOOR_LAW:
        fitted = fit_floor_laws(sizes, log_errors, weights)
        parameters = (fitted.prefactor, fitted.exponent, fitted.floor)
    else:
        lines = fit_lines(np.log(sizes), log_errors, weights)
        parameters = (np.exp(lines.intercept), -lines.slope, np.zeros(len(weights)))
    return _Refits(
        seeds.tolist(), resamples.counts[keep], resamples.probabilities[keep], *parameters
    )


def _compare(
    curve: Curve,
    size: int,
    baseline: str,
    row: LawRow | None,
    refits: _Refits | None,
    level: float,
) -> EfficiencyRow:
    errors = curve.by_seed(size)
    log_mean = float(np.log(list(errors.values())).mean())
    out = {"method": curve.method, "metric": curve.metric, "size": size}
    out["mean_error"] = float(np.exp(log_mean))
    if row is None or row.law is None:
        return EfficiencyRow(**out, note=f"{baseline} has no law in this metric")
    if row.exponent <= 0:
        return EfficiencyRow(**out, note=f"the error of {baseline} does not fall with size")
    at_small, at_large = row.law([row.smallest_size, row.largest_size])
    if out["mean_error"] < at_large:
        note = f"out of range: {baseline} needs more than {row.largest_size} frames"
        return EfficiencyRow(**out, note=note)
    if out["mean_error"] > at_small:
        note = f"out of range: {baseline} needs fewer than {row.smallest_size} frames"
        return EfficiencyRow(**out, note=note)
    equivalent = row.law.size_for(out["mean_error"])
    interval, note = _interval(errors, size, equivalent, row, refits, level)
    return EfficiencyRow(
        **out,
        scratch_equivalent_frames=equivalent,
        equivalent_low=interval[0],
        equivalent_high=interval[1],
        frames_per_frame=equivalent / size if size else None,
        note=note,
    )


def _interval(
    errors: dict[str, float],
    size: int,
    equivalent: float,
    row: LawRow,
    refits: _Refits | None,
    level: float,
) -> tuple[tuple[float | None, float | None], str]:
    if refits is None:
        return (None, None), "one seed: no interval"
    if size == 0:
        log_error = np.full(len(refits.counts), np.log(list(errors.values())).mean())
        note = "one pretrained model: the interval is that of the baseline's law"
    elif sorted(errors) == sorted(refits.seeds):
        ordered = np.log([errors[label] for label in refits.seeds])
        log_error = refits.counts @ ordered / refits.counts.sum(axis=1)
        note = ""
    else:
        return (None, None), "not the same seeds as the baseline: no interval"
    above = np.exp(log_error) - refits.floor
    solvable = (above > 0) & (refits.exponent > 0)
    if not solvable.all():
        return (None, None), "some resamples of the baseline never reach this error: no interval"
    replicates = (np.log(refits.prefactor) - np.log(above)) / refits.exponent
    low, high = seed_interval(
        float(np.log(equivalent)), replicates, refits.probabilities, len(refits.seeds), level
    )
    low, high = float(np.exp(low)), float(np.exp(high))
    notes = [note] if note else []
    if low < row.smallest_size:
        low = None
        notes.append("lower end out of range")
    if high > row.largest_size:
        high = None
        notes.append("upper end out of range")
    return (low, high), "; ".join(notes)
