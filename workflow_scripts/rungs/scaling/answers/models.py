"""Several models side by side: errors against what training costs, and what transfer saves each.

At a number of target frames a run is on the frontier where no other run of the study reaches its
error, or a lower one, with less training: for this budget of calculations and this budget of
training, it is the model to take. The cost of a transfer has the pretraining in it, which is paid
once for all sizes; both parts are given.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np

from rungs.files import write_rows
from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.means import MeanRow


class Member(NamedTuple):
    """What a method of a study of models is."""

    model: str
    kind: str
    strategy: str
    """The method's name without the model's."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One row of ``models.csv``: one model with one way of training, at one size, in one metric."""

    model: str
    kind: str
    parameters: int
    """Of the network, without reference energies."""
    strategy: str
    method: str
    metric: str
    size: int
    mean_error: float
    """Geometric mean over the seeds, in the metric's unit."""
    fine_tuning_seconds: float
    """Mean over the seeds, on the device of the study, all processes together; 0 at 0 frames."""
    pretraining_seconds: float
    """0 from random weights and for a model that was taken as it is."""
    on_frontier: bool
    """Whether no other method has as low an error at this size with less training in all."""
    scratch_equivalent_frames: float | None = None
    """Frames that the same model needs from scratch for the same error; None where out of range and
    for the model from scratch itself."""
    equivalent_low: float | None = None
    equivalent_high: float | None = None
    """From seeds and test materials where the errors by material are known, else from seeds."""
    note: str = ""


COLUMNS = tuple(field.name for field in fields(ModelRow))


def model_rows(
    means: Iterable[MeanRow],
    efficiency: Iterable[EfficiencyRow],
    members: Mapping[str, Member],
    seconds: Mapping[tuple[str, int], float],
    pretraining_seconds: Mapping[str, float],
    parameters: Mapping[str, int],
) -> list[ModelRow]:
    """Put errors, costs and what transfer saves together, by metric, size and error.

    Args:
        means, efficiency: the study's tables.
        members: of every method that is compared.
        seconds: mean cost of the fine-tunings of a method and size.
        pretraining_seconds: of a method's pretraining; without those that have none.
        parameters: of each model.
    """
    saved = {(row.method, row.metric, row.size): row for row in efficiency}
    points: dict[tuple[str, int], list[tuple[MeanRow, float, float]]] = {}
    for row in means:
        if row.method in members:
            own = seconds.get((row.method, row.size), 0.0)
            before = pretraining_seconds.get(row.method, 0.0)
            points.setdefault((row.metric, row.size), []).append((row, own, before))
    found = []
    for (metric, size), rows in points.items():
        costs = np.array([own + before for _, own, before in rows])
        errors = np.array([row.mean for row, _, _ in rows])
        for i in np.argsort(errors, kind="stable"):
            row, own, before = rows[i]
            member, gain = members[row.method], saved.get((row.method, metric, size))
            found.append(
                ModelRow(
                    model=member.model,
                    kind=member.kind,
                    parameters=parameters[member.model],
                    strategy=member.strategy,
                    method=row.method,
                    metric=metric,
                    size=size,
                    mean_error=row.mean,
                    fine_tuning_seconds=own,
                    pretraining_seconds=before,
                    on_frontier=not ((errors <= errors[i]) & (costs < costs[i])).any(),
                    **_gain(gain),
                )
            )
    return found


def write_models(path: str | os.PathLike, rows: Iterable[ModelRow]) -> None:
    """Write ``models.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


def _gain(row: EfficiencyRow | None) -> dict:
    if row is None:
        return {}
    low, high = row.equivalent_interval
    return {
        "scratch_equivalent_frames": row.scratch_equivalent_frames,
        "equivalent_low": low,
        "equivalent_high": high,
        "note": row.note,
    }
