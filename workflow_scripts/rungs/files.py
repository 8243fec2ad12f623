"""Writing files so that a half-written one is never taken for a whole one.

And saying in one sentence why a file cannot be written: a disk that is full, beyond the quota,
read-only, or not permitted.
"""

import contextlib
import csv
import errno
import glob
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REMEDIES = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the disk quota is used up; make room",
    errno.EROFS: "the file system is read-only; make it writable",
    errno.EACCES: "writing there is not permitted; change the permissions",
    errno.EPERM: "writing there is not permitted; change the permissions",
}
_PROBE_BYTES = 256 * 1024


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


class UnwritableError(OSError):
    """A file that could not be written because of its disk; ``errno`` and ``filename`` are set."""

    def __str__(self) -> str:
        remedy = _REMEDIES.get(self.errno, f"{self.strerror}; have the disk looked at")
        return f"{self.filename} cannot be written: {remedy}, then give the same command again"


def write_fault(path: str | os.PathLike, error: BaseException | None = None) -> OSError | None:
    """Return an error that says why ``path`` cannot be written; None where it can be.

    Args:
        path: the file or folder that was to be written. Folders above it may be missing.
        error: what the attempt raised. Many libraries hide the system's error number, so a small
            file is written beside ``path`` where the number is not that of a full disk.
    """
    number = _number(error)
    if number not in _FULL:
        number = _number(_probe(Path(path)))
    return UnwritableError(number, os.strerror(number), str(path)) if number else None


def full_disk(error: BaseException) -> bool:
    """Return whether ``error``, or what caused it, tells of a full disk or a quota used up."""
    return _number(error) in _FULL


def _number(error: BaseException | None) -> int | None:
    """Return the system's error number of ``error`` or of what caused it."""
    seen = []
    while error is not None and error not in seen:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None


def _probe(path: Path) -> OSError | None:
    """Write a small file beside ``path``; return what came of it."""
    folder = path if path.is_dir() else path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    probe = folder / f".probe-{uuid.uuid4().hex}"
    try:
        with open(probe, "xb") as handle:
            handle.write(bytes(_PROBE_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        return error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return None
