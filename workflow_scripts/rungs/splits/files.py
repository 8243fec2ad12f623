"""The CSV files of splits and subsets."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.splits.diverse import ClusterTree
from rungs.splits.elements import ElementCount
from rungs.splits.split import PARTS, SplitRow
from rungs.splits.summary import PartSummary

SPLIT_COLUMNS = SplitRow._fields
ORDER_COLUMNS = ("rank", "frame_id")
CLUSTER_COLUMNS = ("frame_id", "cluster")
MERGE_COLUMNS = ("first", "second", "distance", "clusters")


def write_split(path: str | os.PathLike, rows: Iterable[SplitRow]) -> None:
    """Write the columns ``level``, ``material_id``, ``frame_id``, ``part``."""
    _write(path, SPLIT_COLUMNS, rows)


def read_split(path: str | os.PathLike) -> list[SplitRow]:
    """Read what :func:`write_split` wrote.

    Raises:
        StudyError: when the file is missing, has other columns or an unknown part.
    """
    rows = list(map(SplitRow._make, _read(path, SPLIT_COLUMNS)))
    known = {(level, part) for level in ("source", "target") for part in PARTS}
    for number, row in enumerate(rows, start=2):
        if (row.level, row.part) not in known:
            raise StudyError(
                f"{path}, line {number}: level is source or target and part is one of "
                f"{', '.join(PARTS)}, found {row.level}, {row.part}; {_REMEDY}"
            )
    return rows


def frame_ids(rows: Iterable[SplitRow], level: str, part: str) -> list[str]:
    """Ids of the frames of one level in one part, in the order of the rows."""
    return [row.frame_id for row in rows if row.level == level and row.part == part]


def write_summary(path: str | os.PathLike, summaries: Iterable[PartSummary]) -> None:
    """Write the fields of :class:`rungs.splits.summary.PartSummary` as columns."""
    _write(path, PartSummary._fields, summaries)


def read_summary(path: str | os.PathLike) -> list[PartSummary]:
    """Read what :func:`write_summary` wrote.

    Raises:
        StudyError: when the file is missing, has other columns, or a count is no number.
    """
    rows = _read(path, PartSummary._fields)
    try:
        return [PartSummary(level, part, *map(int, counts)) for level, part, *counts in rows]
    except ValueError as error:
        raise StudyError(f"{path}: a count is no number ({error}); {_REMEDY}") from None


def write_elements(path: str | os.PathLike, counts: Iterable[ElementCount]) -> None:
    """Write the fields of :class:`rungs.splits.elements.ElementCount` as columns."""
    _write(path, ElementCount._fields, counts)


def read_elements(path: str | os.PathLike) -> list[ElementCount]:
    """Read what :func:`write_elements` wrote.

    Raises:
        StudyError: when the file is missing, has other columns, or a count is no number.
    """
    try:
        return [
            ElementCount(level, element, int(training), int(others))
            for level, element, training, others in _read(path, ElementCount._fields)
        ]
    except ValueError as error:
        raise StudyError(f"{path}: holds no counts ({error}); {_REMEDY}") from None


def write_order(path: str | os.PathLike, order: Sequence[str]) -> None:
    """Write the columns ``rank`` (from 0) and ``frame_id``; subset N is the first N rows."""
    _write(path, ORDER_COLUMNS, enumerate(order))


def read_order(path: str | os.PathLike) -> list[str]:
    """Read what :func:`write_order` wrote.

    Raises:
        StudyError: when the file is missing, has other columns, or its ranks are not 0, 1, 2, ….
    """
    order = []
    for rank, (written, frame_id) in enumerate(_read(path, ORDER_COLUMNS)):
        if written != str(rank):
            raise StudyError(
                f"{path}, line {rank + 2}: expected rank {rank}, found {written}; {_REMEDY}"
            )
        order.append(frame_id)
    return order


def write_tree(clusters: str | os.PathLike, merges: str | os.PathLike, tree: ClusterTree) -> None:
    """Write the columns ``frame_id``, ``cluster`` and ``first``, ``second``, ``distance``,
    ``clusters`` of :class:`rungs.splits.diverse.ClusterTree`."""
    _write(clusters, CLUSTER_COLUMNS, tree.cluster_of.items())
    rows = tree.merges.tolist()
    _write(merges, MERGE_COLUMNS, ((int(a), int(b), d, int(n)) for a, b, d, n in rows))


def read_tree(clusters: str | os.PathLike, merges: str | os.PathLike) -> ClusterTree:
    """Read what :func:`write_tree` wrote.

    Raises:
        StudyError: when a file is missing, has other columns, or is not made of numbers.
    """
    try:
        cluster_of = {name: int(cluster) for name, cluster in _read(clusters, CLUSTER_COLUMNS)}
        rows = [[float(value) for value in row] for row in _read(merges, MERGE_COLUMNS)]
    except ValueError as error:
        raise StudyError(f"{clusters}, {merges}: hold no clusters ({error}); {_REMEDY}") from None
    return ClusterTree(cluster_of, np.array(rows).reshape(-1, len(MERGE_COLUMNS)))


_REMEDY = "delete the file and let the workflow make it again"


def _write(path: str | os.PathLike, columns: Sequence[str], rows: Iterable[tuple]) -> None:
    # Rows as they are, in the order of the columns: a table has millions of them.
    with whole_file(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _read(path: str | os.PathLike, columns: Sequence[str]) -> list[list[str]]:
    try:
        with open(Path(path), newline="", encoding="utf-8") as handle:
            header, *rows = csv.reader(handle)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from None
    except (ValueError, csv.Error) as error:
        raise StudyError(
            f"{path}: is no table of {', '.join(columns)} ({error}); {_REMEDY}"
        ) from None
    if header != list(columns) or not set(map(len, rows)) <= {len(columns)}:
        raise StudyError(
            f"{path}: expected the columns {', '.join(columns)} in every line, found "
            f"{', '.join(header)}; {_REMEDY}"
        )
    return rows
