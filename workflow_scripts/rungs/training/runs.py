"""The two kinds of training in a study: pretraining, and one run of fine-tuning."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungs.config.methods import RULES_OF_RESIDUALS, Method
from rungs.config.study import Run
from rungs.config.training import Architecture, Pretraining, Training
from rungs.errors import StudyError
from rungs.files import write_json, write_rows
from rungs.frames.isolated_atoms import read_isolated_energies
from rungs.graphs.store import GraphStore
from rungs.potentials.chgnet.initial import load_initial
from rungs.potentials.chgnet.published import load_model, new_model, save_model
from rungs.potentials.chgnet.references import get_reference, set_reference
from rungs.potentials.device import pick_device
from rungs.potentials.properties import PROPERTIES, mae_words
from rungs.references.fit import ReferenceEnergies, read_reference, write_reference
from rungs.references.isolated import isolated_reference, symbols_of
from rungs.references.rules import reference_by_rule
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_order, read_split
from rungs.splits.split import SplitRow
from rungs.splits.subsets import draw_order, take
from rungs.training.initialization import copy_embedding, redraw
from rungs.training.interactions import known_or_predicted
from rungs.training.layers import freeze
from rungs.training.loop import HISTORY_COLUMNS, VALIDATION_COLUMNS, TrainingResult
from rungs.training.record import CostRecord
from rungs.training.task import TrainingTask, run_training

PathLike = str | os.PathLike


def pretrain(
    options: Pretraining,
    architecture: Architecture | None,
    *,
    graphs: PathLike | None,
    split: PathLike,
    reference: PathLike,
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
    if options.initial == "random":
        model = new_model(architecture, derive_seed(study_seed, "pretraining weights"))
        set_reference(model, read_reference(reference).energies)
    else:
        # A published network was trained on top of its own references; they stay.
        model = load_initial(options.initial)
    rows = read_split(split)
    names = frame_ids(rows, "source", "train")
    if size is not None:
        names = _source_subset(names, size, study_seed)
    result = TrainingResult()
    if options.training is not None:
        store = GraphStore.open(graphs)
        training = store.index(names)
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
                fingerprint=_fingerprint(model, store, training, options.training, study_seed),
                label="pretrain" if size is None else f"pretrain n={size}",
                events=events and Path(events),
            )
        )
    _write_run(model, result, cost, outputs, {"initial": options.initial, "n_frames": len(names)})
    Path(checkpoint).unlink(missing_ok=True)
    return f"pretrain: {_summary(result)}"


def fine_tune(
    run: Run,
    method: Method,
    options: Training,
    *,
    initial: str,
    architecture: Architecture | None,
    inputs: Any,
    study_seed: int,
    checkpoint: PathLike,
    outputs: Any,
    events: PathLike | None = None,
) -> str:
    """Do one run of the study and write model, history, references and record.

    Args:
        run: method name, subset size and seed. Size 0 does no update: it is the pretrained model
            with the method's references.
        method: what to start from and what to train.
        options: how to train; the same for every run.
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

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when the subset is smaller than asked for.
    """
    device = pick_device()
    cost = CostRecord(device)
    store = GraphStore.open(inputs.graphs)
    split = read_split(inputs.split)
    order = read_order(inputs.subset)
    training = store.index(take(order, run.size))
    validation = store.index(frame_ids(split, "target", "validation"))
    seed = derive_seed(study_seed, "fine-tuning", run.seed)
    if method.initial == "pretrained":
        model = load_model(inputs.pretrained)
    elif architecture is not None:
        model = new_model(architecture, derive_seed(seed, "weights"))
    else:
        model = redraw(load_initial(initial), derive_seed(seed, "weights"))
    prepare(
        model,
        method,
        store,
        split,
        training,
        inputs,
        device,
        available=store.index(order),
        interactions=getattr(inputs, "interactions", None) or None,
    )

    result = TrainingResult()
    if run.size:
        fingerprint = _fingerprint(model, store, training, options, study_seed)
        fingerprint["method"] = json.dumps(method.model_dump(mode="json"), sort_keys=True)
        result = run_training(
            TrainingTask(
                model,
                inputs.graphs,
                training,
                validation,
                options,
                seed=seed,
                checkpoint=Path(checkpoint),
                fingerprint=fingerprint,
                label=f"{run.method} n={run.size}",
                train_reference=method.train_reference,
                events=events and Path(events),
            )
        )
    counts = np.count_nonzero(store.compositions(training), axis=0)
    write_reference(outputs.reference, ReferenceEnergies(get_reference(model), counts))
    labelled = {name: int(there.sum()) for name, there in store.labelled(training).items()}
    _write_run(model, result, cost, outputs, run._asdict() | {"labelled": labelled})
    Path(checkpoint).unlink(missing_ok=True)
    frames = f"{run.size} frames{_lacking(labelled, run.size, options)}"
    return f"{run.method}, {frames}, seed {run.seed}: {_summary(result)}"


def prepare(
    model: torch.nn.Module,
    method: Method,
    store: GraphStore,
    split: Sequence[SplitRow],
    subset: np.ndarray,
    inputs: Any,
    device: torch.device,
    available: np.ndarray | None = None,
    interactions: PathLike | None = None,
) -> None:
    """Make of pretrained or random weights what ``method`` starts with, in place.

    Args:
        model: the weights to start from.
        method: embeddings to copy, layers to freeze, and which reference energies.
        store: the target's frames.
        split: the study's split.
        subset: places of the run's own frames in ``store``.
        inputs: attributes ``source_reference`` and ``target_reference`` are paths, and
            ``source_atoms`` and ``target_atoms`` where the references are of isolated atoms.
        device: to predict on, where reference energies are fitted to what the model leaves.
        available: places of all frames that the method may draw from, which the references are
            fitted to in place of the training part where the method has a pool.
        interactions: a file of interaction energies by the network as it was pretrained.
    """
    copy_embedding(model, method.copy_embedding or {})
    of_pool = available if method.pool is not None else None
    # Copied embeddings make another network.
    known = None if method.copy_embedding else interactions
    reference = _reference(model, method, store, split, subset, inputs, device, of_pool, known)
    set_reference(model, reference)
    freeze(model, method.freeze)


def _source_subset(names: Sequence[str], size: int, study_seed: int) -> list[str]:
    if size > len(names):
        raise StudyError(
            f"methods: a pretraining_size is {size}, but the source's training part has "
            f"{len(names)} frames; lower it, or leave it out to take them all"
        )
    return take(draw_order(names, derive_seed(study_seed, "pretraining subset")), size)


def _reference(
    model: torch.nn.Module,
    method: Method,
    store: GraphStore,
    split: Sequence[SplitRow],
    subset: np.ndarray,
    inputs: Any,
    device: torch.device,
    of_pool: np.ndarray | None,
    interactions: PathLike | None,
) -> np.ndarray:
    """Return the (94,) reference energies in eV/atom that ``method`` starts with."""
    known = read_reference(inputs.source_reference)
    source = known.energies
    if method.reference == "source":
        return source
    if method.reference == "isolated_atoms":
        # all of the level's elements: it is measured on frames that train nothing, too
        elements = symbols_of(store.compositions())
        target_atoms = read_isolated_energies(inputs.target_atoms)
        if method.initial == "random":
            return isolated_reference(target_atoms, elements)
        source_atoms = read_isolated_energies(inputs.source_atoms)
        return isolated_reference(target_atoms, elements, known, source_atoms)
    frames = subset
    if method.reference_fitted_on == "training":
        if of_pool is not None:
            frames = of_pool
        elif method.reference == "target":
            return read_reference(inputs.target_reference).energies  # the same for all runs
        else:
            frames = store.index(frame_ids(split, "target", "train"))
    if not len(frames):
        return source  # no target frame, so nothing to shift by
    frames = frames[store.labelled(frames)["energy"]]
    interaction = None
    if method.reference in RULES_OF_RESIDUALS:
        interaction = known_or_predicted(interactions, model.to(device), store, frames)
    materials = {row.frame_id: row.material_id for row in split if row.level == "target"}
    return reference_by_rule(
        method.reference,
        store.compositions(frames),
        store.energies_per_atom[frames],
        source,
        groups=[materials[store.frame_ids[i]] for i in frames],
        interaction=interaction,
    ).energies


def _fingerprint(
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


def _write_run(
    model: torch.nn.Module, result: TrainingResult, cost: CostRecord, outputs: Any, about: dict
) -> None:
    write_rows(outputs.history, HISTORY_COLUMNS, result.history)
    record = {
        **about,
        "budget_updates": result.n_updates,
        "last_update": result.last_update,
        "chosen_update": result.chosen_update,
        **cost.finish(result.updates_done_here, result.frames_seen_here, result.training_seconds),
        "goes": result.goes,
    }
    write_json(outputs.record, record)
    save_model(model, outputs.model)


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


def _summary(result: TrainingResult) -> str:
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
