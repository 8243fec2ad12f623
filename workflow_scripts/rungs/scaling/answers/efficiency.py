"""What transfer saves: the number of frames that training from scratch would have needed.

The effective data transferred of Hernandez et al. (arXiv 2102.01293): the law of the baseline is
inverted at the error that the other method reaches, and the frames it used are subtracted. It is
inverted only between the smallest and the largest size that the law was fitted to; beyond, the
answer is 'out of range'. The interval holds the sizes at which the data do not tell the baseline's
law from that error; where they tell it at every size, all that is known is on which side it lies.

Both methods are judged on the same test materials. Where the errors by material are at hand, the
materials are drawn for both at once, so that those on which both err cancel, and their scatter is
added to that of the seeds.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.answers.band import GRID_POINTS, interval_ends
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.bootstrap import LEVEL, quantile, standard_error
from rungs.scaling.intervals.material_draws import MaterialDraws, draws_of
from rungs.scaling.intervals.materials import draw_error, joint_half, redraw_laws, widened
from rungs.scaling.intervals.paired import ratio_of_seeds
from rungs.scaling.intervals.refits import N_RESAMPLES, Laws, Refits, refit_seeds
from rungs.scaling.runs import Curve, curves_of


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """One row of ``efficiency.csv``: one method at one size, in one metric."""

    method: str
    baseline: str
    """What it is compared with: training from scratch, of the same network."""
    metric: str
    size: int
    mean_error: float
    """Geometric mean over the seeds, in the metric's unit."""
    scratch_ratio: float | None = None
    """Its error over that of the baseline at the same size: below 1 where transfer helps."""
    scratch_ratio_low: float | None = None
    scratch_ratio_high: float | None = None
    """Interval from the seeds, paired, and from the test materials where their errors are known."""
    scratch_equivalent_frames: float | None = None
    """Frames that the baseline needs for the same error; None where out of range."""
    equivalent_low: float | None = None
    equivalent_high: float | None = None
    """Interval from the seeds of both curves; an end outside the baseline's range is None. Where
    all of the interval lies beyond the range, the end next to it is that of the range: at least so
    many frames, or at most."""
    frames_per_frame: float | None = None
    """Baseline frames that one frame of this method is worth; None at size 0."""
    per_frame_low: float | None = None
    per_frame_high: float | None = None
    frames_transferred: float | None = None
    """Effective data transferred: ``scratch_equivalent_frames`` less the frames used. Below 0
    where transfer hurts."""
    transferred_low: float | None = None
    transferred_high: float | None = None
    n_materials: int | None = None
    """Test materials behind the intervals that end in ``_with_materials``, which are from seeds and
    materials together; the others are from the seeds alone. None where there are none."""
    equivalent_low_with_materials: float | None = None
    equivalent_high_with_materials: float | None = None
    per_frame_low_with_materials: float | None = None
    per_frame_high_with_materials: float | None = None
    transferred_low_with_materials: float | None = None
    transferred_high_with_materials: float | None = None
    note: str = ""

    @property
    def equivalent_interval(self) -> tuple[float | None, float | None]:
        """Low and high end of the interval of the equivalent frames: from seeds and test materials
        where the errors by material are known, else from seeds."""
        found = self.equivalent_low_with_materials, self.equivalent_high_with_materials
        if self.n_materials is None and found == (None, None):
            return self.equivalent_low, self.equivalent_high
        return found

    @property
    def transferred_interval(self) -> tuple[float | None, float | None]:
        """The same of the frames that transfer saves."""
        low, high = self.equivalent_interval
        return None if low is None else low - self.size, None if high is None else high - self.size

    @property
    def saves(self) -> bool | None:
        """Whether transfer saves frames for certain (True) or costs some (False); None where that
        is open, or there is no interval.

        As errors from scratch fall with size, an error below that from scratch on as many frames
        is one that needs more of them: the ratio decides it without a law, and often sooner than
        the number of frames has an interval.
        """
        if self.scratch_ratio_high is not None and self.scratch_ratio_high < 1:
            return True
        if self.scratch_ratio_low is not None and self.scratch_ratio_low > 1:
            return False
        low, high = self.transferred_interval
        # Beyond the range the end of the interval is itself left out.
        beyond = self.scratch_equivalent_frames is None
        if low is not None and (low > 0 or (beyond and low == 0)):
            return True
        if high is not None and (high < 0 or (beyond and high == 0)):
            return False
        return None


COLUMNS = tuple(field.name for field in fields(EfficiencyRow))


def efficiency_of_models(
    rows: Iterable[Mapping[str, object]],
    laws: Iterable[LawRow],
    baselines: Mapping[str, str],
    **options: object,
) -> list[EfficiencyRow]:
    """Compare each method with the baseline of its own network; see :func:`data_efficiency`.

    Args:
        rows, laws, options: as there.
        baselines: of each method, itself included; those that have none are left out.
    """
    rows, laws, found = list(rows), list(laws), []
    for baseline in dict.fromkeys(baselines.values()):
        own = [row for row in rows if baselines.get(row["method"]) == baseline]
        if any(row["method"] == baseline for row in own):
            found += data_efficiency(own, laws, baseline, **options)
    return found


def data_efficiency(
    rows: Iterable[Mapping[str, object]],
    laws: Iterable[LawRow],
    baseline: str = "scratch",
    *,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    materials: Mapping[str, MaterialDraws] | None = None,
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
        materials: draws of the test materials by property, for intervals from seeds and materials
            (:func:`rungs.scaling.intervals.material_draws.read_material_draws`).

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
    baselines: dict[str, _Baseline] = {}
    for curve in curves:
        if curve.method == baseline:
            draws = draws_of(materials, curve.metric)
            row = law_of.get((baseline, curve.metric))
            baselines[curve.metric] = _baseline(curve, row, draws, level, n_resamples, seed)
    out = []
    for curve in curves:
        if curve.method == baseline:
            continue
        other = baselines.get(curve.metric) or _Baseline(baseline, None, level)
        out += [_compare(curve, size, other) for size in sorted(set(curve.sizes))]
    return out


def write_efficiency(path: str | os.PathLike, rows: Iterable[EfficiencyRow]) -> None:
    """Write ``efficiency.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


@dataclass(frozen=True, slots=True)
class _Baseline:
    """The method compared with, in one metric, and how sure its law is."""

    name: str
    row: LawRow | None
    level: float
    curve: Curve | None = None
    refits: Refits | None = None
    """None with one seed."""
    draws: MaterialDraws | None = None
    redrawn: Laws | None = None
    """The law in every draw of the materials; None where its errors by material are lacking."""


def _baseline(
    curve: Curve,
    row: LawRow | None,
    draws: MaterialDraws | None,
    level: float,
    n_resamples: int,
    seed: int,
) -> _Baseline:
    if row is None or row.law is None:
        return _Baseline(curve.method, row, level, curve, draws=draws)
    sizes, seeds, errors = curve.trained()
    refits = refit_seeds(sizes, seeds, errors, row.form, n_resamples, seed)
    log_errors = draws and draws.of(curve.method, sizes, seeds, errors)
    redrawn = None if log_errors is None else redraw_laws(row.form, sizes, log_errors)
    return _Baseline(curve.method, row, level, curve, refits, draws, redrawn)


def _compare(curve: Curve, size: int, baseline: _Baseline) -> EfficiencyRow:
    errors, row = curve.by_seed(size), baseline.row
    log_mean = float(np.log(list(errors.values())).mean())
    out = {"method": curve.method, "baseline": baseline.name}
    out |= {"metric": curve.metric, "size": size}
    out["mean_error"] = float(np.exp(log_mean))
    out |= _ratio(curve.method, errors, size, baseline)
    if row is None or row.law is None:
        return EfficiencyRow(**out, note=f"{baseline.name} has no law in this metric")
    at_small, at_large = row.law([row.smallest_size, row.largest_size])
    if at_large >= at_small:
        return EfficiencyRow(**out, note=f"the error of {baseline.name} does not fall with size")
    intervals, notes = _intervals(curve.method, errors, size, baseline)
    equivalent, beyond = row.law.size_for(out["mean_error"]), None
    if out["mean_error"] < at_large:
        beyond, side = f"more than {row.largest_size}", "upper"
    elif equivalent is None or equivalent < row.smallest_size:
        beyond, side = f"fewer than {row.smallest_size}", "lower"
    if beyond is not None:
        notes = [note for note in notes if not note.startswith(f"{side} end")]
        note = "; ".join([f"out of range: {baseline.name} needs {beyond} frames", *notes])
        return EfficiencyRow(**out, **intervals, note=note)
    return EfficiencyRow(
        **out,
        scratch_equivalent_frames=equivalent,
        frames_per_frame=equivalent / size if size else None,
        frames_transferred=equivalent - size,
        **intervals,
        note="; ".join(notes),
    )


def _ratio(
    method: str, errors: dict[str, float], size: int, baseline: _Baseline
) -> dict[str, float]:
    """The error over the baseline's at the same size, by column; nothing where that has other
    seeds, or none."""
    scratch = baseline.curve.by_seed(size) if baseline.curve is not None else {}
    if not scratch or sorted(scratch) != sorted(errors):
        return {}
    labels = sorted(errors)
    own, other = ([x[label] for label in labels] for x in (errors, scratch))
    ratio, low, high = ratio_of_seeds(np.array(own), np.array(other), level=baseline.level)
    if low is None:
        return {"scratch_ratio": ratio}
    if (draws := baseline.draws) is not None:
        sizes = [size] * len(labels)
        here = draws.of(method, sizes, labels, own)
        there = draws.of(baseline.name, sizes, labels, other)
        if here is not None and there is not None:
            drawn, counts = (here - there).mean(axis=1), (len(labels), draws.n_materials)
            low, high = widened((low, high), drawn, *counts, baseline.level, log=True)
    return {"scratch_ratio": ratio, "scratch_ratio_low": low, "scratch_ratio_high": high}


def _intervals(
    method: str, errors: dict[str, float], size: int, baseline: _Baseline
) -> tuple[dict[str, float | int | None], list[str]]:
    """The intervals, by column, and what to say of them."""
    row, refits, level = baseline.row, baseline.refits, baseline.level
    if refits is None:
        return {}, ["one seed: no interval"]
    labels, notes = list(errors), []
    log_errors = np.log([errors[label] for label in labels])
    if size == 0:
        replicates = np.full(len(refits.counts), log_errors.mean())
        notes.append("one pretrained model: the interval is that of the baseline's law")
    elif sorted(errors) == sorted(refits.seeds):
        ordered = np.log([errors[label] for label in refits.seeds])
        replicates = refits.counts @ ordered / refits.counts.sum(axis=1)
    else:
        return {}, ["not the same seeds as the baseline: no interval"]
    grid = np.geomspace(row.smallest_size, row.largest_size, GRID_POINTS)
    gap = np.log(row.law(grid)) - log_errors.mean()
    n_seeds = len(refits.seeds)
    seed_error = standard_error(
        refits.log_errors(grid) - replicates[:, None], refits.probabilities, n_seeds
    )
    low, high = _ends(grid, gap, quantile(n_seeds - 1, level) * seed_error)
    notes += ["lower end out of range"] if low is None else []
    notes += ["upper end out of range"] if high is None else []
    out = _columns(low, high, size, "")
    draws, redrawn = baseline.draws, baseline.redrawn
    here = redrawn and draws.of(method, [size] * len(labels), labels, np.exp(log_errors))
    if here is not None:
        material_error = draw_error(
            redrawn.log_errors(grid) - here.mean(axis=1)[:, None], draws.n_materials
        )
        half = joint_half(seed_error, n_seeds, material_error, draws.n_materials, level)
        low, high = _ends(grid, gap, half)
        out |= _columns(low, high, size, "_with_materials")
        out["n_materials"] = draws.n_materials
        notes += ["lower end with materials out of range"] if low is None else []
        notes += ["upper end with materials out of range"] if high is None else []
    return out, notes


def _ends(grid: np.ndarray, gap: np.ndarray, half: np.ndarray) -> tuple[float | None, float | None]:
    """The interval's ends; where it lies beyond the grid, the grid's own end next to it."""
    low, high = interval_ends(np.log(grid), gap, half)
    if (gap > half).all():
        low = float(grid[-1])
    if (gap < -half).all():
        high = float(grid[0])
    return low, high


def _columns(
    low: float | None, high: float | None, size: int, suffix: str
) -> dict[str, float | None]:
    out = {}
    for end, value in (("low", low), ("high", high)):
        out[f"equivalent_{end}{suffix}"] = value
        out[f"transferred_{end}{suffix}"] = None if value is None else value - size
        out[f"per_frame_{end}{suffix}"] = None if value is None or not size else value / size
    return out
