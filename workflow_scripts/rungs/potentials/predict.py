"""Predictions frame by frame, made in batches of bounded size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rungs.frames.frame import VOIGT
from rungs.graphs.build import FrameGraph
from rungs.graphs.store import GraphStore
from rungs.potentials.models import potential_of


@dataclass(frozen=True, slots=True, eq=False)
class FramePrediction:
    """Predictions for one frame of n atoms, in float64."""

    index: int
    """Place of the frame among the graphs."""
    energy_per_atom: float
    """In eV/atom."""
    forces: np.ndarray
    """(n, 3) in eV/Å."""
    stress: np.ndarray
    """(6,) xx, yy, zz, yz, xz, xy in GPa, positive under tension."""
    magmoms: np.ndarray | None
    """(n,) absolute magnetic moments in μB; None where the network has none."""


def predict(
    model: nn.Module,
    graphs: GraphStore | Sequence[FrameGraph],
    indices: Sequence[int] | np.ndarray | None = None,
    max_rows: int = 60_000,
) -> Iterator[FramePrediction]:
    """Yield the predictions for ``indices`` (or all graphs), in that order.

    Args:
        model: the network; predictions run on its device and in its dtype.
        graphs: a store, or graphs built with the cutoffs of the model.
        indices: places of the frames to predict.
        max_rows: directed bonds plus angles plus atoms in a batch, which bounds its memory
            (very roughly 30 kB for each with 64 features, in float32).

    Raises:
        StudyError: when the model is not supported, or the store was built with other cutoffs.
    """
    potential = potential_of(model)
    if not isinstance(graphs, GraphStore):
        graphs = GraphStore.from_graphs(graphs, *potential.cutoffs)
    parameter = next(model.parameters())
    rows, columns = zip(*VOIGT, strict=True)
    for chosen in graphs.chunks(indices, max_rows):
        with potential.cores():  # a caller may do anything between two frames
            batch = graphs.batch(chosen, parameter.device, parameter.dtype)
            prediction = potential(batch, create_graph=False)
        found = (prediction.energy, prediction.forces, prediction.stress, prediction.magmoms)
        energy, forces, stress, magmoms = (
            None if value is None else value.to("cpu", torch.float64).numpy() for value in found
        )
        ends = np.cumsum(graphs.n_atoms[chosen])[:-1]
        moments = [None] * len(chosen) if magmoms is None else np.split(magmoms, ends)
        for i, (index, f, m) in enumerate(
            zip(chosen, np.split(forces, ends), moments, strict=True)
        ):
            yield FramePrediction(int(index), float(energy[i]), f, stress[i][rows, columns], m)


def interaction_energies(
    model: nn.Module,
    graphs: GraphStore,
    indices: Sequence[int] | np.ndarray,
    max_rows: int = 60_000,
) -> np.ndarray:
    """Return (n,) energies per atom in eV/atom without the model's own reference energies.

    Args:
        model, graphs, indices, max_rows: as in :func:`predict`.

    Raises:
        StudyError: when the model is not supported, or the store was built with other cutoffs.
    """
    return np.concatenate(
        [np.zeros(0), *iter_interaction_energies(model, graphs, indices, max_rows)]
    )


def iter_interaction_energies(
    model: nn.Module,
    graphs: GraphStore,
    indices: Sequence[int] | np.ndarray,
    max_rows: int = 60_000,
) -> Iterator[np.ndarray]:
    """Yield what :func:`interaction_energies` returns batch by batch."""
    potential = potential_of(model)
    parameter = next(model.parameters())
    nothing_else = {"forces": False, "stress": False, "magmoms": False, "reference": False}
    for chosen in graphs.chunks(indices, max_rows):
        with potential.cores():
            batch = graphs.batch(chosen, parameter.device, parameter.dtype)
            prediction = potential(batch, **nothing_else, create_graph=False)
        yield prediction.energy.to("cpu", torch.float64).numpy()
