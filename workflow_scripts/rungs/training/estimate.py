"""What a study will cost, from a short measurement on the machine at hand."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rungs.config.study import Study
from rungs.config.training import Training
from rungs.files import write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.chgnet.initial import load_initial
from rungs.potentials.chgnet.published import new_model
from rungs.potentials.device import pick_device
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_split
from rungs.training.loss import weights_of_labelled
from rungs.training.record import device_name
from rungs.training.schedule import number_of_updates
from rungs.training.step import Step

COLUMNS = ("stage", "size", "jobs", "updates", "seconds_per_update", "job_minutes", "device_hours")
_WARM_UP = 2
_SECONDS = 3.0
"""Time given to each measurement; never fewer than three updates, nor more than a training has."""
_BYTES_PER_FLOAT = 4


class Estimate(NamedTuple):
    """Jobs of one kind: all trainings of one size, the recorded first epochs, all evaluations or
    all simulations."""

    stage: str
    size: int
    jobs: int
    updates: int
    seconds_per_update: float
    job_seconds: float

    def row(self) -> dict:
        """Return the columns of the table."""
        return {
            "stage": self.stage,
            "size": self.size,
            "jobs": self.jobs,
            "updates": self.updates,
            "seconds_per_update": round(self.seconds_per_update, 4),
            "job_minutes": round(self.job_seconds / 60, 2),
            "device_hours": round(self.jobs * self.job_seconds / 3600, 3),
        }


def estimate_study(
    study: Study,
    *,
    source_graphs: str | os.PathLike | None,
    target_graphs: str | os.PathLike,
    split: str | os.PathLike,
    start_seconds: float,
    output: str | os.PathLike,
) -> list[str]:
    """Measure some updates and predictions, and write what all jobs of ``study`` will take.

    Args:
        study: the study.
        source_graphs, target_graphs, split: its graphs and its split; the source has no graphs
            where no pretraining is done.
        start_seconds: what a job takes before it computes: starting Python, importing.
        output: the table to write.

    Returns:
        Lines for the terminal.
    """
    device = pick_device()
    graphs = {"source": source_graphs, "target": target_graphs}
    graphs = {level: path for level, path in graphs.items() if path is not None}
    stores = {level: GraphStore.open(path) for level, path in graphs.items()}
    rows = read_split(split)
    places = {
        (level, part): store.index(frame_ids(rows, level, part))
        for level, store in stores.items()
        for part in ("train", "validation", "test")
    }
    model = _model(study).to(device)
    target, found = stores["target"], []
    predicting = _seconds_per_frame(model, target, places["target", "test"], device)

    def training(stage: str, options: Training, level: str, size: int, jobs: int) -> Estimate:
        store, frames = stores[level], places[level, "train"]
        n_updates = number_of_updates(options, size)
        update = _seconds_per_update(model, store, frames, options, size, n_updates, device)
        validation = predicting * len(places[level, "validation"]) * options.validations
        job = start_seconds + update * n_updates + validation
        return Estimate(stage, size, jobs, n_updates, update, job)

    if study.pretraining.training is not None:
        n_source = len(places["source", "train"])
        sizes = {m.pretraining_size for m in study.methods.values() if m.initial == "pretrained"}
        for size in sorted({size or n_source for size in sizes or {None}}):
            found.append(training("pretrain", study.pretraining.training, "source", size, 1))
    for stage, trainings in (("try_recipe", _trials(study)), ("fine_tune", _runs(study))):
        # Learning rates change no time, so most trainings of a size are measured as one.
        alike: dict[tuple[int, int, int], list[Training]] = {}
        for size, options in trainings:
            key = size, number_of_updates(options, size), options.batch_size
            alike.setdefault(key, []).append(options)
        for (size, *_), options in sorted(alike.items(), key=lambda item: item[0]):
            found.append(training(stage, options[0], "target", size, len(options)))
    transfers = study.largest_transfers
    if transfers:
        size = transfers[0].size
        update = next(e for e in found if (e.stage, e.size) == ("fine_tune", size))
        options = study.training_of(*transfers[0][:2])
        epoch = min(update.updates, -(-size // options.batch_size))
        seconds = start_seconds + len(transfers) * epoch * update.seconds_per_update
        found.append(Estimate("gradients", size, 1, epoch, update.seconds_per_update, seconds))
    models = len(study.runs) / len(study.points)
    testing = start_seconds + predicting * len(places["target", "test"]) * models
    if study.judged_on_source:
        testing += predicting * len(places["source", "test"]) * models
    found.append(Estimate("evaluate", 0, len(study.points), 0, 0.0, testing))
    if points := study.simulated_points:
        chosen = study.simulations
        runs = len(chosen.temperatures) * chosen.starts.number
        models = sum(map(len, points.values())) / len(points)
        # A step is a prediction; starts are about as large as test frames.
        seconds = start_seconds + predicting * chosen.steps * runs * models
        found.append(Estimate("simulate", 0, len(points), 0, 0.0, seconds))
    write_rows(output, COLUMNS, [estimate.row() for estimate in found])
    return _lines(found, model, study, list(graphs.values()), device)


def _runs(study: Study) -> Iterator[tuple[int, Training]]:
    """Yield size and options of every fine-tuning; of a tuned one as it is without its recipe."""
    for run in study.runs:
        if run.size:
            yield run.size, study.training_of(run.method, run.size)


def _trials(study: Study) -> Iterator[tuple[int, Training]]:
    for trial in study.trials:
        changes = study.recipes(trial.method)[trial.recipe]
        yield trial.size, changes.of(study.training_of(trial.method, trial.size))


def _model(study: Study) -> torch.nn.Module:
    if study.architecture is not None:
        return new_model(study.architecture, study.seed)
    return load_initial(study.pretraining.initial)


def _seconds_per_update(
    model: torch.nn.Module,
    store: GraphStore,
    frames: np.ndarray,
    options: Training,
    size: int,
    n_updates: int,
    device: torch.device,
) -> float:
    """Return the mean time of an update on batches as a subset of ``size`` frames has them."""
    random = np.random.default_rng(derive_seed(0, "estimate"))
    n = min(size, options.batch_size, len(frames))
    model.composition_model.requires_grad_(False)
    weights = weights_of_labelled(options.weights, store, frames)
    step = Step(model, store, options.model_copy(update={"weights": weights}), device)
    seconds: list[float] = []
    least, most = _WARM_UP + 3, _WARM_UP + max(3, n_updates)
    while len(seconds) < least or (len(seconds) < most and sum(seconds[_WARM_UP:]) < _SECONDS):
        begin = time.perf_counter()
        gradient, terms = step.gradient(random.choice(frames, n, replace=False))
        # a rate of 0: the weights stay what they are
        step.apply(gradient, terms["gradient_norm"], 0, 0.0)
        seconds.append(time.perf_counter() - begin)
    return float(np.mean(seconds[_WARM_UP:]))


def _seconds_per_frame(
    model: torch.nn.Module, store: GraphStore, frames: np.ndarray, device: torch.device
) -> float:
    """Return the mean time of predicting one frame."""
    potential = BatchedCHGNet(model)
    chosen, seen, spent = frames[:64], 0, 0.0
    potential(store.batch(chosen[:1], device), create_graph=False)
    for part in store.chunks(chosen):
        begin = time.perf_counter()
        potential(store.batch(part, device), create_graph=False).energy.sum().item()
        spent += time.perf_counter() - begin
        seen += len(part)
    return spent / max(1, seen)


def _lines(
    found: list[Estimate],
    model: torch.nn.Module,
    study: Study,
    graphs: list[str | os.PathLike],
    device: torch.device,
) -> list[str]:
    lines = [f"{'stage':10} {'frames':>8} {'jobs':>5} {'updates':>8} {'a job':>10} {'all':>9}"]
    for estimate in found:
        size = str(estimate.size) if estimate.size else ""
        one, all_of_them = estimate.job_seconds / 60, estimate.jobs * estimate.job_seconds / 3600
        lines.append(
            f"{estimate.stage:10} {size:>8} {estimate.jobs:5d} {estimate.updates:8d} "
            f"{one:6.1f} min {all_of_them:7.2f} h"
        )
    total = sum(estimate.jobs * estimate.job_seconds for estimate in found) / 3600
    per_job = "core" if device.type == "cpu" else "GPU"
    if device.type == "cpu" and torch.get_num_threads() > 1:
        per_job = f"{torch.get_num_threads()} cores"
    if study.properties is not None:
        lines.append(f"{len(study.property_points)} jobs that compute properties come on top")
    weights = _BYTES_PER_FLOAT * sum(p.numel() for p in model.parameters())
    models = weights * (len(study.runs) + 1) / 1e6
    data = sum(Path(file).stat().st_size for file in graphs) / 1e6
    lines.append(
        f"in all {total:.2f} hours of one {per_job} ({device_name(device)}): divide by how many "
        "jobs run at once"
    )
    trainings = [study.pretraining.training, *(options for _, options in _runs(study))]
    if any(options is not None and options.patience for options in trainings):
        lines.append("at most: patience ends a training that gets no better before its budget")
    lines.append(
        f"disk: {models:.0f} MB of models, {data:.0f} MB of graphs and about as much of frames, "
        f"{4 * weights / 1e6:.1f} MB for the checkpoint of each training that runs"
    )
    return lines
