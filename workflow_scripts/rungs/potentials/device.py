"""The device a job computes on."""

import gc
from collections.abc import Callable

import torch

from rungs.potentials.gpus import Claim, claim_gpus

_held: Claim | None = None
_rank = 0


def prepare_process(
    threads: int, gpus: int = 0, say: Callable[[str], None] = print, *, flush: bool = True
) -> None:
    """Set up PyTorch for a job of its own; before PyTorch starts its threads.

    Args:
        threads: for PyTorch.
        gpus: how many the job has asked for. It takes as many for itself, and waits for them; a
            job that has asked for none runs on the CPU, also where there is a GPU.
        say: is told when the job has to wait.
        flush: whether subnormal numbers, below 1e-38, count as 0. The saturated gates of trained
            weights make many of them, and processors take a hundred times longer over each. Not
            where libraries compute that were not made for it: phonopy's threads then get
            degenerate modes wrong, 18.9 instead of 17.8 THz in silicon.

    Raises:
        StudyError: when there are GPUs, but fewer than that.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(flush)
    # Modules stay: the garbage collector need not look at them again and again.
    gc.freeze()
    hold_gpus(gpus, say)


def hold_gpus(wanted: int, say: Callable[[str], None] = print) -> Claim:
    """Return the GPUs of this process; take ``wanted`` if it holds some, but fewer.

    A process that has settled for the CPU stays there.

    Raises:
        StudyError: as :func:`rungs.potentials.gpus.claim_gpus`.
    """
    global _held  # noqa: PLW0603  a process has its devices as it has its memory
    if _held is not None and 0 < len(_held.places) < wanted:
        _held.release()
        _held = None
    if _held is None:
        _held = claim_gpus(wanted, say)
        _use()
    return _held


def take_part_on(claim: Claim, rank: int) -> None:
    """Compute on GPU ``rank`` of those that the process which started this one holds."""
    global _held, _rank
    _held, _rank = claim, rank
    _use()


def pick_device() -> torch.device:
    """Return the GPU that is this process's own, else the CPU; always the same one.

    Outside jobs of the workflow, which say beforehand how many they want, the first call takes a
    GPU that no other process has.
    """
    claim = _held if _held is not None else hold_gpus(1)
    return torch.device("cuda", claim.places[_rank]) if claim.places else torch.device("cpu")


def _use() -> None:
    # What names no device means this one.
    if _held is not None and _held.places:
        torch.cuda.set_device(_held.places[_rank])
