"""Trials of a recipe: one training, judged on validation frames."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungs.config.architectures import AnyArchitecture
from rungs.config.methods import Method
from rungs.config.study import Run
from rungs.config.training import Training
from rungs.config.tuning import TrainingChanges, Trial
from rungs.errors import StudyError
from rungs.files import write_json, write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.models import potential_of
from rungs.potentials.potential import Potential
from rungs.potentials.prediction_errors import evaluate
from rungs.splits.files import read_split
from rungs.training.divergence import DivergedError
from rungs.training.loop import HISTORY_COLUMNS, TrainingResult
from rungs.training.loss import loss_terms, total_loss, weights_of_labelled
from rungs.training.record import CostRecord
from rungs.training.runs import summary
from rungs.training.start import StartingPoint, starting_point
from rungs.training.task import run_training

PathLike = str | os.PathLike
UNIT_COLUMNS = ("unit", "n_frames", "loss")
FEWEST_MATERIALS = 3
"""Of fewer validation materials the frames are judged one by one."""


def try_recipe(
    trial: Trial,
    method: Method,
    options: Training,
    changes: TrainingChanges,
    *,
    initial: str,
    architecture: AnyArchitecture | None,
    inputs: Any,
    study_seed: int,
    checkpoint: PathLike,
    outputs: Any,
) -> str:
    """Train as a run of the study would with a recipe, and write how it does on validation frames.

    The model itself is not kept. A training that diverges is a result: its loss is infinite.

    Args:
        trial: method name, subset size, seed and the recipe's name.
        method, options: what to start from, and how to train without the recipe.
        changes: the recipe.
        initial, architecture, inputs, study_seed, checkpoint: as in
            :func:`rungs.training.runs.fine_tune`.
        outputs: attributes ``history``, ``units`` (the loss of each validation material) and
            ``record`` are paths to write.

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when no validation frame is labelled with what the loss has a weight for.
    """
    device = pick_device()
    cost = CostRecord(device)
    run = Run(trial.method, trial.size, trial.seed)
    options = changes.of(options)
    start = starting_point(run, method, initial, architecture, inputs, study_seed, device)
    if not len(start.validation):
        raise StudyError("tuning: there are no validation frames to judge by")
    task = start.task(run, method, options, inputs, study_seed, Path(checkpoint))
    result, diverged, units, errors = TrainingResult(), None, [], {}
    try:
        result = run_training(task)
    except DivergedError as error:
        diverged = str(error)
    else:
        units = loss_of_units(start, options, inputs.split, device)
        found = evaluate(potential_of(start.model), start.store, start.validation, device)
        errors = {name: error.mae for name, error in found.items()}
    loss = mean_loss(units) if units else math.inf
    write_rows(outputs.history, HISTORY_COLUMNS, result.history)
    write_rows(outputs.units, UNIT_COLUMNS, units)
    write_json(
        outputs.record,
        {
            **trial._asdict(),
            "changes": changes.model_dump(mode="json"),
            "diverged": diverged,
            # JSON has no infinity
            "validation_loss": loss if math.isfinite(loss) else None,
            "validation_mae": errors,
            "budget_updates": result.n_updates,
            "last_update": result.last_update,
            **cost.finish(
                result.updates_done_here, result.frames_seen_here, result.training_seconds
            ),
        },
    )
    Path(checkpoint).unlink(missing_ok=True)
    told = f"diverged: {diverged}" if diverged else summary(result)
    return f"{trial.method}, {trial.size} frames, seed {trial.seed}, {trial.recipe}: {told}"


def loss_of_units(
    start: StartingPoint, options: Training, split: PathLike, device: torch.device
) -> list[dict]:
    """Return the loss on each validation material, or on each frame where materials are few.

    Args:
        start: the trained model and the validation frames.
        options: the loss.
        split: the study's split, which knows the materials.
        device: to predict on.
    """
    store, frames = start.store, start.validation
    weights = weights_of_labelled(options.weights, (store, start.training))
    judged = options.model_copy(update={"weights": weights})
    of = {row.frame_id: row.material_id for row in read_split(split) if row.level == "target"}
    names = np.array([of[store.frame_ids[i]] for i in frames])
    if len(set(names)) < FEWEST_MATERIALS:
        names = np.array([store.frame_ids[i] for i in frames])
    potential = potential_of(start.model.to(device), compiled=options.compiled)
    units = []
    with potential.cores():
        for name in dict.fromkeys(names.tolist()):
            own = frames[names == name]
            loss = sum(
                len(part) * _loss(potential, store, part, judged, device)
                for part in store.chunks(own)
            )
            units.append({"unit": name, "n_frames": len(own), "loss": loss / len(own)})
    return units


def mean_loss(units: list[dict]) -> float:
    """Return the mean over all frames."""
    return sum(u["loss"] * u["n_frames"] for u in units) / sum(u["n_frames"] for u in units)


def _loss(
    potential: Potential,
    store: GraphStore,
    frames: np.ndarray,
    options: Training,
    device: torch.device,
) -> float:
    batch = store.batch(frames, device)
    terms = loss_terms(potential(batch, create_graph=False), batch, options)
    return total_loss(terms, options.weights).item()
