"""What processes of a processes do in tests; they must be able to import it by its name."""

import os
import signal

import torch

from rungs.errors import StudyError
from rungs.training.distributed import Processes


def all_reduce(processes: Processes) -> float:
    return processes.all_reduce(torch.ones(1)).item()


def all_reduce_but_for_one(processes: Processes) -> float:
    if processes.rank == 1:
        raise SystemExit(3)
    # whoever waits for a sum with the others must be woken by their end
    return all_reduce(processes)


def all_reduce_but_for_one_killed(processes: Processes) -> float:
    if processes.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return all_reduce(processes)


def refuse(processes: Processes) -> None:
    all_reduce(processes)
    raise StudyError(f"no, says process {processes.rank}")
