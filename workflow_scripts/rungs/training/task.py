"""One training, described so that several processes can take part in it."""

import copy
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungs.config.training import Training
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.training.changes import Changes
from rungs.training.companion import CompanionFrames
from rungs.training.distributed import Processes, run_distributed
from rungs.training.labels import FrameLabels
from rungs.training.loop import Trainer, TrainingData, TrainingResult


@dataclass(frozen=True)
class TrainingTask:
    """What to train, on what and how; see :class:`rungs.training.loop.Trainer`."""

    model: torch.nn.Module
    graphs: str | os.PathLike
    """The file that the frames are in."""
    training: np.ndarray
    """Places of the training frames in it."""
    validation: np.ndarray
    options: Training
    seed: int
    checkpoint: Path
    fingerprint: Mapping
    label: str
    train_reference: bool = False
    labels: FrameLabels | None = None
    """Of these frames in place of the file's; None keeps those."""
    companion: CompanionFrames | None = None
    """Frames of the source that take part."""
    changes: Changes | None = None
    """What of the network may change; None lets all of it."""
    events: Path | None = None
    """Folder for TensorBoard; None writes no events."""


def run_training(task: TrainingTask) -> TrainingResult:
    """Train the model of ``task`` in place, by as many processes as its options ask for."""
    result, weights = run_distributed(task.options.processes, partial(take_part, task))
    if weights is not None:
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        task.model.load_state_dict(tensors)
        if result.source_weights is not None:
            found = result.source_weights.items()
            result.source_weights = {name: torch.from_numpy(array) for name, array in found}
    return result


def take_part(task: TrainingTask, processes: Processes) -> tuple[TrainingResult, dict | None]:
    """Do this process's part of the training; return its result, and its weights for others."""
    # What comes from another process may share its memory with it.
    model = task.model if processes.size == 1 else copy.deepcopy(task.model)
    store = GraphStore.open(task.graphs)
    if task.labels is not None:
        store = task.labels.put_into(store)
    trainer = Trainer(
        model,
        TrainingData(store, task.training, store, task.validation, task.companion),
        task.options,
        seed=task.seed,
        device=pick_device(),
        train_reference=task.train_reference,
        processes=processes,
        changes=task.changes,
    )
    result = trainer.train(task.checkpoint, task.fingerprint, task.label, task.events)
    if processes.size == 1:
        return result, None
    if result.source_weights is not None:
        found = result.source_weights.items()
        result.source_weights = {name: tensor.numpy() for name, tensor in found}
    # as arrays: tensors would be handed over as memory that ends with this process
    return result, {name: tensor.cpu().numpy() for name, tensor in model.state_dict().items()}


def fingerprint(
    model: torch.nn.Module,
    store: GraphStore,
    training: np.ndarray,
    options: Training,
    study_seed: int,
) -> dict:
    """Return plain values that differ whenever a checkpoint must not be gone on from."""
    start = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        start.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    frames = hashlib.sha256("\n".join(store.frame_ids[i] for i in training).encode())
    frames.update(np.ascontiguousarray(store.energies_per_atom[training]).tobytes())
    return {
        "starting weights": start.hexdigest()[:16],
        "training frames": frames.hexdigest()[:16],
        "study seed": study_seed,
        **{
            f"training.{key}": value
            # how the work is divided changes no update
            for key, value in _flat(
                options.model_dump(mode="json", exclude={"accumulation_steps", "processes"})
            )
        },
    }


def _flat(values: dict, prefix: str = "") -> list[tuple[str, Any]]:
    flat = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return flat
