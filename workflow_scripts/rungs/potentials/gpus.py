"""GPUs that a job has to itself.

Schedulers of clusters give each job its GPUs; on one machine nobody does, and every process would
take the first one. So a job locks the GPUs it takes, by a file for each. The kernel releases the
locks when the last process that holds them ends, however it ends.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from pathlib import Path

import torch

from rungs.errors import StudyError

LOCKS = Path("/tmp/rungs-gpus")
"""Where the locks lie: the same folder for all users of a machine, whatever their TMPDIR."""
SHARING = "RUNGS_JOBS_PER_GPU"
"""Environment variable: how many jobs may share a GPU, on purpose; 1 where it is not set."""
_PATIENCE = 2.0
"""Seconds between two looks at GPUs that are taken."""


@dataclass(frozen=True)
class Claim:
    """GPUs that this process holds; pickled to a process that it starts, the hold goes along."""

    places: tuple[int, ...]
    """PyTorch's numbers of them, counted among the visible ones; none: the CPU."""
    locks: tuple[int, ...] = ()
    """File descriptors; each stands for a lock."""

    def release(self) -> None:
        """Give the GPUs back."""
        for lock in self.locks:
            os.close(lock)

    def __reduce__(self):
        # The other process gets descriptors of the same open files, so the locks last until both
        # are gone: a training process whose parent was killed still has its GPU to itself.
        return _take_over, (self.places, tuple(DupFd(lock) for lock in self.locks))


def _take_over(places: tuple[int, ...], locks: Sequence) -> Claim:
    return Claim(places, tuple(lock.detach() for lock in locks))


def visible_gpus() -> list[str]:
    """Return a name for each GPU that PyTorch sees, in its order; the name is the card's own.

    ``CUDA_VISIBLE_DEVICES``, which schedulers set, has been heeded: its first card is PyTorch's 0.
    """
    if not torch.cuda.is_available():
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    names = []
    for place in range(torch.cuda.device_count()):
        # Slices of one card may share its number.
        if place < len(given) and given[place].startswith("MIG-"):
            names.append(given[place])
        else:
            names.append(f"GPU-{torch.cuda.get_device_properties(place).uuid}")
    return names


def claim_gpus(wanted: int, say: Callable[[str], None] = print) -> Claim:
    """Take ``wanted`` GPUs that no other job has; wait while there are too few.

    All of them or none are held, so jobs that want several cannot wait for each other forever.

    Args:
        wanted: how many. None are taken where none is visible: the job runs on the CPU.
        say: is told once that the job waits, for whom, and when that is over.

    Raises:
        StudyError: when some GPUs are visible, but fewer than ``wanted``.
    """
    names = visible_gpus() if wanted else []
    if not names:
        return Claim(())
    if len(names) < wanted:
        raise StudyError(
            f"a job wants {wanted} GPUs, but sees {len(names)}; lower `processes` or give the job "
            "as many GPUs"
        )
    begun = None
    while True:
        claim = _take_free(names, wanted)
        if claim is not None:
            if begun is not None:
                say(f"got {_gpus(wanted)} after {time.monotonic() - begun:.0f} s")
            return claim
        if begun is None:
            begun = time.monotonic()
            say(
                f"waiting for {_gpus(wanted)}: other jobs have those that this one sees "
                f"({'; '.join(_whose(name) for name in names)}). Two jobs never share a GPU "
                f"unless {SHARING} allows it; `--resources gpu={len(names)}` lets Snakemake start "
                "only as many as there are"
            )
        # Not all at the same moment.
        time.sleep(_PATIENCE * (0.75 + 0.5 * int.from_bytes(os.urandom(1)) / 255))


def _take_free(names: Sequence[str], wanted: int) -> Claim | None:
    places, locks = [], []
    for place, name in enumerate(names):
        lock = _lock(name)
        if lock is not None:
            places.append(place)
            locks.append(lock)
            if len(places) == wanted:
                return Claim(tuple(places), tuple(locks))
    Claim((), tuple(locks)).release()
    return None


def _lock(name: str) -> int | None:
    """Lock one of the GPU's files and return its descriptor, or None when all are taken."""
    for file in _files(name):
        lock = _open(file)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        # For the words of those who wait; another user's file may not be written.
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"process {os.getpid()}".encode(), 0)
        return lock
    return None


def _files(name: str) -> list[Path]:
    text = os.environ.get(SHARING, "1")
    if not text.isdecimal() or int(text) < 1:
        raise StudyError(f"{SHARING} is {text!r}; it takes a number of jobs, 1 or more")
    return [LOCKS / f"{name}.{i}" for i in range(int(text))]


def _open(file: Path) -> int:
    # One folder and its files for all users.
    if not LOCKS.is_dir():
        with contextlib.suppress(FileExistsError):
            LOCKS.mkdir(parents=True)
            LOCKS.chmod(0o1777)
    for flags in (os.O_RDWR, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR, os.O_RDONLY):
        try:
            lock = os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except (FileNotFoundError, FileExistsError, PermissionError):
            continue
        if flags & os.O_CREAT:
            os.fchmod(lock, 0o666)
        return lock
    raise StudyError(f"the lock of a GPU cannot be opened: {file}; remove it, or ask its owner to")


def _whose(name: str) -> str:
    holders = []
    for file in _files(name):
        with contextlib.suppress(OSError):
            holders.append(file.read_text() or "another job")
    return f"{name}: {', '.join(holders) or 'another job'}"


def _gpus(number: int) -> str:
    return "a GPU" if number == 1 else f"{number} GPUs"
