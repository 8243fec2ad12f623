"""Labels that frames have in a training in place of those in the file of graphs: what a network
says of them, or what it leaves of theirs."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.graphs.store import GraphStore
from rungs.potentials.predict import predict

PathLike = str | os.PathLike
PREDICTED_COLUMNS = ("frame_id", "energy_per_atom", "forces", "stress")


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """Labels of n frames of a store; they have no magnetic moments."""

    places: np.ndarray
    """(n,) of the frames in the store."""
    energies_per_atom: np.ndarray
    """(n,) in eV/atom."""
    forces: np.ndarray
    """(atoms of all frames, 3) in eV/Å, frame after frame."""
    stress: np.ndarray
    """(n, 6) in GPa."""

    def put_into(self, store: GraphStore) -> GraphStore:
        """Return a store whose frames at ``places`` have these labels; the others keep theirs."""
        energies = np.array(store.arrays["energies_per_atom"])
        forces, stress = np.array(store.arrays["forces"]), np.array(store.arrays["stress"])
        magmoms = np.array(store.arrays["magmoms"])
        atoms = atoms_of(store, self.places)
        energies[self.places], stress[self.places] = self.energies_per_atom, self.stress
        forces[atoms], magmoms[atoms] = self.forces, np.nan
        replaced = {"forces": forces, "stress": stress, "magmoms": magmoms}
        replaced["energies_per_atom"] = energies
        return GraphStore({**store.arrays, **replaced}, *store.cutoffs)

    def digest(self) -> str:
        """Return a text that differs where the labels do."""
        content = hashlib.sha256()
        for values in (self.places, self.energies_per_atom, self.forces, self.stress):
            content.update(np.ascontiguousarray(values).tobytes())
        return content.hexdigest()[:16]


def atoms_of(store: GraphStore, places: np.ndarray) -> np.ndarray:
    """Return the rows of the atoms of frames in a store, frame after frame."""
    ends = store.arrays["atom_offsets"]
    return np.concatenate(
        [np.zeros(0, np.int64), *(np.arange(ends[i], ends[i + 1]) for i in places)]
    )


def iter_predicted(
    model: nn.Module, store: GraphStore, places: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """Yield, batch by batch, what a network says of frames: ``energy_per_atom`` (b,) with its
    reference energies, ``forces`` (atoms, 3), ``stress`` (b, 6)."""
    for chosen in store.chunks(places):
        found = list(predict(model, store, chosen))
        yield {
            "energy_per_atom": np.array([x.energy_per_atom for x in found]),
            "forces": np.concatenate([x.forces for x in found]).astype(np.float32),
            "stress": np.array([x.stress for x in found], dtype=np.float32),
        }


def predicted(model: nn.Module, store: GraphStore, places: np.ndarray) -> FrameLabels:
    """Return what a network says of frames, with its reference energies."""
    found = list(iter_predicted(model, store, places))
    if not found:
        return FrameLabels(places, np.zeros(0), np.zeros((0, 3)), np.zeros((0, 6)))
    parts = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    return FrameLabels(places, parts["energy_per_atom"], parts["forces"], parts["stress"])


def write_labels(
    path: PathLike, frame_ids: Sequence[str], n_atoms: np.ndarray, found: dict[str, np.ndarray]
) -> None:
    """Write a Parquet file of ``PREDICTED_COLUMNS``, a row for each frame.

    Args:
        path: the file.
        frame_ids: of the frames.
        n_atoms: (n,) of each.
        found: arrays as :func:`iter_predicted` yields them, of all frames.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ends = np.cumsum([0, *n_atoms]) * 3
    forces = pa.ListArray.from_arrays(ends.astype(np.int32), found["forces"].reshape(-1))
    stress = pa.FixedSizeListArray.from_arrays(found["stress"].reshape(-1), 6)
    columns = [pa.array(list(frame_ids), pa.string()), found["energy_per_atom"], forces, stress]
    with whole_file(path) as partial:
        pq.write_table(
            pa.table(dict(zip(PREDICTED_COLUMNS, columns, strict=True))),
            partial,
            compression="zstd",
        )


def read_labels(path: PathLike, store: GraphStore, places: np.ndarray) -> FrameLabels:
    """Return the labels of frames in a file of :func:`write_labels`.

    Raises:
        StudyError: when the file lacks one of them.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path).combine_chunks()
    row = {name: i for i, name in enumerate(table["frame_id"].to_pylist())}
    names = [store.frame_ids[i] for i in places]
    if lacking := [name for name in names if name not in row]:
        raise StudyError(
            f"{path}: lacks {len(lacking)} frames, the first {lacking[0]}; delete it and let the "
            "workflow make it again"
        )
    table = table.take([row[name] for name in names]).combine_chunks()
    return FrameLabels(
        places,
        table["energy_per_atom"].to_numpy(),
        _values(table["forces"]).reshape(-1, 3),
        _values(table["stress"]).reshape(-1, 6),
    )


def _values(column) -> np.ndarray:
    parts = [chunk.flatten().to_numpy() for chunk in column.chunks]
    return np.concatenate([np.zeros(0, np.float32), *parts])
