"""Interaction energies of the target's frames by a pretrained network: predicted once, read by all.

A pretrained model's energy is its elemental reference energies plus what its network says of the
interaction. References that are fitted to residuals need the latter on the frames that they are
fitted to, every run on its own, and the comparison of all rules needs it on all frames.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from rungs.graphs.store import GraphStore
from rungs.potentials.predict import interaction_energies, iter_interaction_energies
from rungs.references.interactions import read_interactions, write_interaction_table
from rungs.training.predicting import predict_all

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
    found = predict_all(
        Path(model),
        store,
        places,
        _energies,
        counted="energies",
        checkpoint=Path(checkpoint),
        label="interaction energies",
    )
    energies = found.get("energies", np.zeros(0))
    write_interaction_table(output, [store.frame_ids[i] for i in places], energies)
    Path(checkpoint).unlink(missing_ok=True)
    return f"interaction energies of {len(places)} target frames"


def _energies(
    model: torch.nn.Module, store: GraphStore, places: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    for energies in iter_interaction_energies(model, store, places):
        yield {"energies": energies}


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
