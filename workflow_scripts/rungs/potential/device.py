"""The device a job computes on."""

import torch


def pick_device() -> torch.device:
    """Return the GPU that the job was given, else the CPU.

    Schedulers say which GPU is a job's own through ``CUDA_VISIBLE_DEVICES``, so the first visible
    one is right.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
