"""Evaluation of one run of the study."""

import os

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


def evaluate_run(
    run: Run, *, model: PathLike, graphs: PathLike, split: PathLike, output: PathLike
) -> str:
    """Write the errors of ``model`` on the target's test frames; return a terminal line.

    Raises:
        StudyError: when an error is not finite.
    """
    device = pick_device()
    store = GraphStore.open(graphs)
    potential = BatchedCHGNet(load_model(model).to(device))
    test = store.index(frame_ids(read_split(split), "target", "test"))
    errors = evaluate(potential, store, test, device)
    for name, error in errors.items():
        if not error.rmse < float("inf"):
            raise StudyError(
                f"{model}: the {name} error is {error.rmse}; delete the run and redo it"
            )
    write_rows(output, EVALUATION_COLUMNS, evaluation_rows(run, errors))
    return (
        f"{run.method}, {run.size} frames, seed {run.seed}: test energy MAE "
        f"{errors['energy'].mae:.1f} meV/atom, force MAE {errors['force'].mae:.0f} meV/Å"
    )
