"""Locks that tell a living holder from a dead one.

The lock itself is the kernel's (``flock``): it goes when its holder ends, however it ends, so that
none is ever left behind. On one machine, and on file systems that pass such locks on to all their
machines (NFS, GPFS, CephFS, Lustre mounted with ``flock``), that is all.

Some file systems keep these locks to each machine (BeeGFS as it comes, Lustre with ``localflock``).
So a holder also writes its name into the file, touches the file twice a minute, and notes its end.
Who finds the name of another machine without an end looks for a while whether the file is touched.
"""

import errno
import fcntl
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

BEAT_SECONDS = 30.0
"""A holder touches its file this often."""
SILENCE_SECONDS = 90.0
"""A holder on another machine that leaves its file alone for so long is dead."""
_ENDED = "ended "
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, or held it last."""

    process: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} since {self.since}"

    @classmethod
    def myself(cls) -> "Holder":
        """Return this process, from now on."""
        return cls(os.getpid(), socket.gethostname(), time.strftime("%Y-%m-%d %H:%M:%S"))

    @classmethod
    def read(cls, text: str) -> "Holder | None":
        """Return who stands in the first line of ``text``, if anybody does."""
        found = re.match(r"process (\d+) on (\S+) since (\S+ \S+)", text)
        return cls(int(found[1]), found[2], found[3]) if found else None


UNNAMED = Holder(0, "a machine that gave no name", "a moment ago")
"""A holder that has the lock and has not written its name yet."""


class FileLock:
    """A lock on a file, whose first line names the holder.

    Args:
        path: the file. It is made where there is none, and emptied when the lock is taken.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None
        self._ended = threading.Event()

    @property
    def descriptor(self) -> int:
        """Of the open file: what is written there is appended. A child that has it holds on."""
        assert self._descriptor is not None, "the lock is not held"
        return self._descriptor

    def take(self) -> Holder | None:
        """Take the lock if it is free; return None, or else who has it.

        Raises:
            OSError: when the file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            holder = self._find_holder(descriptor)
            if holder is None:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{Holder.myself()}\n".encode())
                self._descriptor, descriptor = descriptor, -1
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        if holder is None:
            threading.Thread(target=self._beat, daemon=True).start()
        return holder

    def release(self) -> None:
        """Note the end and let go, for children that have the file as well."""
        self._ended.set()
        descriptor, self._descriptor = self.descriptor, None
        try:
            os.write(descriptor, f"{_ENDED}{time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        except OSError:
            pass  # a full disk, or a file system without locks: closing is all there is
        finally:
            os.close(descriptor)

    def _find_holder(self, descriptor: int) -> Holder | None:
        """Lock the open file, or return who stands in the way."""
        reliable = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Holder.read(self._text(descriptor)) or UNNAMED
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            reliable = False
        if not _is_at(descriptor, self.path):
            return UNNAMED  # it was deleted in between: there is another file to lock
        text = self._text(descriptor)
        last = Holder.read(text)
        if last is None or text.rstrip("\n").rpartition("\n")[2].startswith(_ENDED):
            return None
        if reliable and last.host == socket.gethostname():
            return None  # killed: the kernel knows
        return last if self._is_touched() else None

    def _text(self, descriptor: int) -> str:
        size = os.fstat(descriptor).st_size
        # A log can be long; the first line and the last ones tell.
        head = os.pread(descriptor, 200, 0)
        tail = os.pread(descriptor, 200, max(size - 200, len(head)))
        return (head + tail).decode(errors="replace")

    def _is_touched(self) -> bool:
        """Look for a while whether somebody keeps touching the file."""
        first = _modified(self.path)
        until = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(min(1.0, SILENCE_SECONDS / 10))
            if _modified(self.path) != first:
                return True
        return False

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                os.utime(self.descriptor)
            except (OSError, AssertionError):
                return  # released meanwhile, or the file system is gone


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _modified(path: Path) -> int:
    # Opening a file makes network file systems ask for its times anew.
    try:
        with open(path, "rb") as handle:
            return os.fstat(handle.fileno()).st_mtime_ns
    except FileNotFoundError:
        return 0
