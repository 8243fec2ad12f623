"""Laws in the number of parameters and of target frames, for models that differ in size only."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from rungs.files import write_rows
from rungs.scaling.answers.joint_law_table import JointRow, fit_joint_laws


@dataclass(frozen=True, slots=True)
class SizeRow:
    """One row of ``size_laws.csv``: L(P, N) = floor + prefactor·P^−α·N^−β.

    P parameters of the network, N target frames. Numbers are None where the law was not fitted,
    intervals also where there is one seed.
    """

    kind: str
    strategy: str
    methods: str
    """Of the models, separated by spaces."""
    metric: str
    parameter_exponent: float | None = None
    """α; below 0 where larger networks err more."""
    parameter_exponent_low: float | None = None
    parameter_exponent_high: float | None = None
    target_exponent: float | None = None
    """β."""
    target_exponent_low: float | None = None
    target_exponent_high: float | None = None
    prefactor: float | None = None
    """In the unit of the metric."""
    floor: float | None = None
    """In the unit of the metric; None without a floor."""
    floor_low: float | None = None
    floor_high: float | None = None
    saved_by_doubling: float | None = None
    """Share of the target frames that twice the parameters spare, 1 − 2^(−α/β), negative where
    they cost some; None where the error does not fall with the target frames."""
    fewest_parameters: int | None = None
    most_parameters: int | None = None
    smallest_size: int | None = None
    largest_size: int | None = None
    """The law holds between these four."""
    n_points: int = 0
    n_seeds: int = 0
    converged: bool | None = None
    note: str = ""


COLUMNS = tuple(field.name for field in fields(SizeRow))
_RENAMED = {
    "parameter_exponent": "pretraining_exponent",
    "parameter_exponent_low": "pretraining_exponent_low",
    "parameter_exponent_high": "pretraining_exponent_high",
    "fewest_parameters": "smallest_pretraining",
    "most_parameters": "largest_pretraining",
}
"""What the law in source and target frames, which has the same form, calls them."""


def fit_size_laws(
    rows: Iterable[Mapping[str, object]],
    families: Mapping[tuple[str, str], Mapping[str, int]],
    **options: object,
) -> list[SizeRow]:
    """Fit the law of each family of models in every metric.

    Args:
        rows: as for :func:`rungs.scaling.runs.curves_of`; runs on 0 frames are ignored.
        families: by kind of network and way of training, the methods with their models' number of
            parameters.
        options: as for :func:`rungs.scaling.answers.joint_law_table.fit_joint_laws`.

    Raises:
        StudyError: for a table that cannot be read as runs.
    """
    rows, found = list(rows), []
    for (kind, strategy), members in families.items():
        for joint in fit_joint_laws(rows, {strategy: members}, **options):
            found.append(_row(kind, strategy, joint))
    return found


def write_size_laws(path: str | os.PathLike, rows: Iterable[SizeRow]) -> None:
    """Write ``size_laws.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


def _row(kind: str, strategy: str, joint: JointRow) -> SizeRow:
    own = {name: getattr(joint, _RENAMED.get(name, name)) for name in COLUMNS[2:]}
    own["note"] = joint.note.replace("pretraining size", "number of parameters")
    return SizeRow(kind, strategy, **own)
