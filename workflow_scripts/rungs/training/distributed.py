"""Several processes that share each batch of one training: data parallelism on one machine.

Each process holds the whole model, works out the gradient of its share of a batch, and adds up
gradients with the others by ``torch.distributed``. The sum is the gradient of the batch, whatever
the number of processes, so all of them take the same step. Process 0 alone validates, writes and
speaks.
"""

import contextlib
import datetime
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from rungs.errors import StudyError
from rungs.potentials.device import hold_gpus, take_part_on
from rungs.potentials.gpus import Claim
from rungs.workflow.orphans import stop_with_parent

Result = TypeVar("Result")
_PATIENCE = datetime.timedelta(hours=6)
"""How long the others wait for process 0, which validates meanwhile."""
_FIRST_FAILURE = "first-failure"
"""The file that names the process which failed before the others."""


@dataclass(frozen=True)
class Processes:
    """The processes of a training, seen from one of them."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that validates, writes and speaks."""
        return self.rank == 0

    def share(self, parts: Sequence) -> Sequence:
        """Return this process's share of ``parts``."""
        return parts[self.rank :: self.size]

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Return the sum of ``tensor`` over all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor


SINGLE_PROCESS = Processes()


def run_distributed(size: int, work: Callable[[Processes], Result]) -> Result:
    """Do ``work`` in ``size`` processes and return what process 0 makes of it.

    With one process that is this one. Otherwise this one starts them and waits: when one of them
    fails the others are ended, for they would wait for its sums. SIGTERM goes on to process 0,
    which tells the others with its next sum.

    Args:
        size: how many processes.
        work: called with its processes in each process; it and its result must be picklable.

    Raises:
        StudyError: that of a process, or when there are fewer GPUs than processes.
        RuntimeError: when a process has failed in another way; its traceback is in the log.
    """
    if size == 1:
        return work(SINGLE_PROCESS)
    gpus = hold_gpus(size)
    context = torch.multiprocessing.get_context("spawn")
    # Who is done stays until all are: its end would cut off others in the middle of a sum.
    all_done = context.Barrier(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = [
            context.Process(
                target=_take_part, args=(rank, size, gpus, folder, all_done, work), daemon=True
            )
            for rank in range(size)
        ]
        for process in processes:
            process.start()
        try:
            with _handing_on(processes[0]):
                failed = _wait_for_all(processes, folder)
        finally:
            for process in processes:
                process.kill()
                process.join()
        for error in sorted(folder.glob("error-*")):
            raise pickle.loads(error.read_bytes())
        if failed is not None:
            raise RuntimeError(f"training process {failed} of {size} failed; see above")
        return pickle.loads((folder / "result").read_bytes())


def _wait_for_all(processes: Sequence, folder: Path) -> int | None:
    """Wait until all have ended, or one has failed; return the rank of that one.

    The end of one breaks the sums of the others, which then fail too, perhaps before this is
    seen: named is one that a signal ended, which can say nothing, else the one that was first to
    leave its word in ``folder``.
    """
    running = {process.sentinel: rank for rank, process in enumerate(processes)}
    while running:
        ended = [running.pop(sentinel) for sentinel in connection.wait(list(running))]
        for rank in ended:
            processes[rank].join()
        failed = [rank for rank in ended if processes[rank].exitcode]
        killed = [rank for rank in failed if processes[rank].exitcode < 0]
        if killed:
            return killed[0]
        if failed:
            first = folder / _FIRST_FAILURE
            return int(first.read_text()) if first.exists() else failed[0]
    return None


@contextlib.contextmanager
def _handing_on(process) -> Iterator[None]:
    """Hand SIGTERM on to ``process`` while inside."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _join(rank: int, size: int, gpus: Claim, meeting: Path) -> None:
    take_part_on(gpus, rank)
    on_gpu = bool(gpus.places)
    if not on_gpu and Path("/sys/class/net/lo").exists():
        # All are on this machine: no other network is needed, nor open ports on it.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )


def _take_part(
    rank: int, size: int, gpus: Claim, folder: Path, all_done, work: Callable[[Processes], object]
) -> None:
    if rank:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        stop_with_parent()
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    try:
        _join(rank, size, gpus, folder / "meeting")
        result = work(Processes(rank, size))
        if rank == 0:
            (folder / "result").write_bytes(pickle.dumps(result))
        all_done.wait()
    except StudyError as error:
        (folder / f"error-{rank}").write_bytes(pickle.dumps(error))
        sys.exit(1)
    except BaseException:
        # Before this process ends, and the sums of the others break.
        word = folder / f"failure-{rank}"
        word.write_text(str(rank))
        with contextlib.suppress(FileExistsError):
            os.link(word, folder / _FIRST_FAILURE)
        raise
