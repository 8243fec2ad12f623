"""Which labels the frames of a file have."""

import json
import os
from collections.abc import Container
from typing import NamedTuple

import numpy as np

from rungs.frames.frame import LABELS
from rungs.frames.table import LABELS_KEY, open_frames, told


class FrameLabels(NamedTuple):
    """How far the frames of a file are labelled."""

    n_frames: int
    labelled: dict[str, int]
    """Frames that have each of ``LABELS``."""
    not_finite: dict[str, int]
    """Labels that frames have lost for a number that was none, of the kinds that did."""


def read_label_counts(path: str | os.PathLike) -> FrameLabels:
    """How many frames of a file have each label, from its footer; a file of an earlier format is
    read for it. Raises as
    :func:`rungs.frames.table.iter_frames`."""
    with open_frames(path) as parquet, told(path):
        n_frames = parquet.metadata.num_rows
        counts = parquet.metadata.metadata.get(LABELS_KEY)
        if counts is not None:
            return FrameLabels(n_frames, **json.loads(counts))
        columns = list(LABELS)
        batches = parquet.iter_batches(columns=columns)
        missing = np.array([[b[name].null_count for name in columns] for b in batches])
        missing = missing.reshape(-1, len(columns)).sum(axis=0)
        labelled = {name: n_frames - int(n) for name, n in zip(columns, missing, strict=True)}
        return FrameLabels(n_frames, labelled, {})


class _Everything:
    """Contains whatever one asks for."""

    def __contains__(self, _: object) -> bool:
        return True


def read_labelled(path: str | os.PathLike) -> dict[str, Container[str]]:
    """For each of ``LABELS`` what contains the ids of the frames that have it; only columns in
    which some frames have it and others not are read. Raises as
    :func:`rungs.frames.table.iter_frames`."""
    counts = read_label_counts(path)
    mixed: dict[str, set[str]] = {
        name: set() for name, n in counts.labelled.items() if 0 < n < counts.n_frames
    }
    if mixed:
        with open_frames(path) as parquet, told(path):
            for batch in parquet.iter_batches(columns=["frame_id", *mixed]):
                ids = np.array(batch["frame_id"].to_pylist(), dtype=object)
                for name, found in mixed.items():
                    found.update(ids[batch[name].is_valid().to_numpy(zero_copy_only=False)])
    rest = {name: _Everything() if n else frozenset() for name, n in counts.labelled.items()}
    return rest | mixed
