"""Evaluation of the study's runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rungs.config.study import Run
from rungs.errors import StudyError
from rungs.evaluation.competing_phases import (
    competing_phases,
    energy_errors,
    write_phase_errors,
)
from rungs.evaluation.components import ComponentSample, draw_frames, write_components
from rungs.evaluation.elements import ELEMENT_COLUMNS, ElementSums
from rungs.evaluation.frames import FrameErrors, write_frame_errors
from rungs.evaluation.tables import EVALUATION_COLUMNS, evaluation_rows
from rungs.files import write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import load_at_source, load_model
from rungs.potentials.models import potential_of
from rungs.potentials.prediction_errors import ErrorSums, evaluate
from rungs.potentials.properties import PropertyError, error_words
from rungs.potentials.references import get_reference, set_reference
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_split

PathLike = str | os.PathLike


class EvaluationFiles(NamedTuple):
    """What an evaluation writes of its runs on the target's test frames."""

    errors: PathLike
    """CSV: MAE and RMSE of each run and property."""
    frames: PathLike
    """Parquet: the errors of each run and frame."""
    elements: PathLike
    """CSV: the errors of each run by element."""
    components: PathLike
    """Parquet: of the first run, true and predicted components of some frames."""
    phases: PathLike | None = None
    """Parquet: energy errors of each run on the phases outside the test part that compete with test
    compounds."""


def evaluate_runs(
    models: Mapping[Run, PathLike],
    *,
    graphs: PathLike,
    split: PathLike,
    outputs: EvaluationFiles,
    study_seed: int = 0,
    with_phases: bool = True,
) -> list[str]:
    """Write the errors of the runs' models on the target's test frames; return terminal lines.

    Args:
        models: the runs' models.
        graphs: the target's graphs.
        split: the study's split.
        outputs: the files to write.
        study_seed: by which the frames whose components are kept are drawn.
        with_phases: whether to predict the phases of ``outputs.phases``, which without it is a file
            without rows.

    Raises:
        StudyError: when an error is not finite.
    """
    device = pick_device()
    store = GraphStore.open(graphs)
    division = read_split(split)
    names = frame_ids(division, "target", "test")
    material = {row.frame_id: row.material_id for row in division if row.level == "target"}
    test = store.index(names)
    # The same frames in every job, so that methods are seen on the same components.
    drawn = draw_frames(store, test, derive_seed(study_seed, "parity components"))
    phases = competing_phases(store, division) if outputs.phases and with_phases else []
    places = store.index(phase.frame_id for phase in phases)
    rows, element_rows, by_frame, samples, lines = [], [], [], [], []
    phase_errors: list[tuple[Run, np.ndarray]] = []
    for run, model in models.items():
        potential = potential_of(load_model(model).to(device))
        sums, frames, elements = ErrorSums(), FrameErrors(), ElementSums()
        sample = None if samples else ComponentSample(drawn)
        for chosen in store.chunks(test):
            with potential.cores():
                batch = store.batch(chosen, device)
                prediction = potential(batch, create_graph=False)
            for part in (sums, frames, elements):
                part.add(prediction, batch)
            if sample is not None:
                sample.add(chosen, prediction, batch)
        errors = _finite(sums.errors(), model)
        rows += evaluation_rows(run, errors)
        element_rows += elements.rows(run)
        by_frame.append((run, frames))
        samples += [(run, sample)] if sample is not None else []
        phase_errors.append((run, energy_errors(potential, store, places, device)))
        if not np.isfinite(phase_errors[-1][1]).all():
            raise StudyError(
                f"{model}: the energy of a training or validation material is not finite; delete "
                "the run and redo it"
            )
        lines.append(
            f"{run.method}, {run.size} frames, seed {run.seed}: test {error_words(errors)}"
        )
    write_frame_errors(outputs.frames, by_frame, names, [material[name] for name in names])
    write_rows(outputs.elements, ELEMENT_COLUMNS, element_rows)
    write_components(outputs.components, samples, store)
    if outputs.phases:
        write_phase_errors(outputs.phases, phases, phase_errors)
    write_rows(outputs.errors, EVALUATION_COLUMNS, rows)
    return lines


def evaluate_on_source(
    models: Mapping[Run, PathLike],
    pretrained: PathLike,
    *,
    graphs: PathLike,
    split: PathLike,
    output: PathLike,
) -> list[str]:
    """Write the errors of the runs' models on the source's test frames; return terminal lines.

    A fine-tuned model carries the target's elemental reference energies, and its raw energies are
    on the target's scale: against source labels they would be wrong by the shift between the
    levels, whatever the network still knows. So the pretrained model's reference energies are put
    back in, all 94 of them, and the energies compared are source reference plus the fine-tuned
    network's part. A run on 0 frames then is the pretrained model itself, to the last digit.

    Args:
        models: the runs' models.
        pretrained: the model whose reference energies are the source's.
        graphs: the source's graphs.
        split: the study's split; only test frames of the source are used.
        output: the CSV file, without rows where the source has no test frames.

    Raises:
        StudyError: when an error is not finite.
    """
    device = pick_device()
    store = GraphStore.open(graphs)
    names = frame_ids(read_split(split), "source", "test")
    rows, lines = [], []
    if names:
        test = store.index(names)
        reference = get_reference(load_model(pretrained))
        for run, model in models.items():
            errors = _errors_with(reference, model, store, test, device)
            rows += evaluation_rows(run, errors)
            lines.append(
                f"{run.method}, {run.size} frames, seed {run.seed}: on the source's test frames "
                f"{error_words(errors)}"
            )
    else:
        lines.append(f"{Path(output).name}: the source has no test frames")
    write_rows(output, EVALUATION_COLUMNS, rows)
    return lines


def _errors_with(
    reference: np.ndarray,
    model: PathLike,
    store: GraphStore,
    test: np.ndarray,
    device: torch.device,
) -> dict[str, PropertyError]:
    network = load_at_source(model)
    set_reference(network, reference)
    return _finite(evaluate(potential_of(network.to(device)), store, test, device), model)


def _finite(errors: dict[str, PropertyError], model: PathLike) -> dict[str, PropertyError]:
    for name, error in errors.items():
        if not error.rmse < float("inf"):
            raise StudyError(
                f"{model}: the {name} error is {error.rmse}; delete the run and redo it"
            )
    return errors
