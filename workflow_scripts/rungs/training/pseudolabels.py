"""What a pretrained network says of the source's frames: predicted once, learned by all runs that
hold on to it."""

import os
from pathlib import Path

from rungs.graphs.store import GraphStore
from rungs.splits.companions import check_companion_frames
from rungs.splits.files import frame_ids, read_split
from rungs.splits.subsets import source_order
from rungs.training.labels import iter_predicted, write_labels
from rungs.training.predicting import predict_all

PathLike = str | os.PathLike


def write_pseudolabels(
    *,
    model: PathLike,
    graphs: PathLike,
    split: PathLike,
    n_frames: int | None,
    study_seed: int,
    checkpoint: PathLike,
    output: PathLike,
) -> str:
    """Write energies, forces and stresses of the source's training frames by a network.

    Args:
        model: the pretrained model.
        graphs: the source's.
        split: the study's split.
        n_frames: how many, in the order that methods take them in; None for all, and all where
            there are fewer.
        study_seed: the study's seed.
        checkpoint: where what has been predicted is kept until the output is there.
        output: the file to write.

    Returns:
        A line for the terminal.

    Raises:
        StudyError: when there are no frames, and when SIGTERM came, after a checkpoint.
    """
    store = GraphStore.open(graphs)
    names = frame_ids(read_split(split), "source", "train")
    check_companion_frames("companion", None, len(names))
    names = source_order(names, study_seed)[:n_frames]
    places = store.index(names)
    found = predict_all(
        Path(model),
        store,
        places,
        iter_predicted,
        counted="energy_per_atom",
        checkpoint=Path(checkpoint),
        label="pseudolabels",
    )
    write_labels(output, names, store.n_atoms[places], found)
    Path(checkpoint).unlink(missing_ok=True)
    return f"pseudolabels of {len(places)} source frames"
