"""The study's two tables of errors, gathered from its runs."""

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rungs.errors import StudyError
from rungs.potentials.properties import UNITS, PropertyError

if TYPE_CHECKING:
    from rungs.config.study import Run

EVALUATION_COLUMNS = ("method", "size", "seed", "property", "unit", "mae", "rmse", "n")
CURVE_COLUMNS = {
    "energy": "energy_mae_mev_per_atom",
    "force": "force_mae_mev_per_angstrom",
    "stress": "stress_mae_gpa",
    "magmom": "magmom_mae_mu_b",
}
LEARNING_CURVE_COLUMNS = ("method", "size", "seed", *CURVE_COLUMNS.values())


def evaluation_rows(run: "Run", errors: Mapping[str, PropertyError]) -> list[dict]:
    """Return the rows of ``evaluation.csv`` for one run."""
    return [
        {**run._asdict(), "property": name, "unit": UNITS[name], **error._asdict()}
        for name, error in errors.items()
    ]


def read_rows(path: str | os.PathLike, may_be_empty: bool = False) -> list[dict[str, str]]:
    """Return the rows of a CSV file as text.

    Raises:
        StudyError: when the file is missing, or has no rows and may not be empty.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    if not rows and not may_be_empty:
        raise StudyError(f"{path}: holds no rows; delete it and run again")
    return rows


def learning_curve_rows(evaluation: Iterable[Mapping[str, object]]) -> list[dict]:
    """Turn rows of ``evaluation.csv`` into one row for each run: the MAE of every property.

    A property without labels is left empty.
    """
    runs: dict[tuple, dict] = {}
    for row in evaluation:
        key = (row["method"], row["size"], row["seed"])
        line = runs.setdefault(key, dict(zip(("method", "size", "seed"), key, strict=True)))
        line[CURVE_COLUMNS[str(row["property"])]] = row["mae"]
    return list(runs.values())
