"""The mean over seeds at every size of a learning curve."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.files import write_rows
from rungs.scaling.runs import curves_of


@dataclass(frozen=True, slots=True)
class MeanRow:
    """One row of ``learning_curve_means.csv``."""

    method: str
    metric: str
    size: int
    mean: float
    """Geometric mean over the seeds, as laws are fitted to log errors; in the metric's unit."""
    lowest: float
    highest: float
    n_seeds: int


COLUMNS = tuple(field.name for field in fields(MeanRow))


def learning_curve_means(
    rows: Iterable[Mapping[str, object]], metrics: Iterable[str] | None = None
) -> list[MeanRow]:
    """Return the mean of every method, metric and size, 0 frames included.

    Args:
        rows, metrics: as for :func:`rungs.scaling.runs.curves_of`.

    Raises:
        StudyError: for a table that cannot be read as runs.
    """
    means = []
    for curve in curves_of(rows, metrics):
        for size in sorted(set(curve.sizes)):
            errors = np.array(list(curve.by_seed(size).values()))
            mean = float(np.exp(np.log(errors).mean()).clip(errors.min(), errors.max()))
            means.append(
                MeanRow(
                    curve.method,
                    curve.metric,
                    size,
                    mean,
                    float(errors.min()),
                    float(errors.max()),
                    len(errors),
                )
            )
    return means


def write_means(path: str | os.PathLike, means: Iterable[MeanRow]) -> None:
    """Write ``learning_curve_means.csv``."""
    write_rows(path, COLUMNS, map(asdict, means))
