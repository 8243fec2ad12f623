"""The loss of a batch, property by property."""

import torch
from torch import Tensor

from rungs.config.training import LossWeights, Training
from rungs.graphs.batch import GraphBatch
from rungs.potential.forward import Prediction


def loss_terms(prediction: Prediction, batch: GraphBatch, options: Training) -> dict[str, Tensor]:
    """Return the unweighted loss of each property with a weight above 0.

    The mean runs over frames for energies (eV/atom), over components for forces (eV/Å) and
    stresses (GPa), and over atoms for magnetic moments (μB); frames without a label for a
    property are left out of its mean, and a batch without any gives 0.
    """
    weights = options.weights
    terms = {}
    if weights.energy > 0:
        terms["energy"] = _mean(prediction.energy - batch.energy, options)
    if weights.force > 0:
        terms["force"] = _mean(prediction.forces - batch.forces, options)
    if weights.stress > 0:
        error = (prediction.stress - batch.stress)[batch.stress_mask]
        terms["stress"] = _mean(error, options)
    if weights.magmom > 0:
        error = (prediction.magmoms - batch.magmoms.abs())[batch.magmom_mask]
        terms["magmom"] = _mean(error, options)
    return terms


def total_loss(terms: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Return the weighted sum of ``terms``."""
    return sum(getattr(weights, name) * term for name, term in terms.items())


def _mean(error: Tensor, options: Training) -> Tensor:
    if error.numel() == 0:
        return error.sum()  # 0, and still part of the graph
    zero = torch.zeros_like(error)
    if options.loss == "MSE":
        return torch.nn.functional.mse_loss(error, zero)
    return torch.nn.functional.huber_loss(error, zero, delta=options.huber_delta)
