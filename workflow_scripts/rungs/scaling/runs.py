"""Learning curves out of a table with one row per run."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rungs.errors import StudyError

KEYS = ("method", "size", "seed")


@dataclass(slots=True)
class Curve:
    """All valid errors of one method in one metric, size 0 included."""

    method: str
    metric: str
    sizes: list[int] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Runs without a usable error, each with the reason, in words."""

    def trained(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return sizes, seeds and errors of the runs on at least one frame."""
        sizes = np.array(self.sizes, dtype=np.int64)
        keep = sizes > 0
        return (
            sizes[keep],
            np.array(self.seeds, dtype=str)[keep],
            np.array(self.errors, dtype=np.float64)[keep],
        )

    def by_seed(self, size: int) -> dict[str, float]:
        """Return the error of each seed at ``size``."""
        rows = zip(self.sizes, self.seeds, self.errors, strict=True)
        return {seed: error for n, seed, error in rows if n == size}


def curves_of(
    rows: Iterable[Mapping[str, object]], metrics: Iterable[str] | None = None
) -> list[Curve]:
    """Sort the runs of a table into curves, by method and metric.

    Args:
        rows: mappings with ``method``, ``size``, ``seed`` and a column for each metric, as numbers
            or as text; a pandas table is taken as well. An empty value means: not labelled.
        metrics: the columns to use; by default all but the three keys. A metric that no run of any
            method has a number in is left away.

    Returns:
        A curve for each method and metric. Errors that are missing, not finite or not above 0 are
        not on the curve; :attr:`Curve.left_out` names them.

    Raises:
        StudyError: for a missing column, a value that is no number, a size that is not a whole
            number from 0 on, or two rows for the same run.
    """
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    rows = list(rows)
    if not rows:
        raise StudyError("the learning curve holds no rows: no run has been evaluated")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    metrics = [c for c in columns if c not in KEYS] if metrics is None else list(metrics)
    missing = [c for c in (*KEYS, *metrics) if c not in columns]
    if missing:
        raise StudyError(f"the learning curve lacks the column {', '.join(missing)}")
    curves: dict[tuple[str, str], Curve] = {}
    seen: set[tuple[str, int, str]] = set()
    labelled: set[str] = set()
    for row in rows:
        method, size, seed = str(row["method"]), _size(row), _seed(row)
        if (method, size, seed) in seen:
            raise StudyError(f"method {method}, size {size}, seed {seed}: two rows for one run")
        seen.add((method, size, seed))
        for metric in metrics:
            curve = curves.setdefault((method, metric), Curve(method, metric))
            value = _number(row.get(metric), metric, f"method {method}, size {size}, seed {seed}")
            # Only a NaN that is written as such is told from an empty field: pandas reads both
            # as NaN, so a column of nothing else counts as not labelled.
            if value is not None and not math.isnan(value):
                labelled.add(metric)
            fault = _fault(value)
            if fault:
                curve.left_out.append(f"size {size} seed {seed} ({fault})")
            else:
                curve.sizes.append(size)
                curve.seeds.append(seed)
                curve.errors.append(value)
    order = {metric: i for i, metric in enumerate(metrics)}
    methods = {method: i for i, method in enumerate(dict.fromkeys(m for m, _ in curves))}
    return sorted(
        (curve for curve in curves.values() if curve.metric in labelled),
        key=lambda curve: (methods[curve.method], order[curve.metric]),
    )


def _fault(value: float | None) -> str | None:
    if value is None:
        return "no value"
    if math.isnan(value):
        return "error is NaN"
    if math.isinf(value):
        return "error is infinite"
    if value == 0:
        return "error is 0, which has no logarithm"
    if value < 0:
        return f"error is negative, {value:g}"
    return None


def _number(value: object, column: str, run: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise StudyError(f"{run}: {column} is {value!r}, which is not a number") from None


def _size(row: Mapping[str, object]) -> int:
    try:
        number = float(row["size"])
        if number < 0 or number != int(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise StudyError(
            f"method {row['method']}: size is {row['size']!r}, not a whole number from 0 on"
        ) from None
    return int(number)


def _seed(row: Mapping[str, object]) -> str:
    # A column of whole numbers with a gap is read as floating-point by many readers.
    text = str(row["seed"])
    return text.removesuffix(".0")
