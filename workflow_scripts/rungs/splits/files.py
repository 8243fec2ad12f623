"""The CSV files of splits and subsets."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.splits.split import PARTS, SplitRow

SPLIT_COLUMNS = SplitRow._fields
ORDER_COLUMNS = ("rank", "frame_id")


def write_split(path: str | os.PathLike, rows: Iterable[SplitRow]) -> None:
    """Write the columns ``level``, ``material_id``, ``frame_id``, ``part``."""
    write_rows(path, SPLIT_COLUMNS, (row._asdict() for row in rows))


def read_split(path: str | os.PathLike) -> list[SplitRow]:
    """Read what :func:`write_split` wrote.

    Raises:
        StudyError: when the file is missing, has other columns or an unknown part.
    """
    rows = [SplitRow(*values) for values in _read(path, SPLIT_COLUMNS)]
    for number, row in enumerate(rows, start=2):
        if row.part not in PARTS or row.level not in ("source", "target"):
            raise StudyError(
                f"{path}, line {number}: level is source or target and part is one of "
                f"{', '.join(PARTS)}, found {row.level}, {row.part}; {_REMEDY}"
            )
    return rows


def frame_ids(rows: Iterable[SplitRow], level: str, part: str) -> list[str]:
    """Ids of the frames of one level in one part, in the order of the rows."""
    return [row.frame_id for row in rows if row.level == level and row.part == part]


def write_order(path: str | os.PathLike, order: Sequence[str]) -> None:
    """Write the columns ``rank`` (from 0) and ``frame_id``; subset N is the first N rows."""
    rows = ({"rank": rank, "frame_id": frame_id} for rank, frame_id in enumerate(order))
    write_rows(path, ORDER_COLUMNS, rows)


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


_REMEDY = "delete the file and let the workflow make it again"


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
    if header != list(columns) or any(len(row) != len(columns) for row in rows):
        raise StudyError(
            f"{path}: expected the columns {', '.join(columns)} in every line, found "
            f"{', '.join(header)}; {_REMEDY}"
        )
    return rows
