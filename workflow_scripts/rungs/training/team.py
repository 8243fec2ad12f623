"""Several processes that share each batch of one training: data parallelism on one machine.

Each process holds the whole model, works out the gradient of its share of a batch, and adds up
gradients with the others by ``torch.distributed``. The sum is the gradient of the batch, whatever
the number of processes, so all of them take the same step. Process 0 is the job itself; it alone
validates, writes and speaks.
"""

import contextlib
import datetime
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rungs.errors import StudyError

_PATIENCE = datetime.timedelta(hours=6)
"""How long the others wait for process 0, which validates meanwhile."""


@dataclass(frozen=True)
class Team:
    """The processes of a training, seen from one of them."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that validates, writes and speaks."""
        return self.rank == 0

    def share(self, parts: Sequence) -> Sequence:
        """Return this process's share of ``parts``."""
        return parts[self.rank :: self.size]

    def add_up(self, tensor: Tensor) -> Tensor:
        """Return the sum of ``tensor`` over all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor


ALONE = Team()


@contextlib.contextmanager
def team_of(size: int, work: Callable[[Team], object]) -> Iterator[Team]:
    """Start ``size - 1`` more processes that do ``work``, and join them as process 0.

    Args:
        size: how many processes there are in all; with 1 nothing is started.
        work: called with their team in the other processes. It must be picklable, and take part
            in the same sums as this process does.

    Raises:
        StudyError: when there are fewer GPUs than processes, though there are some.
        RuntimeError: when one of the others has failed.
    """
    if size == 1:
        yield ALONE
        return
    if torch.cuda.is_available() and torch.cuda.device_count() < size:
        raise StudyError(
            f"a training has processes: {size}, but this job sees "
            f"{torch.cuda.device_count()} GPU(s); lower processes or give the job as many GPUs"
        )
    torch.set_num_threads(1)
    others = torch.multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        started = [
            others.Process(target=_take_part, args=(rank, size, meeting, work), daemon=True)
            for rank in range(1, size)
        ]
        for process in started:
            process.start()
        try:
            _join(0, size, meeting)
            yield Team(0, size)
        except BaseException:
            for process in started:
                process.terminate()
            raise
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            for process in started:
                process.join()
    failed = [process.exitcode for process in started if process.exitcode]
    if failed:
        raise RuntimeError(f"{len(failed)} of {size} training processes failed; see the log")


def _join(rank: int, size: int, meeting: Path) -> None:
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(rank)
    elif Path("/sys/class/net/lo").exists():
        # All are on this machine: no other network is needed, nor open ports on it.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )


def _take_part(rank: int, size: int, meeting: Path, work: Callable[[Team], object]) -> None:
    # Process 0 hears a request to stop and tells the others, with the sums of the next update.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    _join(rank, size, meeting)
    try:
        work(Team(rank, size))
    finally:
        torch.distributed.destroy_process_group()
