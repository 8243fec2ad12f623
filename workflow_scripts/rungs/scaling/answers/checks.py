"""How far a fitted law can be trusted: the checks beside every law.

- Prediction: the law of all sizes but the largest, carried on to the largest, against what was
  found there. It is the only extrapolation in a study, and it is made where the truth is known.
- Sensitivity: the exponent of the straight line with and without the smallest size. The smallest
  sizes often lie on a plateau, from which a power law takes a wrong exponent.
- The straight line above a chosen size, as Huang et al. (npj Comput. Mater. 2025) fit their curves
  above 1,000 frames, with its r2.
- AICc of straight line, floor and break; and where the chosen law misses the means most.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.plan import largest_misfit
from rungs.scaling.bootstrap import LEVEL, half_widths
from rungs.scaling.intervals.refits import N_RESAMPLES, refit_seeds
from rungs.scaling.laws.curve import fit_curve
from rungs.scaling.laws.fit import Fit, fit_broken_law, fit_floor_law, fit_power_law
from rungs.scaling.runs import Curve, curves_of


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row of ``law_checks.csv``: the checks of one law."""

    method: str
    metric: str
    form: str
    """Of the law in ``scaling_laws.csv``."""
    largest_size: int | None = None
    mean_error: float | None = None
    """Geometric mean over the seeds at the largest size, in the metric's unit."""
    predicted_error: float | None = None
    """There, by the law of all smaller sizes."""
    predicted_low: float | None = None
    predicted_high: float | None = None
    """90 % interval of the prediction from the seeds, the form of the law being right."""
    prediction_error: float | None = None
    """``predicted_error`` / ``mean_error`` − 1."""
    predicted_by: str = ""
    """Form of the law of the smaller sizes."""
    line_exponent: float | None = None
    """Of the straight line through all sizes."""
    exponent_without_smallest: float | None = None
    """Of the straight line without the smallest size."""
    line_from: int | None = None
    """Smallest size of the line above a chosen size; by default the middle size."""
    exponent_above: float | None = None
    """Of the line above the chosen size."""
    r2_above: float | None = None
    aicc_line: float | None = None
    aicc_floor: float | None = None
    aicc_break: float | None = None
    worst_size: int | None = None
    """Where the law of all sizes is furthest from the mean, …"""
    worst_misfit: float | None = None
    """… and law / mean − 1 there."""
    note: str = ""


COLUMNS = tuple(field.name for field in fields(CheckRow))


def check_laws(
    rows: Iterable[Mapping[str, object]],
    laws: Iterable[LawRow],
    *,
    line_from: int | None = None,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> list[CheckRow]:
    """Check every law.

    Args:
        rows: the learning curve, as for :func:`rungs.scaling.runs.curves_of`.
        laws: the laws fitted to it; metrics without a law are left away.
        line_from: the line above a chosen size begins here; by default at the middle size.
        level, n_resamples, seed: of the intervals.
    """
    law_of = {(row.method, row.metric): row for row in laws}
    return [
        _check(curve, law_of[curve.method, curve.metric], line_from, level, n_resamples, seed)
        for curve in curves_of(rows)
        if (curve.method, curve.metric) in law_of
    ]


def write_checks(path: str | os.PathLike, checks: Iterable[CheckRow]) -> None:
    """Write ``law_checks.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, checks))


def _check(
    curve: Curve, row: LawRow, line_from: int | None, level: float, n_resamples: int, seed: int
) -> CheckRow:
    if row.law is None:
        return CheckRow(curve.method, curve.metric, row.form, note=row.note)
    sizes, seeds, errors = curve.trained()
    distinct = np.unique(sizes)
    largest = int(distinct[-1])
    mean = float(np.exp(np.log(errors[sizes == largest]).mean()))
    worst_size, worst = largest_misfit(curve, row)
    out = {
        "largest_size": largest,
        "mean_error": mean,
        "line_exponent": fit_power_law(sizes, errors).law.exponent,
        "worst_size": worst_size,
        "worst_misfit": worst,
    }
    for name, fit in (("line", fit_power_law), ("floor", fit_floor_law), ("break", fit_broken_law)):
        out[f"aicc_{name}"] = _aicc(fit, sizes, errors)
    if len(distinct) < 3:
        note = f"{len(distinct)} sizes: nothing to predict and nothing to leave out"
        return CheckRow(curve.method, curve.metric, row.form, **out, note=note)
    chosen = int(distinct[(len(distinct) - 1) // 2]) if line_from is None else line_from
    notes = []
    if (distinct >= chosen).sum() < 2:
        notes.append(f"fewer than two sizes from {chosen} on: no line above it")
    else:
        above = fit_power_law(sizes, errors, above=chosen)
        out |= {"exponent_above": above.law.exponent, "r2_above": above.r2}
    out |= {
        "line_from": chosen,
        "exponent_without_smallest": fit_power_law(sizes, errors, above=distinct[1]).law.exponent,
    }
    smaller = sizes < largest
    part = (sizes[smaller], seeds[smaller], errors[smaller])
    found = fit_curve(*part, level=level, n_resamples=n_resamples, seed=seed)
    predicted = float(found.law(largest))
    out |= {
        "predicted_error": predicted,
        "prediction_error": predicted / mean - 1.0,
        "predicted_by": found.law.form,
    }
    refits = refit_seeds(*part, found.law.form, n_resamples, seed)
    if refits is None:
        notes.append("one seed: no interval")
    else:
        replicates = refits.log_errors(np.array([largest]))
        half = half_widths(replicates, refits.probabilities, len(refits.seeds), level)[0]
        low, high = predicted * float(np.exp(-half)), predicted * float(np.exp(half))
        out |= {"predicted_low": low, "predicted_high": high}
        if not low <= mean <= high:
            way = "above" if mean < low else "below"
            notes.append(f"the prediction lies {way} what was found, beyond its interval")
    return CheckRow(curve.method, curve.metric, row.form, **out, note="; ".join(notes))


def _aicc(fit: object, sizes: np.ndarray, errors: np.ndarray) -> float | None:
    try:
        found: Fit = fit(sizes, errors)
    except StudyError:
        return None  # too few sizes
    return found.aicc
