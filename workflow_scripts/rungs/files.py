"""Writing files so that a half-written one is never taken for a whole one."""

import contextlib
import csv
import glob
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rungs.disks import write_fault


def folder_with(given: Iterable[str | os.PathLike], names: Iterable[str], folder: str) -> str:
    """Return the folder from which the files of a job are known by their ``names``.

    Where the study's data are in a bucket, a job finds copies of them, not in ``data_folder``.

    Args:
        given: the job's input files, or a single one.
        names: what the configuration calls them.
        folder: the answer where none of them is given.
    """
    tails = [Path(os.path.normpath(name)).parts for name in names]
    for path in map(Path, [given] if isinstance(given, str | os.PathLike) else given):
        for tail in tails:
            if path.parts[-len(tail) :] == tail and not Path(*tail).is_absolute():
                return str(path.parents[len(tail) - 1])
    return folder


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success flush it to disk and rename it.

    If the block raises, or the process is killed, ``path`` is left as it was. What a killed process
    has left of the same file is removed.

    Raises:
        UnwritableError: when the disk is full, read-only or the like, whatever the block raised of
            it: libraries do not agree on that.
    """
    path = Path(path)
    # The suffix is kept last: some writers choose the format by it.
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        yield partial
        with open(partial, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(partial, path)
    except Exception as error:
        # While the partial file still takes up what room there was.
        if fault := write_fault(path, error):
            raise fault from error
        raise
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove partial files of ``path`` whose processes are no more."""
    for leftover in path.parent.glob(f".partial-*-{glob.escape(path.name)}"):
        process = leftover.name.removeprefix(".partial-").removesuffix(f"-{path.name}")
        if process.isdecimal() and not _lives(int(process)):
            leftover.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another person's
    return True


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write ``value`` as indented JSON; NaN and infinities are refused, not written."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_rows(
    path: str | os.PathLike, columns: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> None:
    """Write ``rows`` as CSV with exactly ``columns``; a row with another key is an error.

    Floats keep full precision (the shortest text that reads back to the same number).
    """
    with whole_file(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
