"""What the trainings of a study cost, gathered from their records."""

import datetime
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rungs.errors import StudyError
from rungs.files import write_rows

COST_COLUMNS = (
    "method",
    "size",
    "seed",
    "trial",
    "architecture",
    "parameters",
    "started",
    "finished",
    "wall_seconds",
    "processor_seconds",
    "updates",
    "frames_per_second",
    "peak_memory_mb",
    "peak_device_memory_mb",
    "device",
    "threads",
    "python",
    "torch",
    "chgnet",
    "numpy",
    "revision",
    "modified",
    "code",
)


def gather_costs(
    pretrainings: Iterable[str | os.PathLike],
    runs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    trials: Iterable[str | os.PathLike] = (),
) -> str:
    """Write one row for each training and return a line for the terminal.

    A training that was cut off and went on counts from where it went on; the updates say how many
    that were. ``pretraining`` stands in the column of the methods for the pretrainings, with the
    number of source frames as their size and without a seed. ``trial`` is the recipe that was
    tried, in the trainings of a search.

    Args:
        pretrainings, runs, trials: paths of ``record.json``.
        output: the table to write.

    Raises:
        StudyError: for a record that is missing or is no record.
    """
    rows = [{"method": "pretraining", **read_record(path)} for path in pretrainings]
    for row in rows:
        row["size"] = row.get("n_frames")
    rows += [read_record(path) for path in runs]
    for record in map(read_record, trials):
        rows.append({**record, "trial": record.get("recipe")})
    rows = [{name: row.get(name) for name in COST_COLUMNS} for row in rows]
    write_rows(output, COST_COLUMNS, rows)
    hours = sum(row["wall_seconds"] for row in rows) / 3600
    devices = sorted({row["device"] for row in rows})
    return f"{len(rows)} trainings, {hours:.2f} hours in all, on {'; '.join(devices)}"


def training_seconds(record: Mapping) -> float:
    """Return what a training cost on its device, in seconds of all its processes together.

    On processors those that it had to itself, which other work beside it does not change; on GPUs
    the time that passed. A training that was cut off and gone on with is scaled to all its updates.
    """
    on_gpu = "cuda" in record
    seconds = record["wall_seconds"] if on_gpu else record.get("processor_seconds")
    seconds = record["wall_seconds"] if seconds is None else float(seconds)
    done, whole = record.get("updates") or 0, record.get("last_update") or 0
    # Nothing was trained where there was nothing to train on.
    return seconds * record.get("processes", 1) * whole / done if done else 0.0


def mean_training_seconds(
    runs: Iterable[Sequence], records: Iterable[Mapping]
) -> dict[tuple[str, int], float]:
    """Return the mean cost of the runs of each method and size, see :func:`training_seconds`.

    Args:
        runs: method, size and what else tells runs apart.
        records: of each, in the same order.
    """
    costs: dict[tuple[str, int], list[float]] = {}
    for (method, size, *_), record in zip(runs, records, strict=True):
        costs.setdefault((method, size), []).append(training_seconds(record))
    return {point: sum(seconds) / len(seconds) for point, seconds in costs.items()}


def read_record(path: str | os.PathLike) -> dict:
    """Return the record that a training left.

    Raises:
        StudyError: for a file that is missing or is no record.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        # those that every record has
        datetime.datetime.fromisoformat(record["started"])
        return {**record, "wall_seconds": float(record["wall_seconds"]), "device": record["device"]}
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(
            f"{path}: is no record of a training ({error}); delete the run and redo it"
        ) from None
