"""Interaction energies of the target's frames by a pretrained network: predicted once, read by all.

A pretrained model's energy is its elemental reference energies plus what its network says of the
interaction. References that are fitted to residuals need the latter on the frames that they are
fitted to, every run on its own, and the comparison of all rules needs it on all frames.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rungs.errors import StudyError
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import load_model
from rungs.potentials.predict import interaction_energies, iter_interaction_energies
from rungs.references.interactions import read_interactions, write_interaction_table
from rungs.training.checkpoint import CHECKPOINT_SECONDS, load_checkpoint, save_checkpoint
from rungs.training.termination import stop_requests

PathLike = str | os.PathLike


def write_interactions(
    *,
    model: PathLike,
    graphs: PathLike,
    names: Sequence[str],
    checkpoint: PathLike,
    output: PathLike,
) -> str:
    """Write the interaction energies of frames that have a labelled energy.

    Args:
        model: the pretrained model.
        graphs: the target's.
        names: ids of frames; those without an energy are of no use to a fit and left out.
        checkpoint: where what has been predicted is kept until the output is there, so that a job
            that was killed goes on.
        output: the file to write.

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when SIGTERM came, after a checkpoint.
    """
    store = GraphStore.open(graphs)
    places = store.index(names)
    places = places[store.labelled(places)["energy"]]
    energies = _predicted(Path(model), store, places, Path(checkpoint))
    write_interaction_table(output, [store.frame_ids[i] for i in places], energies)
    Path(checkpoint).unlink(missing_ok=True)
    return f"interaction energies of {len(places)} target frames"


def _predicted(model: Path, store: GraphStore, places: np.ndarray, checkpoint: Path) -> np.ndarray:
    """Return (n,) energies in eV/atom, going on from a checkpoint of the same."""
    names = "\n".join(store.frame_ids[i] for i in places)
    fingerprint = {
        "model": hashlib.sha256(model.read_bytes()).hexdigest()[:16],
        "frames": hashlib.sha256(names.encode()).hexdigest()[:16],
    }
    found, done = np.full(len(places), np.nan), 0
    if checkpoint.exists():
        state, line = load_checkpoint(checkpoint, fingerprint)
        if state is None:
            print(line, file=sys.stderr)
        else:
            done = state["update"]
            found[:done] = state["energies"].numpy()

    def save() -> None:
        state = {"update": done, "energies": torch.from_numpy(found[:done].copy())}
        save_checkpoint(checkpoint, state, fingerprint)

    network = load_model(model).to(pick_device())
    saved_at = time.perf_counter()
    bar = tqdm(
        total=len(places),
        initial=done,
        desc="interaction energies",
        unit="frame",
        mininterval=0.5 if sys.stderr.isatty() else 15.0,
    )
    with bar, stop_requests() as stop:
        for energies in iter_interaction_energies(network, store, places[done:]):
            found[done : done + len(energies)] = energies
            done += len(energies)
            bar.update(len(energies))
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
    return found


def known_or_predicted(
    path: PathLike | None, model: torch.nn.Module, store: GraphStore, places: np.ndarray
) -> np.ndarray:
    """Return (n,) interaction energies in eV/atom: those of the file, the rest by ``model``.

    Args:
        path: a file of :func:`write_interactions` by the same network; None for none.
        model: a CHGNet, on the device to predict on.
        store, places: the frames.
    """
    found = np.full(len(places), np.nan)
    if path is not None:
        found = read_interactions(path, store, places)
    missing = np.isnan(found)
    if missing.any():
        found[missing] = interaction_energies(model, store, places[missing])
    return found
