"""The loss of a batch, property by property."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rungs.config.training import LossWeights, Training
from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.graphs.store import GraphStore
from rungs.potentials.potential import Prediction
from rungs.potentials.properties import PROPERTIES
from rungs.training.distributed import SINGLE_PROCESS, Processes


def weights_of_labelled(
    weights: LossWeights,
    *training: tuple[GraphStore, np.ndarray],
) -> LossWeights:
    """Return ``weights`` with 0 for what no frame is labelled with: it need not even be predicted.

    Args:
        weights: as configured.
        training: stores, each with places of frames to train on; the first has the training's own.

    Raises:
        StudyError: when its own frames leave nothing to learn from.
    """
    labelled = [store.labelled(frames) for store, frames in training]
    if len(training) > 1:
        weights_of_labelled(weights, training[0])
    found = {name: any(bool(there[name].any()) for there in labelled) for name in PROPERTIES}
    kept = {name: getattr(weights, name) if found[name] else 0.0 for name in PROPERTIES}
    if not any(kept.values()):
        labels = ", ".join(name for name in PROPERTIES if found[name]) or "nothing"
        raise StudyError(
            f"none of the {len(training[0][1])} training frames is labelled with what the section "
            f"`weights` of the training gives a weight to; they are labelled with {labels}, so "
            "raise that weight above 0"
        )
    return LossWeights(**kept)


def label_counts(
    batches: Sequence[GraphBatch], device: torch.device, processes: Processes = SINGLE_PROCESS
) -> dict[str, Tensor]:
    """Return how many labelled numbers each property has in the batches of all processes."""
    counts = torch.zeros(len(PROPERTIES), dtype=torch.float32, device=device)
    for batch in batches:
        counts[0] += batch.energy_mask.sum()
        counts[1] += 3 * batch.force_mask.sum()
        counts[2] += 9 * batch.stress_mask.sum()
        counts[3] += batch.magmom_mask.sum()
    return dict(zip(PROPERTIES, processes.all_reduce(counts).unbind(), strict=True))


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
    counts = counts or label_counts([batch], batch.energy.device)
    # a sum over no labels is 0, and is divided by 1
    return {
        name: _sum(error, options) / counts[name].clamp(min=1)
        for name, error in _errors(prediction, batch, options.weights).items()
    }


def loss_terms_of_two(
    prediction: Prediction, batch: GraphBatch, options: Training, n_frames: int, n_atoms: int
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Return the terms of :func:`loss_terms` for the first frames of a batch and for the others,
    each divided by its own counts, and the counts of the first.

    Args:
        prediction, batch, options: as there.
        n_frames, n_atoms: how many the first are.
    """
    masks = {
        "energy": (batch.energy_mask, 1, n_frames),
        "force": (batch.force_mask, 3, n_atoms),
        "stress": (batch.stress_mask, 9, n_frames),
        "magmom": (batch.magmom_mask, 1, n_atoms),
    }
    counts = {
        name: [factor * part.sum().float() for part in (mask[:first], mask[first:])]
        for name, (mask, factor, first) in masks.items()
    }
    own, other = {}, {}
    for name, error in _errors(prediction, batch, options.weights).items():
        first = masks[name][-1]
        own[name] = _sum(error[:first], options) / counts[name][0].clamp(min=1)
        other[name] = _sum(error[first:], options) / counts[name][1].clamp(min=1)
    return own, other, {name: of_first for name, (of_first, _) in counts.items()}


def _errors(prediction: Prediction, batch: GraphBatch, weights: LossWeights) -> dict[str, Tensor]:
    """Return predictions less labels for each property with a weight, 0 without a label."""
    errors = {}
    if weights.energy > 0:
        errors["energy"] = _where(batch.energy_mask, batch.energy_errors(prediction.energy))
    if weights.force > 0:
        errors["force"] = _where(batch.force_mask[:, None], prediction.forces - batch.forces)
    if weights.stress > 0:
        difference = prediction.stress - batch.stress
        errors["stress"] = _where(batch.stress_mask[:, None, None], difference)
    if weights.magmom > 0 and prediction.magmoms is None:
        if batch.magmom_mask.any():
            raise StudyError(
                "the loss has a weight for magnetic moments, which the network does not predict; "
                "set weights.magmom to 0"
            )
        errors["magmom"] = torch.zeros_like(batch.magmoms)
    elif weights.magmom > 0:
        errors["magmom"] = _where(batch.magmom_mask, prediction.magmoms - batch.magmoms.abs())
    return errors


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
