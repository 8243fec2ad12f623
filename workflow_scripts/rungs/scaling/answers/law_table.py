"""The scaling laws of a whole study: one row for each method and metric."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.files import write_rows
from rungs.scaling.bootstrap import LEVEL, N_RESAMPLES
from rungs.scaling.intervals.material_draws import MaterialDraws, draws_of
from rungs.scaling.intervals.materials import redraw_laws, widened
from rungs.scaling.laws.curve import CurveFit, fit_curve
from rungs.scaling.laws.fit import MIN_SIZES
from rungs.scaling.laws.law import Law
from rungs.scaling.runs import Curve, curves_of

NOT_FITTED = "not fitted"
_NAMED_RUNS = 5


@dataclass(frozen=True, slots=True)
class LawRow:
    """One row of ``scaling_laws.csv``: L(N) = floor + prefactor·N^−exponent.

    Numbers are None where the law was not fitted, intervals also where there is one seed.
    """

    method: str
    metric: str
    form: str
    """``power law``, ``power law with floor``, ``broken power law`` or ``not fitted``."""
    exponent: float | None = None
    exponent_low: float | None = None
    exponent_high: float | None = None
    prefactor: float | None = None
    """In the unit of the metric."""
    prefactor_low: float | None = None
    prefactor_high: float | None = None
    floor: float | None = None
    """In the unit of the metric; None for a pure power law."""
    floor_low: float | None = None
    floor_high: float | None = None
    r2: float | None = None
    """In log space."""
    n_sizes: int = 0
    smallest_size: int | None = None
    largest_size: int | None = None
    """The law holds between these two sizes and is not to be drawn beyond."""
    n_seeds: int = 0
    converged: bool | None = None
    break_size: float | None = None
    """In frames; None for a law without a break, for which ``exponent`` holds throughout. See
    :class:`rungs.scaling.laws.law.Law` for the form."""
    break_low: float | None = None
    break_high: float | None = None
    exponent_after: float | None = None
    """Beyond the break."""
    exponent_after_low: float | None = None
    exponent_after_high: float | None = None
    n_materials: int | None = None
    """Test materials behind the intervals that end in ``_with_materials``, which are from seeds and
    materials together; the others are from the seeds alone. None where there are none."""
    exponent_low_with_materials: float | None = None
    exponent_high_with_materials: float | None = None
    prefactor_low_with_materials: float | None = None
    prefactor_high_with_materials: float | None = None
    floor_low_with_materials: float | None = None
    floor_high_with_materials: float | None = None
    break_low_with_materials: float | None = None
    break_high_with_materials: float | None = None
    exponent_after_low_with_materials: float | None = None
    exponent_after_high_with_materials: float | None = None
    note: str = ""

    @property
    def law(self) -> Law | None:
        """The fitted law; None where there is none."""
        if self.exponent is None or self.prefactor is None:
            return None
        return Law(
            self.prefactor,
            self.exponent,
            self.floor or 0.0,
            break_size=self.break_size,
            exponent_after=self.exponent_after,
        )


COLUMNS = tuple(field.name for field in fields(LawRow))


def fit_learning_curves(
    rows: Iterable[Mapping[str, object]],
    *,
    metrics: Iterable[str] | None = None,
    floor: bool = True,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    materials: Mapping[str, MaterialDraws] | None = None,
) -> list[LawRow]:
    """Fit the learning curve of every method in every metric.

    Runs on 0 frames are no part of a law and are ignored. A curve that cannot be fitted gives a row
    with form ``not fitted`` and the reason; a run without a usable error is left out and named in
    the note.

    Args:
        rows: a table with ``method``, ``size``, ``seed`` and one column per metric; see
            :func:`rungs.scaling.runs.curves_of`.
        metrics: columns to fit; all by default.
        floor: False fits straight lines only, without floor or break: the exponents of several
            methods can then be compared without regard to either.
        level, n_resamples, seed: of the intervals; see :mod:`rungs.scaling.bootstrap`.
        materials: draws of the test materials by property, for intervals from seeds and materials
            (:func:`rungs.scaling.intervals.material_draws.read_material_draws`).

    Raises:
        StudyError: for a table that cannot be read as runs.
    """
    return [
        _law_row(curve, floor, level, n_resamples, seed, draws_of(materials, curve.metric))
        for curve in curves_of(rows, metrics)
    ]


def write_laws(path: str | os.PathLike, laws: Iterable[LawRow]) -> None:
    """Write ``scaling_laws.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, laws))


def _law_row(
    curve: Curve,
    floor: bool,
    level: float,
    n_resamples: int,
    seed: int,
    draws: MaterialDraws | None,
) -> LawRow:
    sizes, seeds, errors = curve.trained()
    distinct = np.unique(sizes)
    notes = [_named("left out", curve.left_out)] if curve.left_out else []
    missing = _missing(curve, sizes, seeds)
    notes += [_named("no run at", missing)] if missing else []
    extent = {
        "n_sizes": len(distinct),
        "smallest_size": int(distinct[0]) if len(distinct) else None,
        "largest_size": int(distinct[-1]) if len(distinct) else None,
        "n_seeds": len(np.unique(seeds)),
    }
    if len(distinct) < MIN_SIZES:
        have = (
            f"one size only ({distinct[0]})" if len(distinct) else "no size above 0 with an error"
        )
        notes.insert(0, f"{have}, a law needs two")
        return LawRow(curve.method, curve.metric, NOT_FITTED, **extent, note="; ".join(notes))
    found = fit_curve(
        sizes, seeds, errors, floor=floor, level=level, n_resamples=n_resamples, seed=seed
    )
    law = found.law
    exponent, prefactor, floors, breaks, after = (
        interval or (None, None)
        for interval in (
            found.exponent,
            found.prefactor,
            found.floor,
            found.break_size,
            found.exponent_after,
        )
    )
    return LawRow(
        curve.method,
        curve.metric,
        law.form,
        law.exponent,
        *exponent,
        law.prefactor,
        *prefactor,
        law.floor or None,
        *floors,
        r2=found.fit.r2,
        **extent,
        converged=found.fit.converged,
        break_size=law.break_size,
        break_low=breaks[0],
        break_high=breaks[1],
        exponent_after=law.exponent_after,
        exponent_after_low=after[0],
        exponent_after_high=after[1],
        **_with_materials(curve, found, draws, level),
        note="; ".join([*notes, *found.notes]),
    )


def _with_materials(
    curve: Curve, found: CurveFit, draws: MaterialDraws | None, level: float
) -> dict[str, float | int | None]:
    """The intervals from seeds and materials, by column; none with one seed."""
    sizes, seeds, errors = curve.trained()
    log_errors = draws and draws.of(curve.method, sizes, seeds, errors)
    if log_errors is None or found.exponent is None:
        return {}
    laws = redraw_laws(found.law.form, sizes, log_errors)
    parameters = {
        "exponent": (found.exponent, laws.exponent, False),
        "prefactor": (found.prefactor, laws.log_prefactor, True),
        "floor": (found.floor, laws.floor, False),
        "break": (found.break_size, laws.log_break, True),
        "exponent_after": (found.exponent_after, laws.exponent_after, False),
    }
    out: dict[str, float | int | None] = {"n_materials": draws.n_materials}
    for name, (interval, replicates, log) in parameters.items():
        ends = widened(interval, replicates, found.n_seeds, draws.n_materials, level, log=log)
        out[f"{name}_low_with_materials"], out[f"{name}_high_with_materials"] = ends
    return out


def _missing(curve: Curve, sizes: np.ndarray, seeds: np.ndarray) -> list[str]:
    """Runs that other seeds and sizes of the curve lead one to expect, but that are in no row."""
    there = set(zip(sizes.tolist(), seeds.tolist(), strict=True))
    gaps = [
        f"size {size} seed {label}"
        for size in sorted(set(sizes.tolist()))
        for label in dict.fromkeys(seeds.tolist())
        if (size, label) not in there
    ]
    return [gap for gap in gaps if not any(run.startswith(f"{gap} (") for run in curve.left_out)]


def _named(what: str, runs: list[str]) -> str:
    more = f" and {len(runs) - _NAMED_RUNS} more" if len(runs) > _NAMED_RUNS else ""
    return f"{what}: {', '.join(runs[:_NAMED_RUNS])}{more}"
