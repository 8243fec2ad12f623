"""Checkpoints: what a killed training needs to go on as if nothing had happened.

A checkpoint lies beside a job's outputs, never among them: Snakemake deletes outputs before it
starts a job again. Where results are in a bucket, so is a copy of each
(:mod:`rungs.workflow.copies`).
"""

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from rungs.files import whole_file
from rungs.workflow.copies import copies

CHECKPOINT_SECONDS = float(os.environ.get("RUNGS_CHECKPOINT_SECONDS", "60"))
"""A killed training loses at most this much work, and what follows its last validation. On
machines that may be taken away at any moment, set the environment variable to less."""


def save_checkpoint(path: Path, state: Mapping, fingerprint: Mapping) -> None:
    """Write ``state`` with the ``fingerprint`` of what is trained, on what and how."""
    with whole_file(path) as partial:
        torch.save({"fingerprint": dict(fingerprint), "state": dict(state)}, partial)
    copies().send(path)


def load_checkpoint(path: Path, fingerprint: Mapping) -> tuple[dict | None, str]:
    """Return the state to go on from (None to begin at the start) and a line that says why.

    A checkpoint with another fingerprint is never used and never deleted: it is set aside under
    another name and the difference is named. So is one that cannot be read.
    """
    path = Path(path)
    if not path.exists():
        return None, "no checkpoint: training starts at the beginning"
    try:
        # Weights-only loading: a checkpoint holds tensors and plain values, never code.
        saved = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = saved["fingerprint"], saved["state"]
    except Exception as error:
        aside = _set_aside(path)
        return None, f"checkpoint could not be read ({error}); set aside as {aside}, starting anew"
    differing = [
        f"{key}: {theirs.get(key)!r} in the checkpoint, {fingerprint.get(key)!r} now"
        for key in sorted({*theirs, *fingerprint})
        if theirs.get(key) != fingerprint.get(key)
    ]
    if differing:
        aside = _set_aside(path)
        return None, (
            f"checkpoint of another training refused ({'; '.join(differing)}); "
            f"set aside as {aside}, starting anew"
        )
    return state, f"resuming after update {state['update']}"


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.stem}.refused{path.suffix}")
    os.replace(path, aside)
    copies().move(path, aside)
    return aside
