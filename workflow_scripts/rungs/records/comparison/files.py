"""Tables, arrays and summaries of two studies, compared number by number."""

import csv
import filecmp
import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rungs.errors import StudyError
from rungs.records.comparison.columns import ColumnDifferences

KINDS = {".csv", ".parquet", ".npz", ".pt"}
NO_RESULTS = {"logs", "benchmarks", "checkpoints", "tensorboard", "figures", "downloads", "graphs"}
"""Folders of what is told by other files: figures draw tables, graphs are made of frames."""
ABOUT_THE_WORK = {"tables/costs.csv", "tables/provenance.csv", "estimate.csv"}
"""Tables of times, dates and machines."""
TIMES = {"seconds", "wall_seconds"}
"""Columns of times in tables of results."""
OF_A_RUN = ("method", "size", "seed")
_NOT_NUMBERS_OF_A_STUDY = ("versions", "configuration_digest", "title", "study")


@dataclass(frozen=True)
class FileDifference:
    """How a file of one study differs from that of another."""

    name: str
    how: str
    """In words, with the largest differences."""
    columns: dict[str, float] = field(default_factory=dict)
    """Largest absolute difference of each column that differs, in the column's unit."""


def files_of_results(folder: Path) -> set[str]:
    """Return the names, relative to ``folder``, of all files that hold results."""
    found = {"summary.json"} if (folder / "summary.json").exists() else set()
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix in KINDS and name.parts[0] not in NO_RESULTS and not hidden:
            found.add(name.as_posix())
    return found - ABOUT_THE_WORK


def compare_files(first: Path, second: Path, name: str) -> FileDifference | None:
    """Return how two files differ; None where every number is the same.

    Raises:
        StudyError: for a file that cannot be read as what its name says.
    """
    if filecmp.cmp(first, second, shallow=False):
        return None
    compare = {
        ".csv": _compare_csv,
        ".parquet": _compare_parquet,
        ".npz": _compare_arrays,
        ".json": _compare_json,
    }[Path(name).suffix]
    return compare(first, second, name)


def _compare_csv(first: Path, second: Path, name: str) -> FileDifference | None:
    tables = [_read_rows(path) for path in (first, second)]
    headers = [header for header, _ in tables]
    shared = [column for column in headers[0] if column in headers[1] and column not in TIMES]
    further = sorted((set(headers[0]) ^ set(headers[1])) - TIMES)
    key = [column for column in OF_A_RUN if column in shared]
    groups = [_grouped(rows, key) for _, rows in tables]
    differences, alone = ColumnDifferences(), [0, 0]
    for run in dict.fromkeys((*groups[0], *groups[1])):
        sides = [group.get(run, []) for group in groups]
        if len(sides[0]) != len(sides[1]):
            # rows of another number are other rows: which belong together cannot be told
            alone = [n + len(rows) for n, rows in zip(alone, sides, strict=True)]
            continue
        for a, b in zip(*sides, strict=True):
            differences.add_texts({column: (a[column], b[column]) for column in shared})
    words = [f"column {column} in one only" for column in further]
    words += [f"{n} rows only in {letter}" for n, letter in zip(alone, "AB", strict=True) if n]
    words += differences.in_words()
    return FileDifference(name, "; ".join(words), differences.largest) if words else None


def _read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows, header = list(reader), list(reader.fieldnames or [])
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(path, error) from None
    if not text.endswith("\n") or any(None in row or None in row.values() for row in rows):
        raise _damaged(path, "its end is missing, or a row is longer or shorter than its header")
    return header, rows


def _grouped(rows: Sequence[dict[str, str]], key: Sequence[str]) -> dict[tuple, list]:
    groups: dict[tuple, list] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in key), []).append(row)
    return groups


def _compare_parquet(first: Path, second: Path, name: str) -> FileDifference | None:
    """Compare row by row, in batches: frames of a large study do not fit into memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    differences = ColumnDifferences()
    try:
        with pq.ParquetFile(first) as a, pq.ParquetFile(second) as b:
            if a.schema_arrow.names != b.schema_arrow.names:
                return FileDifference(name, "other columns")
            counts = a.metadata.num_rows, b.metadata.num_rows
            if counts[0] != counts[1]:
                return FileDifference(name, f"{counts[0]} rows in A, {counts[1]} in B")
            for x, y in zip(_batches(a), _batches(b), strict=True):
                for column in x.schema.names:
                    if not x[column].equals(y[column]):
                        differences.add_arrays(column, *_values(x[column], y[column]), x.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(f"{first} or {second}", error) from None
    words = differences.in_words()
    return FileDifference(name, "; ".join(words), differences.largest) if words else None


def _batches(parquet) -> Iterator:
    """Batches of the same rows, whatever the row groups of the file."""
    size, waiting = 10_000, None
    import pyarrow as pa

    for batch in parquet.iter_batches(batch_size=size):
        table = pa.Table.from_batches([batch])
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while waiting.num_rows >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _values(*columns) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers, or else texts, of two columns, lists of lists laid out flat."""
    import pyarrow as pa

    flat = []
    for column in columns:
        values = column.combine_chunks()
        while pa.types.is_nested(values.type):
            values = values.flatten()
            if isinstance(values, list):  # of a struct: one array for each field
                values = pa.concat_arrays([part.cast(pa.string()) for part in values])
        flat.append(values.to_numpy(zero_copy_only=False))
    return flat[0], flat[1]


def _compare_arrays(first: Path, second: Path, name: str) -> FileDifference | None:
    differences = ColumnDifferences()
    try:
        with np.load(first, allow_pickle=False) as a, np.load(second, allow_pickle=False) as b:
            if further := sorted(set(a.files) ^ set(b.files)):
                return FileDifference(name, f"{len(further)} arrays in one only")
            for key in a.files:
                differences.add_arrays(key.rstrip("_0123456789"), a[key], b[key], len(a.files))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(f"{first} or {second}", error) from None
    words = differences.in_words()
    return FileDifference(name, "; ".join(words), differences.largest) if words else None


def _compare_json(first: Path, second: Path, name: str) -> FileDifference | None:
    sides = []
    for path in (first, second):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            sides.append({k: v for k, v in values.items() if k not in _NOT_NUMBERS_OF_A_STUDY})
        except (OSError, ValueError, AttributeError) as error:
            raise _damaged(path, error) from None
    keys = [key for key in dict.fromkeys(itertools.chain(*sides)) if _differ(key, *sides)]
    return FileDifference(name, f"differs in {', '.join(keys)}") if keys else None


def _differ(key: str, first: dict, second: dict) -> bool:
    return key not in first or key not in second or first[key] != second[key]


def _damaged(path: object, error: object) -> StudyError:
    return StudyError(
        f"{path}: cannot be read, so it is damaged or cut short ({error}); delete it and run the "
        "study again"
    )
