"""ASE's databases and trajectories, opened for reading only, row by row.

ASE itself opens an SQLite database for writing and makes tables in one that has none, so that an
empty file grows by being looked at.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from rungs.errors import StudyError
from rungs.sources.file_kinds import FileKind
from rungs.sources.opening import first_look, plain_file, refused

WANTED = "an ASE database or trajectory"
TIMEOUT = 20.0
"""Seconds to wait for a program that writes to a database."""

_WAL_MODE = b"\x02\x02"
"""At place 18 of an SQLite file that is kept with a write-ahead log."""
_LOGS = ("-wal", "-journal")
"""Endings of files beside a database in which a part of it stands while it is written to."""


class Row(NamedTuple):
    """A row of a database or an image of a trajectory."""

    name: str
    """What it is called in a sentence: ``row 17``."""
    number: int
    """Of the row, or of the image from 0."""
    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray
    pbc: Sequence[bool]
    keys: Mapping[str, object]
    """Key-value pairs, or the image's ``info``."""
    places: tuple[Callable[[], Mapping[str, object]], ...]
    """Where labels may be, the first first: the calculator's results, keys, and data or arrays."""

    def label(self, name: str) -> object:
        """Value of a label; None where it is nowhere."""
        for place in self.places:
            if (value := place().get(name)) is not None:
                return value
        return None

    def names(self) -> list[str]:
        """All that might be a label."""
        return list(dict.fromkeys(name for place in self.places for name in place()))


def iter_rows(path: Path, select: str | None, key: str, select_key: str) -> Iterator[Row]:
    """Yield the rows of a database in the order of their ids, or the images of a trajectory.

    Nothing is written beside the file: a database that is being written to is copied.

    Args:
        path: SQLite, ASE's JSON or a trajectory, plain or packed.
        select: rows that are wanted, in ASE's own words; None for all.
        key: configuration key that names the file, for messages.
        select_key: configuration key of ``select``.

    Raises:
        StudyError: when the file is missing, of another kind, cut short or damaged, or when
            ``select`` cannot be understood.
    """
    look = first_look(path, key)
    if look.kind is FileKind.EMPTY:
        raise StudyError(f"{path}: is empty, it has 0 bytes; get a whole copy, or mend {key}")
    if look.kind not in _READERS:
        raise refused(path, look, WANTED, key)
    if look.kind is FileKind.ULM:
        if select is not None:
            raise StudyError(
                f"{path}: is a trajectory, which has no rows to select from; leave out {select_key}"
            )
    else:
        _see_selection(select, select_key)
    try:
        with plain_file(path, key) as (plain, _):
            yield from _READERS[look.kind](plain, select)
    except StudyError:
        raise
    except Exception as error:  # ASE lets the errors of sqlite3, json and its parsers through
        if "database is locked" in str(error):
            raise StudyError(
                f"{path}: another program is writing to it; wait for its end, or give a copy"
            ) from None
        raise StudyError(
            f"{path}: cannot be read as {WANTED}, so it is cut short, damaged or of another kind "
            f"({type(error).__name__}: {error}); get a whole copy, or mend {key}"
        ) from None


def _see_selection(select: str | None, key: str) -> None:
    from ase.db.core import parse_selection

    try:
        parse_selection(select)
    except Exception as error:
        raise StudyError(
            f"{key}: '{select}' selects nothing that ASE understands ({error}); write it as "
            "`calculator=vasp` or `mat=m00,step>3`"
        ) from None


def _database_rows(database: object, select: str | None) -> Iterator[Row]:
    empty: set[object] = set()
    for row in database.select(select, sort="id"):
        known = row.key_value_pairs

        def results(row: object = row) -> Mapping[str, object]:
            return row.__dict__

        def data(row: object = row) -> Mapping[str, object]:
            # unpacking nothing takes as long as the rest of a row
            packed = vars(row).get("_data")
            if isinstance(packed, bytes | str) and packed in empty:
                return {}
            found = row.data
            if not found and isinstance(packed, bytes | str):
                empty.add(packed)
            return found

        yield Row(
            name=f"row {row.id}",
            number=row.id,
            numbers=row.numbers,
            positions=row.positions,
            cell=row.cell,
            pbc=row.pbc,
            keys=known,
            places=(results, lambda known=known: known, data),
        )


def _json_rows(path: Path, select: str | None) -> Iterator[Row]:
    from ase.db import connect

    yield from _database_rows(connect(path, type="json", use_lock_file=False), select)


def _sqlite_rows(path: Path, select: str | None) -> Iterator[Row]:
    from ase.db.sqlite import SQLite3Database

    with _settled(path) as uri:
        database = SQLite3Database(str(path), create_indices=False, use_lock_file=False)
        database._connect = lambda: sqlite3.connect(uri, timeout=TIMEOUT, uri=True)
        with database:
            found = database.connection.execute(
                "SELECT COUNT(*) FROM sqlite_master WHERE name='systems'"
            )
            if found.fetchone()[0] == 0:
                raise ValueError("an SQLite database without ASE's tables")
            yield from _database_rows(database, select)


@contextmanager
def _settled(path: Path) -> Iterator[str]:
    """Give the address under which SQLite reads a database without writing anything there.

    A log beside it holds what was written last; with that SQLite must mend the database first, so
    that is done with a copy.
    """
    path = path.resolve()
    logs = [path.with_name(path.name + ending) for ending in _LOGS]
    waiting = [log for log in logs if log.is_file() and log.stat().st_size]
    with ExitStack() as stack:
        if not waiting:
            with open(path, "rb") as handle:
                has_log_mode = handle.read(20)[18:] == _WAL_MODE
            # SQLite would make an empty log beside the file, unless it never changes
            yield f"file:{quote(str(path))}?mode=ro{'&immutable=1' * has_log_mode}"
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungs-")))
        for file in (path, *waiting):
            shutil.copyfile(file, folder / file.name)
        yield f"file:{quote(str(folder / path.name))}"


def _images(path: Path, select: str | None) -> Iterator[Row]:
    del select
    from ase.io.trajectory import TrajectoryReader

    with TrajectoryReader(str(path)) as trajectory:
        for number in range(len(trajectory)):
            atoms = trajectory[number]
            results = atoms.calc.results if atoms.calc is not None else {}
            yield Row(
                name=f"image {number}",
                number=number,
                numbers=atoms.numbers,
                positions=atoms.positions,
                cell=atoms.cell.array,
                pbc=atoms.pbc,
                keys=atoms.info,
                places=tuple(
                    lambda place=place: place for place in (results, atoms.info, atoms.arrays)
                ),
            )


_READERS = {
    FileKind.SQLITE: _sqlite_rows,
    FileKind.JSON: _json_rows,
    FileKind.ULM: _images,
}
