"""One training, described so that several processes can take part in it."""

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from rungs.config.training import Training
from rungs.graphs.store import GraphStore
from rungs.potential.device import pick_device
from rungs.training.loop import Trainer, TrainingData, TrainingResult
from rungs.training.team import Team, team_of


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


def run_training(task: TrainingTask) -> TrainingResult:
    """Train the model of ``task`` in place, by as many processes as its options ask for."""
    work = partial(take_part, task)
    with team_of(task.options.processes, work) as team:
        return work(team)


def take_part(task: TrainingTask, team: Team) -> TrainingResult:
    """Do this process's part of the training."""
    # What comes from another process may share its memory with it.
    model = task.model if team.leads else copy.deepcopy(task.model)
    store = GraphStore.open(task.graphs)
    trainer = Trainer(
        model,
        TrainingData(store, task.training, store, task.validation),
        task.options,
        seed=task.seed,
        device=pick_device(),
        train_reference=task.train_reference,
        team=team,
    )
    return trainer.train(task.checkpoint, task.fingerprint, task.label)
