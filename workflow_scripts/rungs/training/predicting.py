"""Predictions of many frames by a network, which go on after an interruption."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from rungs.errors import StudyError
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import load_model
from rungs.training.checkpoint import CHECKPOINT_SECONDS, load_checkpoint, save_checkpoint
from rungs.training.termination import stop_requests

Batches = Callable[[nn.Module, GraphStore, np.ndarray], Iterator[dict[str, np.ndarray]]]


def predict_all(
    model: Path,
    store: GraphStore,
    places: np.ndarray,
    batches: Batches,
    *,
    counted: str,
    checkpoint: Path,
    label: str,
) -> dict[str, np.ndarray]:
    """Return what ``batches`` says of all frames, going on from a checkpoint of the same.

    Args:
        model: the network's file.
        store, places: the frames.
        batches: yields arrays by name, batch by batch in the order of the frames.
        counted: the array that has a row for each frame.
        checkpoint: where what has been predicted is kept; the caller removes it.
        label: what is predicted, in words.

    Raises:
        StudyError: when SIGTERM came, after a checkpoint.
    """
    names = "\n".join(store.frame_ids[i] for i in places)
    fingerprint = {
        "model": hashlib.sha256(model.read_bytes()).hexdigest()[:16],
        "frames": hashlib.sha256(names.encode()).hexdigest()[:16],
    }
    parts: list[dict[str, np.ndarray]] = []
    done = 0
    if checkpoint.exists():
        state, line = load_checkpoint(checkpoint, fingerprint)
        if state is None:
            print(line, file=sys.stderr)
        else:
            done = state["update"]
            parts = [{name: value.numpy() for name, value in state["found"].items()}]

    def together() -> dict[str, np.ndarray]:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def save() -> None:
        found = {name: torch.from_numpy(value) for name, value in together().items()}
        save_checkpoint(checkpoint, {"update": done, "found": found}, fingerprint)

    network = load_model(model).to(pick_device())
    saved_at = time.perf_counter()
    bar = tqdm(
        total=len(places),
        initial=done,
        desc=label,
        unit="frame",
        mininterval=0.5 if sys.stderr.isatty() else 15.0,
    )
    with bar, stop_requests() as stop:
        for part in batches(network, store, places[done:]):
            parts.append(part)
            done += len(part[counted])
            bar.update(len(part[counted]))
            if done == len(places):
                break
            if stop.came or time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                save()
                saved_at = time.perf_counter()
            if stop.came:
                raise StudyError(
                    f"stopped on request (SIGTERM) after {done} of {len(places)} frames; the "
                    f"checkpoint {checkpoint} lets the same command go on"
                )
    return together() if parts else {}
