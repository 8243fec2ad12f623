"""The device a job computes on."""

import gc

import torch


def prepare_process(threads: int) -> None:
    """Set up PyTorch for a job of its own; before PyTorch starts its threads.

    Numbers below 1e-38 count as 0: the saturated gates of trained weights make many of them, and
    processors take a hundred times longer over each.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    # Modules stay: the garbage collector need not look at them again and again.
    gc.freeze()


def pick_device() -> torch.device:
    """Return the GPU that the job was given, else the CPU.

    Schedulers say which GPU is a job's own through ``CUDA_VISIBLE_DEVICES``, so the first visible
    one is right.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
