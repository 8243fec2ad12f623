"""Writing files so that a half-written one is never taken for a whole one."""

import contextlib
import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path


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

    If the block raises, or the process is killed, ``path`` is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept last: some writers choose the format by it.
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        with open(partial, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
