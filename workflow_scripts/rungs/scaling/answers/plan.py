"""What a person deciding on a budget asks of the learning curves of a study.

Four questions, each answered for every method that has a law in the metric, from the law and its
band (:mod:`rungs.scaling.answers.band`) between the smallest and the largest size that were run.
Beyond, the answer is 'out of range', with how far the curve reaches: laws are not extrapolated.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.answers.band import (
    Band,
    band_of,
    half_of,
    interval_ends,
    last_fall,
    with_materials,
)
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.plan_rows import (
    CALCULATIONS,
    CATCH_UP,
    ERROR,
    FRAMES,
    GAIN,
    Answer,
    Price,
)
from rungs.scaling.bootstrap import LEVEL
from rungs.scaling.intervals.material_draws import MaterialDraws, draws_of
from rungs.scaling.intervals.refits import N_RESAMPLES
from rungs.scaling.runs import Curve, curves_of

LARGE_MISFIT = 0.1
"""A law that misses a mean by more than this share is said to."""

COLUMNS = tuple(field.name for field in fields(Answer))


def make_plan(
    rows: Iterable[Mapping[str, object]],
    laws: Iterable[LawRow],
    *,
    errors: Mapping[str, float],
    budget: int | None = None,
    more: int | None = None,
    baseline: str | None = "scratch",
    price: Price = CALCULATIONS,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    materials: Mapping[str, MaterialDraws] | None = None,
) -> list[Answer]:
    """Answer the four questions for every method, in the metrics that ``errors`` names.

    Args:
        rows: the learning curve, as for :func:`rungs.scaling.runs.curves_of`.
        laws: the laws fitted to it.
        errors: the error asked for in each metric, in its unit.
        budget: frames that can be paid for; None leaves the two questions about it away.
        more: frames on top of the budget, whose gain is asked for; None leaves it away.
        baseline: the method that starts from random weights; None where there is none.
        price: of one frame.
        level, n_resamples, seed: of the intervals.
        materials: draws of the test materials by property, for intervals from seeds and materials
            (:func:`rungs.scaling.intervals.material_draws.read_material_draws`).

    Raises:
        StudyError: for an error or number of frames that is not above 0, a metric that the table
            lacks, or a baseline that it lacks.
    """
    curves = {(curve.method, curve.metric): curve for curve in curves_of(rows)}
    methods = list(dict.fromkeys(method for method, _ in curves))
    metrics = list(dict.fromkeys(metric for _, metric in curves))
    _check(errors, budget, more, baseline, methods, metrics)
    law_of = {(row.method, row.metric): row for row in laws}
    out = []
    for metric, error in errors.items():
        draws = draws_of(materials, metric)
        bands, wide = {}, {}
        for method in methods:
            curve, row = curves[method, metric], law_of[method, metric]
            bands[method] = band_of(curve, row, level, n_resamples, seed)
            wide[method] = with_materials(bands[method], curve, row, draws)
        for method in methods:
            curve, row = curves[method, metric], law_of[method, metric]
            asked = (curve, row, error, budget, more, baseline)
            found = _answers(*asked, bands[method], bands.get(baseline))
            if wide[method] is not None:
                again = _answers(*asked, wide[method], wide.get(baseline))
                found = [
                    _widened(answer, other, wide[method])
                    if answer.question != CATCH_UP or wide[baseline] is not None
                    else answer
                    for answer, other in zip(found, again, strict=True)
                ]
            misfit = _misfit(curve, row)
            out += [_priced(_with_note(answer, misfit), price) for answer in found]
    return out


def write_plan(path: str | os.PathLike, answers: Iterable[Answer]) -> None:
    """Write ``plan.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, answers))


def usual_questions(
    rows: Iterable[Mapping[str, object]],
    metrics: Sequence[str],
    baseline: str | None = "scratch",
) -> tuple[dict[str, float], int | None, int | None]:
    """Return errors, budget and more for a study of which nothing in particular is asked.

    The error is the one that the baseline (or, without one, the first method) has at its largest
    size, rounded up to two digits; the budget is the second largest size, and the frames on top are
    those up to the largest.
    """
    errors, budget, more = {}, None, None
    curves = {(curve.method, curve.metric): curve for curve in curves_of(rows)}
    for metric in metrics:
        named = [curve for (_, name), curve in curves.items() if name == metric]
        chosen = curves.get((baseline, metric)) or (named[0] if named else None)
        if chosen is None:
            continue
        sizes, _, values = chosen.trained()
        if not sizes.size:
            continue
        distinct = np.unique(sizes)
        mean = np.exp(np.log(values[sizes == distinct[-1]]).mean())
        unit = 10.0 ** (np.floor(np.log10(mean)) - 1)
        errors[metric] = float(format(np.ceil(mean / unit) * unit, ".2g"))
        if len(distinct) > 1:
            budget, more = int(distinct[-2]), int(distinct[-1] - distinct[-2])
    return errors, budget, more


def _check(
    errors: Mapping[str, float],
    budget: int | None,
    more: int | None,
    baseline: str | None,
    methods: Sequence[str],
    metrics: Sequence[str],
) -> None:
    for metric, error in errors.items():
        if metric not in metrics:
            raise StudyError(
                f"metric {metric}: not in the learning curve, which has {', '.join(metrics)}"
            )
        if not (np.isfinite(error) and error > 0):
            raise StudyError(
                f"{metric}: an error of {error:g} cannot be asked for; give one above 0"
            )
    for name, value in (("budget", budget), ("frames more", more)):
        if value is not None and value < 1:
            raise StudyError(f"{name}: {value} frames cannot be planned with; give 1 or more")
    if baseline is not None and baseline not in methods:
        raise StudyError(f"method {baseline}: not in the learning curve ({', '.join(methods)})")


def _answers(
    curve: Curve,
    row: LawRow,
    error: float,
    budget: int | None,
    more: int | None,
    baseline: str | None,
    band: Band | None,
    scratch: Band | None,
) -> list[Answer]:
    """All questions about one method in one metric."""
    found = [_frames_for(curve, row, band, error)]
    if budget is not None:
        found.append(_error_from(row, band, budget))
        if more is not None:
            found.append(_gain(row, band, budget, more))
    if baseline is not None and row.method != baseline:
        found.append(_catch_up(row, band, scratch, baseline))
    return found


def _widened(answer: Answer, again: Answer, band: Band) -> Answer:
    """An answer with the interval that the same question has with the test materials."""
    ends = (answer.low, answer.high, again.low, again.high)
    if all(end is None for end in ends):
        return answer
    note = answer.note
    if again.note and again.note != note:
        note = "; ".join(filter(None, [note, f"with the test materials: {again.note}"]))
    return replace(
        answer,
        n_materials=band.n_materials,
        low_with_materials=again.low,
        high_with_materials=again.high,
        note=note,
    )


def _start(row: LawRow, question: str, **given: object) -> Answer:
    return Answer(
        row.method,
        row.metric,
        question,
        reaches_from=row.smallest_size,
        reaches_to=row.largest_size,
        **given,
    )


def _frames_for(curve: Curve, row: LawRow, band: Band | None, error: float) -> Answer:
    answer = _start(row, FRAMES, given=error)
    without = curve.by_seed(0)
    if without and np.exp(np.log(list(without.values())).mean()) <= error:
        note = "the pretrained model reaches it without a frame"
        if band is not None and band.law(band.smallest) > error:
            note += f", and loses it again when trained on {band.smallest}"
        return replace(answer, answer=0.0, note=note)
    if band is None:
        return replace(answer, note=_no_law(row))
    grid = band.grid()
    gap = np.log(band.law(grid)) - np.log(error)
    if gap[-1] > 0:
        at_end = float(band.law(band.largest))
        note = f"out of range: at {band.largest} frames the error is still {at_end:.3g}"
        return _perhaps(answer, grid, gap, band.half(grid), note)
    if not (gap > 0).any():
        at_start = float(band.law(band.smallest))
        note = f"out of range: at {band.smallest} frames the error is already {at_start:.3g}"
        return replace(answer, note=note)
    size = float(np.exp(last_fall(np.log(grid), gap)))
    low, high, note = _ends(grid, gap, band.half(grid))
    return replace(answer, answer=size, low=low, high=high, note=note)


def _error_from(row: LawRow, band: Band | None, budget: int) -> Answer:
    answer = _start(row, ERROR, given=budget)
    refusal = _beyond(row, band, budget)
    if refusal:
        return replace(answer, note=refusal)
    error, low, high = band.error_at(budget)
    note = "one seed: no interval" if low is None else ""
    return replace(answer, answer=error, low=low, high=high, note=note)


def _gain(row: LawRow, band: Band | None, budget: int, more: int) -> Answer:
    answer = _start(row, GAIN, given=budget, more=more)
    refusal = _beyond(row, band, budget) or _beyond(row, band, budget + more)
    if refusal:
        return replace(answer, note=refusal)
    before, after = band.law([budget, budget + more])
    answer = replace(answer, answer=float(before - after))
    sizes = np.array([budget, budget + more])
    half = half_of(lambda laws: -np.diff(np.exp(laws.log_errors(sizes)), axis=1)[:, 0], band)
    if half is None:
        return replace(answer, note="one seed: no interval")
    low, high = answer.answer - float(half), answer.answer + float(half)
    note = "the interval holds 0: no gain is shown" if low <= 0 <= high else ""
    return replace(answer, low=low, high=high, note=note)


def _catch_up(row: LawRow, band: Band | None, scratch: Band | None, baseline: str) -> Answer:
    answer = _start(row, CATCH_UP)
    if band is None:
        return replace(answer, note=_no_law(row))
    if scratch is None:
        return replace(answer, note=f"{baseline} has no law in this metric")
    smallest, largest = max(band.smallest, scratch.smallest), min(band.largest, scratch.largest)
    answer = replace(answer, reaches_from=smallest, reaches_to=largest)
    if smallest >= largest:
        return replace(answer, note=f"out of range: no sizes in common with {baseline}")
    grid = band.grid(smallest, largest)
    gap = np.log(scratch.law(grid)) - np.log(band.law(grid))
    half, without = None, "one seed: no interval"
    if band.refits is not None and scratch.refits is not None:
        if band.refits.seeds == scratch.refits.seeds:
            half = half_of(lambda a, b: a.log_errors(grid) - b.log_errors(grid), scratch, band)
        without = f"not the same seeds as {baseline}: no interval"
    if gap[-1] > 0:
        note = f"not within the sizes: {baseline} is still behind at {largest} frames"
        return _perhaps(answer, grid, gap, half, note)
    if not (gap > 0).any():
        note = f"not within the sizes: {baseline} is ahead from {smallest} frames on"
        return replace(answer, note=note)
    answer = replace(answer, answer=float(np.exp(last_fall(np.log(grid), gap))))
    low, high, note = _ends(grid, gap, half, without)
    return replace(answer, low=low, high=high, note=note)


def _perhaps(
    answer: Answer, grid: np.ndarray, gap: np.ndarray, half: np.ndarray | None, note: str
) -> Answer:
    """An answer beyond the curve, with the size from which on the data do not rule it out."""
    low = None if half is None else interval_ends(np.log(grid), gap, half)[0]
    if low is not None:
        note += f", but the interval reaches down to {low:.0f} frames"
    return replace(answer, low=low, note=note)


def _ends(
    grid: np.ndarray,
    gap: np.ndarray,
    half: np.ndarray | None,
    without: str = "one seed: no interval",
) -> tuple[float | None, float | None, str]:
    """Ends of the interval of the size where ``gap`` falls below 0, and what to say of them."""
    if half is None:
        return None, None, without
    low, high = interval_ends(np.log(grid), gap, half)
    notes = []
    if low is None:
        notes.append(f"lower end of the interval lies below {grid[0]:.0f} frames")
    if high is None:
        notes.append(f"upper end of the interval lies beyond {grid[-1]:.0f} frames")
    return low, high, "; ".join(notes)


def _no_law(row: LawRow) -> str:
    return f"no law: {row.note}"


def _beyond(row: LawRow, band: Band | None, size: int) -> str:
    if band is None:
        return _no_law(row)
    if size > band.largest:
        return f"out of range: the curve ends at {band.largest} frames"
    if size < band.smallest:
        return f"out of range: the curve begins at {band.smallest} frames"
    return ""


def _misfit(curve: Curve, row: LawRow) -> str:
    if row.law is None:
        return ""
    size, miss = largest_misfit(curve, row)
    if abs(miss) <= LARGE_MISFIT:
        return ""
    way = "above" if miss > 0 else "below"
    return f"the law lies {abs(miss):.0%} {way} the mean error at {size} frames"


def largest_misfit(curve: Curve, row: LawRow) -> tuple[int, float]:
    """Return the size where the law is furthest from the geometric mean, and law / mean − 1."""
    sizes, _, errors = curve.trained()
    worst = (int(sizes[0]), 0.0)
    for size in np.unique(sizes):
        mean = np.exp(np.log(errors[sizes == size]).mean())
        miss = float(row.law(size) / mean - 1.0)
        if abs(np.log1p(miss)) > abs(np.log1p(worst[1])):
            worst = (int(size), miss)
    return worst


def _with_note(answer: Answer, note: str) -> Answer:
    # Of no use next to an answer that was not read off the law.
    if not note or not answer.answer:
        return answer
    return replace(answer, note="; ".join(filter(None, [answer.note, note])))


def _priced(answer: Answer, price: Price) -> Answer:
    frames = answer.given if answer.question == ERROR else answer.more
    ends: tuple[float | None, ...] = (None,) * 4
    if answer.question in (FRAMES, CATCH_UP):
        frames = answer.answer
        ends = answer.low, answer.high, answer.low_with_materials, answer.high_with_materials
    if frames is None:
        return answer
    names = ("cost_low", "cost_high", "cost_low_with_materials", "cost_high_with_materials")
    costs = {
        name: None if n is None else n * price.amount for name, n in zip(names, ends, strict=True)
    }
    return replace(answer, cost=frames * price.amount, cost_unit=price.unit, **costs)
