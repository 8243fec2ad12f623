"""Evaluation of the study's runs."""

import os
from collections.abc import Mapping

from rungs.config.study import Run
from rungs.errors import StudyError
from rungs.evaluation.tables import EVALUATION_COLUMNS, evaluation_rows
from rungs.files import write_rows
from rungs.graphs.store import GraphStore
from rungs.potential.device import pick_device
from rungs.potential.errors import evaluate
from rungs.potential.forward import BatchedCHGNet
from rungs.potential.published import load_model
from rungs.splits.files import frame_ids, read_split

PathLike = str | os.PathLike


def evaluate_runs(
    models: Mapping[Run, PathLike], *, graphs: PathLike, split: PathLike, output: PathLike
) -> list[str]:
    """Write the errors of the runs' models on the target's test frames; return terminal lines.

    Raises:
        StudyError: when an error is not finite.
    """
    device = pick_device()
    store = GraphStore.open(graphs)
    test = store.index(frame_ids(read_split(split), "target", "test"))
    rows, lines = [], []
    for run, model in models.items():
        errors = evaluate(BatchedCHGNet(load_model(model).to(device)), store, test, device)
        for name, error in errors.items():
            if not error.rmse < float("inf"):
                raise StudyError(
                    f"{model}: the {name} error is {error.rmse}; delete the run and redo it"
                )
        rows += evaluation_rows(run, errors)
        lines.append(
            f"{run.method}, {run.size} frames, seed {run.seed}: test energy MAE "
            f"{errors['energy'].mae:.1f} meV/atom, force MAE {errors['force'].mae:.0f} meV/Å"
        )
    write_rows(output, EVALUATION_COLUMNS, rows)
    return lines
