"""The two kinds of training in a study: pretraining, and one run of fine-tuning."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungs.config.architectures import AnyArchitecture
from rungs.config.methods import Method
from rungs.config.study import Run
from rungs.config.training import Pretraining, Training
from rungs.files import write_json, write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import AT_SOURCE, save_model
from rungs.potentials.models import load_initial
from rungs.potentials.properties import PROPERTIES, mae_words
from rungs.potentials.references import get_reference, references_of, set_reference
from rungs.potentials.registry import architecture_of
from rungs.references.fit import ReferenceEnergies, read_reference, write_reference
from rungs.seeds import derive_seed
from rungs.splits.companions import check_source_frames
from rungs.splits.files import frame_ids, read_split
from rungs.splits.subsets import source_order, take
from rungs.training.initialization import random_model, refuse_lacking
from rungs.training.loop import HISTORY_COLUMNS, VALIDATION_COLUMNS, TrainingResult
from rungs.training.record import CostRecord
from rungs.training.start import starting_point
from rungs.training.task import TrainingTask, fingerprint, run_training

PathLike = str | os.PathLike


def pretrain(
    options: Pretraining,
    architecture: AnyArchitecture | None,
    *,
    graphs: PathLike | None,
    split: PathLike,
    reference: PathLike,
    elements: PathLike | None = None,
    size: int | None = None,
    study_seed: int,
    checkpoint: PathLike,
    outputs: Any,
    events: PathLike | None = None,
) -> str:
    """Pretrain on the source's training frames and write model, history and record.

    Args:
        options: where to start and how to train.
        architecture: of a random start, else None.
        graphs, split, reference: the source's graphs, the split and the source's references;
            graphs are None where the model is taken as it is.
        elements: the table of the study's elements, for networks that know some alone.
        size: how many of the frames, a random subset; None takes all.
        study_seed: the study's seed. Weights at the start, and which frames come first, depend on
            it alone, so that pretrainings of different size differ in their size.
        checkpoint: path of the checkpoint, which is no output.
        outputs: attributes ``model``, ``history`` and ``record`` are paths to write.
        events: folder for TensorBoard, which is no output; None writes no events.

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when there are fewer than ``size`` frames.
    """
    device = pick_device()
    cost = CostRecord(device)
    rows = read_split(split)
    names = frame_ids(rows, "source", "train")
    if size is not None:
        names = _source_subset(names, size, study_seed)
    if options.training is not None:
        store = GraphStore.open(graphs)
        training = store.index(names)
    if options.initial == "random":
        weights = derive_seed(study_seed, "pretraining weights")
        model = random_model(architecture, weights, elements, store, training)
        set_reference(model, read_reference(reference).energies)
    else:
        # A published network was trained on top of its own references; they stay.
        model = load_initial(options.start)
        if elements is not None:
            refuse_lacking(model, elements, f"pretraining.initial: {options.initial}")
    result = TrainingResult()
    if options.training is not None:
        validation = store.index(frame_ids(rows, "source", "validation"))
        result = run_training(
            TrainingTask(
                model,
                graphs,
                training,
                validation,
                options.training,
                seed=derive_seed(study_seed, "pretraining"),
                checkpoint=Path(checkpoint),
                fingerprint=fingerprint(model, store, training, options.training, study_seed),
                label="pretrain" if size is None else f"pretrain n={size}",
                events=events and Path(events),
            )
        )
    processes = options.training.processes if options.training else 1
    about = {"initial": options.initial, "n_frames": len(names), "processes": processes}
    _write_run(model, result, cost, outputs, about)
    Path(checkpoint).unlink(missing_ok=True)
    return f"pretrain: {summary(result)}"


def fine_tune(
    run: Run,
    method: Method,
    options: Training,
    *,
    initial: str,
    architecture: AnyArchitecture | None,
    inputs: Any,
    study_seed: int,
    checkpoint: PathLike,
    outputs: Any,
    events: PathLike | None = None,
    recipe: str | None = None,
) -> str:
    """Do one run of the study and write model, history, references and record.

    Args:
        run: method name, subset size and seed. Size 0 does no update: it is the pretrained model
            with the method's references.
        method: what to start from and what to train.
        options: how to train.
        initial: the study's pretraining start, whose architecture a random start takes where
            ``architecture`` is None.
        architecture: of random weights, else None.
        inputs: attributes ``graphs``, ``split``, ``subset``, ``source_reference``,
            ``target_reference`` and ``pretrained`` (absent for a random start) are paths, and
            ``source_atoms`` and ``target_atoms`` where the references are of isolated atoms;
            ``interactions`` may be a file of the pretrained network's interaction energies.
        study_seed: the study's seed.
        checkpoint: path of the checkpoint, which is no output.
        outputs: attributes ``model``, ``history``, ``reference`` and ``record`` are paths.
        events: folder for TensorBoard, which is no output; None writes no events.
        recipe: what ``options`` have from a search, in words; kept in the record.

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when the subset is smaller than asked for.
    """
    device = pick_device()
    cost = CostRecord(device)
    start = starting_point(run, method, initial, architecture, inputs, study_seed, device)
    result = TrainingResult()
    if run.size:
        task = start.task(
            run, method, options, inputs, study_seed, Path(checkpoint), events and Path(events)
        )
        result = run_training(task)
    store, model = start.store, start.result
    counts = np.count_nonzero(store.compositions(start.training), axis=0)
    write_reference(outputs.reference, ReferenceEnergies(get_reference(model), counts))
    labelled = {name: int(there.sum()) for name, there in store.labelled(start.training).items()}
    about = run._asdict() | {"labelled": labelled, "processes": options.processes}
    about |= {"recipe": recipe} if recipe else {}
    _write_run(model, result, cost, outputs, about)
    Path(checkpoint).unlink(missing_ok=True)
    frames = f"{run.size} frames{_lacking(labelled, run.size, options)}"
    return f"{run.method}, {frames}, seed {run.seed}: {summary(result)}"


def _source_subset(names: Sequence[str], size: int, study_seed: int) -> list[str]:
    check_source_frames("methods: a pretraining_size", size, len(names))
    return take(source_order(names, study_seed), size)


def _write_run(
    model: torch.nn.Module, result: TrainingResult, cost: CostRecord, outputs: Any, about: dict
) -> None:
    write_rows(outputs.history, HISTORY_COLUMNS, result.history)
    references = {id(p) for p in references_of(model).parameters()}
    record = {
        **about,
        "architecture": architecture_of(model).name,
        "parameters": sum(p.numel() for p in model.parameters() if id(p) not in references),
        "budget_updates": result.n_updates,
        "last_update": result.last_update,
        "chosen_update": result.chosen_update,
        **cost.finish(result.updates_done_here, result.frames_seen_here, result.training_seconds),
        "goes": result.goes,
    }
    write_json(outputs.record, record)
    told_apart = result.source_weights is not None
    save_model(model, outputs.model, {AT_SOURCE: result.source_weights} if told_apart else None)


def _updates(result: TrainingResult) -> str:
    if result.last_update == result.n_updates:
        return f"{result.n_updates} updates"
    return f"{result.last_update} of {result.n_updates} updates, then nothing better came"


def _lacking(labelled: dict[str, int], size: int, options: Training) -> str:
    """Which labels with a weight in the loss the frames lack, in words and in brackets."""
    lacking = [
        f"{name} on {count}" if count else f"no {name}"
        for name, count in labelled.items()
        if count < size and getattr(options.weights, name) > 0
    ]
    return f" ({', '.join(lacking)})" if lacking else ""


def summary(result: TrainingResult) -> str:
    """Return how a training went, in words."""
    if not result.history:
        return "no updates"
    chosen = next(row for row in result.history if row["update"] == result.chosen_update)
    seconds = result.training_seconds
    line = f"{_updates(result)}, {result.frames_seen_here / max(seconds, 1e-9):.0f} frames/s"
    if "validation_loss" not in chosen:
        return f"{line}; final weights taken, as there are no labelled validation frames"
    columns = zip(PROPERTIES, VALIDATION_COLUMNS, strict=True)
    errors = {name: chosen[column] for name, column in columns if column in chosen}
    return f"{line}; best at update {result.chosen_update}: validation {mae_words(errors)}"
