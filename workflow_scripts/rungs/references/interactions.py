"""The file of interaction energies: what a pretrained network says of the target's frames, without
elemental reference energies."""

import os
from collections.abc import Sequence

import numpy as np

from rungs.files import whole_file
from rungs.graphs.store import GraphStore

PathLike = str | os.PathLike
_ENERGY = "interaction_energy"


def write_interaction_table(path: PathLike, frame_ids: Sequence[str], energies: np.ndarray) -> None:
    """Write a Parquet file with the columns ``frame_id`` and ``interaction_energy`` in eV/atom."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whole_file(path) as partial:
        pq.write_table(pa.table({"frame_id": list(frame_ids), _ENERGY: energies}), partial)


def read_interactions(path: PathLike, store: GraphStore, places: np.ndarray) -> np.ndarray:
    """Return (n,) interaction energies in eV/atom of the frames at ``places``; NaN for those that
    the file lacks."""
    import pyarrow.parquet as pq

    columns = pq.read_table(path).to_pydict()
    known = dict(zip(columns["frame_id"], columns[_ENERGY], strict=True))
    return np.array([known.get(store.frame_ids[i], np.nan) for i in places], dtype=np.float64)
