"""What a study will cost, from a short measurement on the machine at hand."""

import os
import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rungs.config.models import Network
from rungs.config.study import Study
from rungs.config.training import Training
from rungs.files import write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.models import load_initial, potential_of
from rungs.potentials.references import references_of
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_split
from rungs.training.initialization import random_model
from rungs.training.loss import weights_of_labelled
from rungs.training.record import device_name
from rungs.training.schedule import number_of_updates
from rungs.training.step import Step

COLUMNS = (
    "model",
    "stage",
    "size",
    "jobs",
    "updates",
    "seconds_per_update",
    "job_minutes",
    "device_hours",
)
PathLike = str | os.PathLike
_WARM_UP = 2
_SECONDS = 3.0
"""Time given to each measurement; never fewer than three updates, nor more than a training has."""
_BYTES_PER_FLOAT = 4


class Estimate(NamedTuple):
    """Jobs of one kind: all trainings of one size, the recorded first epochs, all evaluations or
    all simulations."""

    model: str | None
    stage: str
    size: int
    jobs: int
    updates: int
    seconds_per_update: float
    job_seconds: float

    def row(self) -> dict:
        """Return the columns of the table."""
        return {
            "model": self.model or "",
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
    graphs: Mapping[str, PathLike],
    split: PathLike,
    elements: PathLike | None = None,
    start_seconds: float,
    output: PathLike,
) -> list[str]:
    """Measure some updates and predictions, and write what all jobs of ``study`` will take.

    Args:
        study: the study.
        graphs: files of its graphs by name, as ``study.graphs_of`` has them; those of the source
            may be missing where no pretraining is done.
        split: its split.
        elements: the table of its elements, for networks that know some alone.
        start_seconds: what a job takes before it computes: starting Python, importing.
        output: the table to write.

    Returns:
        Lines for the terminal.
    """
    device = pick_device()
    found, sizes = [], {}
    for network in study.networks:
        machine = _Machine(study, network, graphs, split, elements, start_seconds, device)
        found += _jobs_of(machine)
        sizes[network.name] = sum(p.numel() for p in machine.model.parameters())
    write_rows(output, COLUMNS, [estimate.row() for estimate in found])
    return _lines(found, sizes, study, list(graphs.values()), device)


class _Machine:
    """What is measured of one network on the machine at hand."""

    def __init__(
        self,
        study: Study,
        network: Network,
        graphs: Mapping[str, PathLike],
        split: PathLike,
        elements: PathLike | None,
        start_seconds: float,
        device: torch.device,
    ) -> None:
        self.study, self.network, self.device = study, network, device
        self.start_seconds = start_seconds
        names = {level: study.graphs_of_network(network, level) for level in ("source", "target")}
        self.stores = {
            level: GraphStore.open(graphs[name]) for level, name in names.items() if name in graphs
        }
        rows = read_split(split)
        self.places = {
            (level, part): store.index(frame_ids(rows, level, part))
            for level, store in self.stores.items()
            for part in ("train", "validation", "test")
        }
        if network.architecture is None:
            model = load_initial(network.pretraining.start)
        else:
            store, training = self.stores["target"], self.places["target", "train"]
            model = random_model(network.architecture, study.seed, elements, store, training)
        self.model = model.to(device)
        target, test = self.stores["target"], self.places["target", "test"]
        self.predicting = _seconds_per_frame(self.model, target, test, device)

    def training(
        self, stage: str, options: Training, level: str, size: int, jobs: int
    ) -> "Estimate":
        """Return what trainings of a kind take."""
        store, frames = self.stores[level], self.places[level, "train"]
        n_updates = number_of_updates(options, size)
        update = _seconds_per_update(
            self.model, store, frames, options, size, n_updates, self.device
        )
        validation = self.predicting * len(self.places[level, "validation"]) * options.validations
        job = self.start_seconds + update * n_updates + validation
        return Estimate(self.network.name, stage, size, jobs, n_updates, update, job)

    def owns(self, method: str) -> bool:
        """Return whether a method's runs have this network."""
        return self.study.network_of(method).name == self.network.name


def _jobs_of(machine: _Machine) -> list[Estimate]:
    """Return what the jobs of one network take."""
    study, network, found = machine.study, machine.network, []
    own = {name: method for name, method in study.methods.items() if machine.owns(name)}
    start, predicting, places = machine.start_seconds, machine.predicting, machine.places
    if network.pretraining.training is not None:
        n_source = len(places["source", "train"])
        sizes = {m.pretraining_size for m in own.values() if m.initial == "pretrained"}
        for size in sorted({size or n_source for size in sizes or {None}}):
            options = network.pretraining.training
            found.append(machine.training("pretrain", options, "source", size, 1))
    for stage, trainings in (("try_recipe", _trials(study, own)), ("fine_tune", _runs(study, own))):
        # Learning rates change no time, so most trainings of a size are measured as one.
        alike: dict[tuple[int, int, int], list[Training]] = {}
        for size, options in trainings:
            key = size, number_of_updates(options, size), options.batch_size
            alike.setdefault(key, []).append(options)
        for (size, *_), options in sorted(alike.items(), key=lambda item: item[0]):
            found.append(machine.training(stage, options[0], "target", size, len(options)))
    transfers = [run for run in study.largest_transfers if run.method in own]
    if transfers:
        size = transfers[0].size
        update = next(e for e in found if (e.stage, e.size) == ("fine_tune", size))
        options = study.training_of(*transfers[0][:2])
        epoch = min(update.updates, -(-size // options.batch_size))
        seconds = start + len(transfers) * epoch * update.seconds_per_update
        found.append(
            Estimate(network.name, "gradients", size, 1, epoch, update.seconds_per_update, seconds)
        )
    own_points = {point: seeds for point, seeds in study.points.items() if point[0] in own}
    if own_points:
        models = sum(map(len, own_points.values())) / len(own_points)
        testing = start + predicting * len(places["target", "test"]) * models
        if study.judged_on_source:
            testing += predicting * len(places["source", "test"]) * models
        found.append(Estimate(network.name, "evaluate", 0, len(own_points), 0, 0.0, testing))
    points = {point: seeds for point, seeds in study.simulated_points.items() if point[0] in own}
    if points:
        chosen = study.simulations
        runs = len(chosen.temperatures) * chosen.starts.number
        models = sum(map(len, points.values())) / len(points)
        # A step is a prediction; starts are about as large as test frames.
        seconds = start + predicting * chosen.steps * runs * models
        found.append(Estimate(network.name, "simulate", 0, len(points), 0, 0.0, seconds))
    return found


def _runs(study: Study, methods: Container[str]) -> Iterator[tuple[int, Training]]:
    """Yield size and options of every fine-tuning; of a tuned one as it is without its recipe."""
    for run in study.runs:
        if run.size and run.method in methods:
            yield run.size, study.training_of(run.method, run.size)


def _trials(study: Study, methods: Container[str]) -> Iterator[tuple[int, Training]]:
    for trial in study.trials:
        if trial.method in methods:
            changes = study.recipes(trial.method)[trial.recipe]
            yield trial.size, changes.of(study.training_of(trial.method, trial.size))


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
    references_of(model).requires_grad_(False)
    weights = weights_of_labelled(options.weights, (store, frames))
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
    potential = potential_of(model)
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
    sizes: Mapping[str | None, int],
    study: Study,
    graphs: list[PathLike],
    device: torch.device,
) -> list[str]:
    """Return the table and what follows from it, for the terminal.

    Args:
        found: all estimates.
        sizes: number of each network's parameters.
        study: the study.
        graphs: files of graphs.
        device: that was measured on.
    """
    wide = max(len(name or "") for name in sizes) + 1 if study.models else 0
    lines = [
        f"{'model' if wide else '':{wide}}{'stage':10} {'frames':>8} {'jobs':>5} {'updates':>8} "
        f"{'a job':>10} {'all':>9}"
    ]
    for estimate in found:
        size = str(estimate.size) if estimate.size else ""
        one, all_of_them = estimate.job_seconds / 60, estimate.jobs * estimate.job_seconds / 3600
        lines.append(
            f"{estimate.model or '':{wide}}{estimate.stage:10} {size:>8} {estimate.jobs:5d} "
            f"{estimate.updates:8d} {one:6.1f} min {all_of_them:7.2f} h"
        )
    total = sum(estimate.jobs * estimate.job_seconds for estimate in found) / 3600
    per_job = "core" if device.type == "cpu" else "GPU"
    if device.type == "cpu" and torch.get_num_threads() > 1:
        per_job = f"{torch.get_num_threads()} cores"
    if study.properties is not None:
        lines.append(f"{len(study.property_points)} jobs that compute properties come on top")
    weights = {name: _BYTES_PER_FLOAT * number for name, number in sizes.items()}
    of_runs = sum(weights[study.network_of(run.method).name] for run in study.runs)
    models = (of_runs + sum(weights.values())) / 1e6
    data = sum(Path(file).stat().st_size for file in graphs) / 1e6
    lines.append(
        f"in all {total:.2f} hours of one {per_job} ({device_name(device)}): divide by how many "
        "jobs run at once"
    )
    trainings = [n.pretraining.training for n in study.networks]
    trainings += [options for _, options in _runs(study, study.methods)]
    if any(options is not None and options.patience for options in trainings):
        lines.append("at most: patience ends a training that gets no better before its budget")
    lines.append(
        f"disk: {models:.0f} MB of models, {data:.0f} MB of graphs and about as much of frames, "
        f"{4 * max(weights.values()) / 1e6:.1f} MB for the checkpoint of each training that runs"
    )
    return lines
