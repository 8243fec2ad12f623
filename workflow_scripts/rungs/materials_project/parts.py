"""The parts of a download: one row for each ionic step, with a record that vouches for the file.

Values are the service's own, in VASP's units and signs: eV, eV/Å, kbar positive under compression.
They are converted when frames are read from the parts.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rungs.errors import StudyError
from rungs.files import whole_file, write_text
from rungs.materials_project.judging import Refused, Steps, Task

_VECTOR = pa.list_(pa.float64())
_MATRIX = pa.list_(_VECTOR)
COLUMNS = pa.schema(
    [
        pa.field("task_id", pa.string(), nullable=False),
        pa.field("material_id", pa.string(), nullable=False),
        pa.field("calc", pa.int32(), nullable=False),
        pa.field("step", pa.int32(), nullable=False),
        pa.field("run_type", pa.string(), nullable=False),
        pa.field("task_type", pa.string(), nullable=False),
        pa.field("batch_id", pa.string()),
        pa.field("cell", _MATRIX, nullable=False),
        pa.field("atomic_numbers", pa.list_(pa.int64()), nullable=False),
        pa.field("cart_coords", _MATRIX, nullable=False),
        pa.field("energy", pa.float64(), nullable=False),
        pa.field("forces", _MATRIX, nullable=False),
        pa.field("stress", _MATRIX),
        pa.field("magmoms", _VECTOR),
        pa.field("electronic_steps", pa.int32()),
        pa.field("nelm", pa.int32(), nullable=False),
        pa.field("task_energy_per_atom", pa.float64(), nullable=False),
        pa.field("u_values", pa.string(), nullable=False),
        pa.field("correction", pa.float64()),
        pa.field("no_correction", pa.string()),
    ]
)
_ROWS_IN_GROUP = 500


def part_name(index: int) -> str:
    """File name of a part."""
    return f"part-{index:05d}.parquet"


def record_name(index: int) -> str:
    """File name of a part's record."""
    return f"part-{index:05d}.record.json"


class PartWriter:
    """Write one part; used as a context manager. The file appears whole, when the block ends.

    Raises:
        StudyError: where it cannot be written, e.g. on a full disk.
    """

    def __init__(self, folder: Path, index: int) -> None:
        self._path = folder / part_name(index)
        self._record = folder / record_name(index)
        self._waiting: list[dict[str, object]] = []
        self._stack = ExitStack()
        self._n_rows = self._n_frames = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            partial = stack.enter_context(whole_file(self._path))
            # a Python file, so that a fault of the disk keeps its number and name
            handle = stack.enter_context(open(partial, "wb"))
            self._parquet = stack.enter_context(
                pq.ParquetWriter(handle, COLUMNS, compression="zstd", write_page_checksum=True)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            try:
                self._flush()
            except BaseException as fault:
                self._stack.__exit__(type(fault), fault, fault.__traceback__)
                raise
        self._stack.__exit__(*error)

    def write(self, task_id: str, material_id: str, task: Task, steps: Steps) -> None:
        """Add the steps of one row of the table."""
        self._n_rows += 1
        last = len(steps.energies) - 1
        for step in range(last + 1):
            self._n_frames += 1
            self._waiting.append(
                {
                    "task_id": task_id,
                    "material_id": material_id,
                    "calc": steps.calc,
                    "step": step,
                    "run_type": task.run_type,
                    "task_type": task.task_type,
                    "batch_id": task.batch_id,
                    "cell": steps.cells[step].tolist(),
                    "atomic_numbers": steps.atomic_numbers.tolist(),
                    "cart_coords": steps.coords[step].tolist(),
                    "energy": float(steps.energies[step]),
                    "forces": steps.forces[step].tolist(),
                    "stress": None if steps.stresses is None else steps.stresses[step].tolist(),
                    "magmoms": (
                        steps.magmoms.tolist()
                        if step == last and steps.magmoms is not None
                        else None
                    ),
                    "electronic_steps": steps.electronic_steps and steps.electronic_steps[step],
                    "nelm": task.nelm,
                    "task_energy_per_atom": task.energy_per_atom,
                    "u_values": json.dumps(task.u_values, sort_keys=True),
                    "correction": task.correction,
                    "no_correction": task.no_correction,
                }
            )
            if len(self._waiting) == _ROWS_IN_GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(pa.Table.from_pylist(self._waiting, schema=COLUMNS))
            self._waiting.clear()

    def record(self, requested: int, missing: list[str], refused: list[Refused]) -> None:
        """Vouch for the finished file; called after the block."""
        record = {
            "file": self._path.name,
            "sha256": digest(self._path),
            "bytes": self._path.stat().st_size,
            "requested": requested,
            "rows": self._n_rows,
            "frames": self._n_frames,
            "missing": sorted(missing),
            "refused": [list(item) for item in sorted(refused)],
        }
        write_text(self._record, json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_record(folder: Path, index: int) -> dict[str, object] | None:
    """The record of a part whose file is there and unharmed; None for one to be fetched."""
    try:
        record = json.loads((folder / record_name(index)).read_text(encoding="utf-8"))
        path = folder / part_name(index)
        sound = path.stat().st_size == record["bytes"] and digest(path) == record["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if sound else None


def iter_steps(path: Path) -> Iterator[Mapping[str, object]]:
    """The rows of a part, in their order; memory holds a row group at a time.

    Arrays are numpy's; names are those of :data:`COLUMNS`.

    Raises:
        StudyError: when the file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            for batch in parquet.iter_batches(batch_size=_ROWS_IN_GROUP):
                for row in batch.to_pylist():
                    for name in ("cell", "cart_coords", "forces", "stress", "magmoms"):
                        if row[name] is not None:
                            row[name] = np.asarray(row[name], dtype=np.float64)
                    yield row
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:300]
        raise StudyError(
            f"{path}: this part of a download cannot be read ({said}); delete "
            "manifest.json beside it and give the same command again"
        ) from None


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
