"""What a fine-tuning begins with: weights, reference energies, frames."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rungs.config.architectures import AnyArchitecture
from rungs.config.methods import RECIPE_KEYS, RULES_OF_RESIDUALS, Method
from rungs.config.study import Run
from rungs.config.training import Training
from rungs.frames.isolated_atoms import read_isolated_energies
from rungs.graphs.store import GraphStore
from rungs.potentials.model_files import load_model
from rungs.potentials.models import load_initial
from rungs.potentials.references import get_reference, set_reference
from rungs.potentials.registry import trained_architecture_of
from rungs.references.fit import read_reference
from rungs.references.isolated import isolated_reference, symbols_of
from rungs.references.rules import reference_by_rule
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_order, read_split
from rungs.splits.split import SplitRow
from rungs.splits.subsets import draw_order, source_order, take
from rungs.training.changes import Changes
from rungs.training.companion import CompanionFrames, companion_frames
from rungs.training.delta import Difference
from rungs.training.initialization import copy_embedding, random_model, refuse_lacking
from rungs.training.interactions import known_or_predicted
from rungs.training.layers import freeze
from rungs.training.task import TrainingTask, fingerprint

PathLike = str | os.PathLike


class StartingPoint(NamedTuple):
    """What a run begins with."""

    model: torch.nn.Module
    store: GraphStore
    """The target's frames."""
    training: np.ndarray
    """Places of the run's own frames in it."""
    validation: np.ndarray
    seed: int
    """Of the order of batches."""
    companion: CompanionFrames | None = None
    """Frames of the source that take part."""
    delta: Difference | None = None
    """What the model is added to, where it learns a difference; ``store`` then has the labels that
    it learns."""

    @property
    def result(self) -> torch.nn.Module:
        """The model of the target: the trained one, or its sum with what it is added to."""
        return self.model if self.delta is None else self.delta.sum_with(self.model)

    def task(
        self,
        run: Run,
        method: Method,
        options: Training,
        inputs: Any,
        study_seed: int,
        checkpoint: Path,
        events: Path | None = None,
    ) -> TrainingTask:
        """Return the training that begins here."""
        told = fingerprint(self.model, self.store, self.training, options, study_seed)
        own = method.model_dump(mode="json", exclude=RECIPE_KEYS)
        told["method"] = json.dumps(own, sort_keys=True)
        told |= self.companion.fingerprint() if self.companion else {}
        labels = self.delta and self.delta.labels
        told |= {"labels": labels.digest()} if labels else {}
        return TrainingTask(
            self.model,
            inputs.graphs,
            self.training,
            self.validation,
            options,
            seed=self.seed,
            checkpoint=checkpoint,
            fingerprint=told,
            label=f"{run.method} n={run.size}",
            train_reference=method.train_reference,
            labels=labels,
            companion=self.companion,
            changes=Changes(method.adapters, method.anchor, self.seed),
            events=events,
        )


def starting_point(
    run: Run,
    method: Method,
    initial: str,
    architecture: AnyArchitecture | None,
    inputs: Any,
    study_seed: int,
    device: torch.device,
) -> StartingPoint:
    """Return what a run begins with, the same whatever its recipe; see :func:`fine_tune`.

    Raises:
        StudyError: when the subset is smaller than asked for.
    """
    store = GraphStore.open(inputs.graphs)
    split = read_split(inputs.split)
    order = read_order(inputs.subset)
    training = store.index(take(order, run.size))
    validation = store.index(frame_ids(split, "target", "validation"))
    seed = derive_seed(study_seed, "fine-tuning", run.seed)
    elements = getattr(inputs, "elements", None)
    weights = derive_seed(seed, "weights")

    def drawn(labelled: GraphStore) -> torch.nn.Module:
        if architecture is not None:
            return random_model(architecture, weights, elements, labelled, training)
        published = load_initial(initial)
        if elements is not None:
            refuse_lacking(published, elements, f"pretraining.initial: {initial}")
        return trained_architecture_of(published).redraw(published, weights)

    model = load_model(inputs.pretrained) if method.initial == "pretrained" else drawn(store)
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
    companion = delta = None
    if method.delta:
        frames = np.concatenate([training, validation]) if run.size else training
        source = read_reference(inputs.source_reference).energies
        delta = Difference.of(model, source, store, frames, device)
        store = delta.labels.put_into(store)
        model = delta.first(drawn(store))
    if method.has_companion and run.size:
        companion = _companion(method, model, inputs, split, study_seed, len(validation))
    return StartingPoint(model, store, training, validation, seed, companion, delta)


def _companion(
    method: Method,
    model: torch.nn.Module,
    inputs: Any,
    split: Sequence[SplitRow],
    study_seed: int,
    n_validation: int,
) -> CompanionFrames:
    """Return the companion of a run: the frames that a pretraining on as many would have seen."""
    names = frame_ids(split, "source", "train")
    return companion_frames(
        method.companion,
        graphs=inputs.source_graphs,
        training=source_order(names, study_seed),
        validation=draw_order(
            frame_ids(split, "source", "validation"), derive_seed(study_seed, "companion")
        ),
        source=read_reference(inputs.source_reference).energies,
        target=get_reference(model),
        labels=getattr(inputs, "pseudolabels", None) or None,
        n_followed=n_validation,
    )


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
