"""Disks that cannot be written to: full, beyond the quota, read-only, not permitted."""

import contextlib
import errno
import os
import uuid
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
