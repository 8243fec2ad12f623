"""Errors of a model on labelled frames: MAE and RMSE of each property."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from rungs.potentials.properties import PropertyError

if TYPE_CHECKING:
    from rungs.graphs.batch import GraphBatch
    from rungs.graphs.store import GraphStore
    from rungs.potentials.potential import Potential, Prediction

_SCALES = {"energy": 1000.0, "force": 1000.0, "stress": 1.0, "magmom": 1.0}


class ErrorSums:
    """Adds up errors over batches; properties without labels do not appear in the result."""

    def __init__(self) -> None:
        self._absolute: dict[str, float] = {}
        self._squared: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def add(self, prediction: "Prediction", batch: "GraphBatch") -> None:
        """Add the errors of one batch, summed in float64."""
        self._add("energy", batch.energy_errors(prediction.energy)[batch.energy_mask])
        self._add("force", (prediction.forces - batch.forces)[batch.force_mask])
        if prediction.stress is not None:
            self._add("stress", (prediction.stress - batch.stress)[batch.stress_mask])
        if prediction.magmoms is not None:
            # CHGNet predicts the size of a moment, without its sign.
            error = prediction.magmoms - batch.magmoms.abs()
            self._add("magmom", error[batch.magmom_mask])

    def _add(self, name: str, error: torch.Tensor) -> None:
        error = error.detach().double() * _SCALES[name]
        if not error.numel():
            return
        self._absolute[name] = self._absolute.get(name, 0.0) + error.abs().sum().item()
        self._squared[name] = self._squared.get(name, 0.0) + error.square().sum().item()
        self._count[name] = self._count.get(name, 0) + error.numel()

    def errors(self) -> dict[str, PropertyError]:
        """Return the errors of every property that had labels."""
        return {
            name: PropertyError(self._absolute[name] / n, math.sqrt(self._squared[name] / n), n)
            for name, n in self._count.items()
        }


def evaluate(
    potential: "Potential", store: "GraphStore", indices: np.ndarray, device: torch.device
) -> dict[str, PropertyError]:
    """Return the errors of ``potential`` on the frames ``indices`` of ``store``."""
    sums = ErrorSums()
    with potential.cores():
        for chosen in store.chunks(indices):
            batch = store.batch(chosen, device)
            sums.add(potential(batch, create_graph=False), batch)
    return sums.errors()
