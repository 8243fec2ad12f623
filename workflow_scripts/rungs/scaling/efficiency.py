"""What transfer saves: the number of frames that training from scratch would have needed.

The effective data transferred of Hernandez et al. (arXiv 2102.01293): the law of the baseline is
inverted at the error that the other method reaches, and the frames it used are subtracted. It is
inverted only between the smallest and the largest size that the law was fitted to; beyond, the
answer is 'out of range'. The interval holds the sizes at which the data do not tell the baseline's
law from that error.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.band import GRID_POINTS, interval_ends
from rungs.scaling.bootstrap import LEVEL, half_widths
from rungs.scaling.refits import N_RESAMPLES, Refits, refit_seeds
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
    frames_transferred: float | None = None
    """Effective data transferred: ``scratch_equivalent_frames`` less the frames used. Below 0
    where transfer hurts."""
    transferred_low: float | None = None
    transferred_high: float | None = None
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
    refits: dict[str, Refits | None] = {}
    out = []
    for curve in curves:
        if curve.method == baseline:
            continue
        law = law_of.get((baseline, curve.metric))
        if curve.metric not in refits:
            points = scratch[curve.metric].trained() if curve.metric in scratch else None
            fitted = law is not None and law.law is not None and points is not None
            refits[curve.metric] = (
                refit_seeds(*points, law.form, n_resamples, seed) if fitted else None
            )
        out += [
            _compare(curve, size, baseline, law, refits[curve.metric], level)
            for size in sorted(set(curve.sizes))
        ]
    return out


def write_efficiency(path: str | os.PathLike, rows: Iterable[EfficiencyRow]) -> None:
    """Write ``efficiency.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


def _compare(
    curve: Curve,
    size: int,
    baseline: str,
    row: LawRow | None,
    refits: Refits | None,
    level: float,
) -> EfficiencyRow:
    errors = curve.by_seed(size)
    log_mean = float(np.log(list(errors.values())).mean())
    out = {"method": curve.method, "metric": curve.metric, "size": size}
    out["mean_error"] = float(np.exp(log_mean))
    if row is None or row.law is None:
        return EfficiencyRow(**out, note=f"{baseline} has no law in this metric")
    at_small, at_large = row.law([row.smallest_size, row.largest_size])
    if at_large >= at_small:
        return EfficiencyRow(**out, note=f"the error of {baseline} does not fall with size")
    if out["mean_error"] < at_large:
        note = f"out of range: {baseline} needs more than {row.largest_size} frames"
        return EfficiencyRow(**out, note=note)
    equivalent = row.law.size_for(out["mean_error"])
    if equivalent is None or equivalent < row.smallest_size:
        note = f"out of range: {baseline} needs fewer than {row.smallest_size} frames"
        return EfficiencyRow(**out, note=note)
    (low, high), note = _interval(errors, size, row, refits, level)
    return EfficiencyRow(
        **out,
        scratch_equivalent_frames=equivalent,
        equivalent_low=low,
        equivalent_high=high,
        frames_per_frame=equivalent / size if size else None,
        frames_transferred=equivalent - size,
        transferred_low=None if low is None else low - size,
        transferred_high=None if high is None else high - size,
        note=note,
    )


def _interval(
    errors: dict[str, float],
    size: int,
    row: LawRow,
    refits: Refits | None,
    level: float,
) -> tuple[tuple[float | None, float | None], str]:
    if refits is None:
        return (None, None), "one seed: no interval"
    notes = []
    if size == 0:
        log_error = np.full(len(refits.counts), np.log(list(errors.values())).mean())
        notes.append("one pretrained model: the interval is that of the baseline's law")
    elif sorted(errors) == sorted(refits.seeds):
        ordered = np.log([errors[label] for label in refits.seeds])
        log_error = refits.counts @ ordered / refits.counts.sum(axis=1)
    else:
        return (None, None), "not the same seeds as the baseline: no interval"
    grid = np.geomspace(row.smallest_size, row.largest_size, GRID_POINTS)
    gap = np.log(row.law(grid)) - np.log(list(errors.values())).mean()
    half = half_widths(
        refits.log_errors(grid) - log_error[:, None],
        refits.probabilities,
        len(refits.seeds),
        level,
    )
    low, high = interval_ends(np.log(grid), gap, half)
    notes += ["lower end out of range"] if low is None else []
    notes += ["upper end out of range"] if high is None else []
    return (low, high), "; ".join(notes)
