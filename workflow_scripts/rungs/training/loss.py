"""The loss of a batch, property by property."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rungs.config.training import LossWeights, Training
from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.forward import Prediction
from rungs.potentials.properties import PROPERTIES
from rungs.training.distributed import SINGLE_PROCESS, Processes


def label_counts(
    batches: Sequence[GraphBatch], device: torch.device, processes: Processes = SINGLE_PROCESS
) -> dict[str, Tensor]:
    """Return how many labelled numbers each property has in the batches of all processes.

    It is 1 where there are none, so that sums can be divided by it.
    """
    n_atoms = sum(len(batch.atomic_numbers) for batch in batches)
    known = [sum(batch.n_frames for batch in batches), 3 * n_atoms, 0, 0]
    counts = torch.tensor(known, dtype=torch.float32, device=device)
    for batch in batches:
        counts[2] += 9 * batch.stress_mask.sum()
        counts[3] += batch.magmom_mask.sum()
    return dict(zip(PROPERTIES, processes.all_reduce(counts).clamp(min=1).unbind(), strict=True))


def loss_terms(
    prediction: Prediction,
    batch: GraphBatch,
    options: Training,
    counts: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return the unweighted loss of each property with a weight above 0.

    The mean runs over frames for energies (eV/atom), over components for forces (eV/Å) and
    stresses (GPa), and over atoms for magnetic moments (μB); frames without a label for a
    property are left out of its mean, and a batch without any gives 0.

    Args:
        prediction, batch: what is compared.
        options: the kind of loss and the weights.
        counts: what the sums are divided by; those of ``batch`` itself if None. With the counts
            of several batches the terms of all of them add up to those of one large batch.
    """
    weights = options.weights
    counts = counts or label_counts([batch], batch.energy.device)
    terms = {}
    if weights.energy > 0:
        terms["energy"] = _sum(prediction.energy - batch.energy, options) / counts["energy"]
    if weights.force > 0:
        terms["force"] = _sum(prediction.forces - batch.forces, options) / counts["force"]
    if weights.stress > 0:
        error = _where(batch.stress_mask[:, None, None], prediction.stress - batch.stress)
        terms["stress"] = _sum(error, options) / counts["stress"]
    if weights.magmom > 0:
        error = _where(batch.magmom_mask, prediction.magmoms - batch.magmoms.abs())
        terms["magmom"] = _sum(error, options) / counts["magmom"]
    return terms


def total_loss(terms: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Return the weighted sum of ``terms``."""
    return sum(getattr(weights, name) * term for name, term in terms.items())


def _where(labelled: Tensor, error: Tensor) -> Tensor:
    # Choosing rows instead would make the CPU wait for a GPU to count them.
    return torch.where(labelled, error, torch.zeros_like(error))


def _sum(error: Tensor, options: Training) -> Tensor:
    zero = torch.zeros_like(error)
    if options.loss == "MSE":
        return torch.nn.functional.mse_loss(error, zero, reduction="sum")
    return torch.nn.functional.huber_loss(error, zero, reduction="sum", delta=options.huber_delta)
