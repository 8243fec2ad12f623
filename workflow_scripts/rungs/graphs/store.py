"""The graphs and labels of a whole dataset, in one file that is mapped into memory."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rungs.errors import StudyError
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame, Rejected
from rungs.graphs.arrays import ArrayFileError, ArraySpill, map_arrays
from rungs.graphs.build import FrameGraph, build_graph

if TYPE_CHECKING:
    import torch

    from rungs.graphs.batch import GraphBatch

FORMAT = "rungs-graphs-1"
_LAYOUT = {
    # one row for each frame
    "cells": (np.float64, (3, 3)),
    "energies_per_atom": (np.float64, ()),
    "stress": (np.float32, (6,)),
    "n_angle_bonds": (np.int32, ()),
    "n_one_sided": (np.int32, ()),
    # one row for each atom
    "cart_coords": (np.float64, (3,)),
    "forces": (np.float32, (3,)),
    "magmoms": (np.float32, ()),
    "atomic_numbers": (np.uint8, ()),
    # one row for each bond or angle
    "bond_atoms": (np.int32, (2,)),
    "bond_images": (np.int16, (3,)),
    "angle_halves": (np.int32, (2,)),
    # where the rows of each frame begin, and the end of the last
    "atom_offsets": (np.int64, ()),
    "bond_offsets": (np.int64, ()),
    "angle_offsets": (np.int64, ()),
    # names, UTF-8, each ended by a line feed
    "frame_ids": (np.uint8, ()),
}
_COUNTED = {
    "atom_offsets": "cart_coords",
    "bond_offsets": "bond_atoms",
    "angle_offsets": "angle_halves",
}
_PER_FRAME = ("cells", "energies_per_atom", "stress", "n_angle_bonds", "n_one_sided")


class GraphCounts(NamedTuple):
    """What a file of graphs holds."""

    frames: int
    rejected: int
    atoms: int
    bonds: int
    angles: int


class GraphStore:
    """Graphs and labels of many frames, as concatenated arrays with offsets.

    Open a file with :meth:`open`, or collect graphs in memory with :meth:`from_graphs`. Labels:
    energies in eV/atom (float64), forces in eV/Å, stresses in GPa, magnetic moments in μB
    (float32); NaN where there are none.
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], atom_cutoff: float, bond_cutoff: float
    ) -> None:
        self.arrays = arrays
        self.atom_cutoff = atom_cutoff
        self.bond_cutoff = bond_cutoff
        self._frame_ids: list[str] | None = None
        self._places: dict[str, int] | None = None

    @classmethod
    def open(cls, path: str | os.PathLike) -> "GraphStore":
        """Map the file ``path``; arrays are read when they are used.

        Raises:
            StudyError: when the file is missing, cut short, damaged or not a file of graphs.
        """
        advice = "delete it and let the workflow make it again"
        try:
            arrays, metadata = map_arrays(path)
        except FileNotFoundError:
            raise StudyError(
                f"{path}: no such file of graphs; run the stage that makes it"
            ) from None
        except OSError as error:
            raise StudyError(f"{path}: cannot be opened ({error.strerror})") from None
        except ArrayFileError as error:
            raise StudyError(f"{path}: is no whole file of graphs: {error}; {advice}") from None
        if metadata.get("format") != FORMAT:
            raise StudyError(
                f"{path}: is no file of graphs of this version of Rungs (format "
                f"{metadata.get('format')!r}, expected {FORMAT!r}); {advice}"
            )
        if fault := _layout_fault(arrays):
            raise StudyError(f"{path}: is damaged: {fault}; {advice}")
        return cls(arrays, float(metadata["atom_cutoff"]), float(metadata["bond_cutoff"]))

    @classmethod
    def from_graphs(
        cls, graphs: Sequence[FrameGraph], atom_cutoff: float, bond_cutoff: float
    ) -> "GraphStore":
        """Collect graphs without labels in memory, to predict them; frame ids are 0, 1, …"""
        rows = [_graph_rows(graph) | _no_labels(graph.n_atoms) for graph in graphs]
        arrays = {
            name: np.concatenate([row[name] for row in rows])
            if rows
            else np.zeros((0, *shape), kind)
            for name, (kind, shape) in _LAYOUT.items()
            if name not in _COUNTED and name != "frame_ids"
        }
        for offsets, counted in _COUNTED.items():
            arrays[offsets] = np.cumsum([0, *(len(row[counted]) for row in rows)], dtype=np.int64)
        names = "".join(f"{i}\n" for i in range(len(rows)))
        arrays["frame_ids"] = np.frombuffer(names.encode(), dtype=np.uint8)
        return cls(arrays, atom_cutoff, bond_cutoff)

    def __len__(self) -> int:
        return len(self.arrays["cells"])

    @property
    def cutoffs(self) -> tuple[float, float]:
        """Cutoffs of the atom graph and of the bond graph, in Å."""
        return self.atom_cutoff, self.bond_cutoff

    @property
    def frame_ids(self) -> list[str]:
        """Names of the frames, in order."""
        if self._frame_ids is None:
            self._frame_ids = self.arrays["frame_ids"].tobytes().decode().split("\n")[:-1]
        return self._frame_ids

    def index(self, frame_ids: Iterable[str]) -> np.ndarray:
        """Return the places of frames by their names, as int64.

        Raises:
            StudyError: for a name that the store does not hold.
        """
        if self._places is None:
            self._places = {name: i for i, name in enumerate(self.frame_ids)}
        try:
            return np.array([self._places[name] for name in frame_ids], dtype=np.int64)
        except KeyError as error:
            raise StudyError(
                f"frame {error.args[0]!r} has no graph: it may have been rejected, or the graphs "
                "belong to other frames; delete the graphs and let the workflow make them again"
            ) from None

    @property
    def n_atoms(self) -> np.ndarray:
        """(n_frames,) atoms of each frame."""
        return np.diff(self.arrays["atom_offsets"])

    @property
    def n_bonds(self) -> np.ndarray:
        """(n_frames,) undirected bonds of each frame."""
        return np.diff(self.arrays["bond_offsets"])

    @property
    def n_angles(self) -> np.ndarray:
        """(n_frames,) angles of each frame, in both orders."""
        return 2 * np.diff(self.arrays["angle_offsets"]) - self.arrays["n_one_sided"]

    @cached_property
    def n_rows(self) -> np.ndarray:
        """(n_frames,) atoms, directed bonds and angles of each frame: its share of the work."""
        return self.n_atoms + 2 * self.n_bonds + self.n_angles

    @property
    def energies_per_atom(self) -> np.ndarray:
        """(n_frames,) float64 labels, in eV/atom."""
        return np.asarray(self.arrays["energies_per_atom"])

    def labelled(self, indices: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return for each of ``PROPERTIES`` the (n_frames,) bool whether a frame is labelled with
        it. A label is there as a whole or not at all."""
        frames = np.arange(len(self)) if indices is None else np.asarray(indices, dtype=np.int64)
        first = self.arrays["atom_offsets"][frames]
        labels = {
            "energy": self.arrays["energies_per_atom"][frames],
            "force": self.arrays["forces"][first, 0],
            "stress": self.arrays["stress"][frames, 0],
            "magmom": self.arrays["magmoms"][first],
        }
        return {name: ~np.isnan(values) for name, values in labels.items()}

    def force_scale(self, indices: np.ndarray) -> float:
        """Return the root mean square of the frames' labelled force components, in eV/Å; 0 where
        there are none."""
        ends = self.arrays["atom_offsets"]
        parts = [self.arrays["forces"][ends[i] : ends[i + 1]] for i in indices]
        squares = np.concatenate([np.zeros((0, 3)), *parts], dtype=np.float64).ravel() ** 2
        squares = squares[~np.isnan(squares)]
        return float(np.sqrt(squares.mean())) if len(squares) else 0.0

    def compositions(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Return (n_frames, 94) float64 atomic fractions, hydrogen in column 0."""
        frames = np.arange(len(self)) if indices is None else np.asarray(indices, dtype=np.int64)
        n_atoms = self.n_atoms[frames]
        owner = np.repeat(np.arange(len(frames)), n_atoms)
        shift = self.arrays["atom_offsets"][frames] - (np.cumsum(n_atoms) - n_atoms)
        numbers = self.arrays["atomic_numbers"][np.arange(len(owner)) + shift[owner]]
        places = owner * MAX_ATOMIC_NUMBER + numbers.astype(np.int64) - 1
        counts = np.bincount(places, minlength=len(frames) * MAX_ATOMIC_NUMBER)
        return counts.reshape(len(frames), MAX_ATOMIC_NUMBER) / n_atoms[:, None]

    def batch(
        self,
        indices: Sequence[int] | np.ndarray,
        device: "torch.device | str" = "cpu",
        dtype: "torch.dtype | None" = None,
    ) -> "GraphBatch":
        """Return the frames at ``indices`` as one batch of tensors (float32 unless said)."""
        import torch

        from rungs.graphs.batch import assemble

        frames = np.asarray(indices, dtype=np.int64)
        return assemble(self.arrays, frames, self.cutoffs, device, dtype or torch.float32)

    def chunks(
        self, indices: Sequence[int] | np.ndarray | None = None, max_rows: int = 60_000
    ) -> Iterator[np.ndarray]:
        """Cut ``indices`` (or all frames) into batches for prediction, keeping their order.

        Args:
            indices: frames to predict.
            max_rows: directed bonds plus angles in a batch, which is what memory depends on; a
                frame with more is a batch of its own.
        """
        frames = np.arange(len(self)) if indices is None else np.asarray(indices, dtype=np.int64)
        rows = self.n_rows[frames].tolist()
        begin = total = 0
        for i, size in enumerate(rows):
            if i > begin and total + size > max_rows:
                yield frames[begin:i]
                begin, total = i, 0
            total += size
        if begin < len(frames):
            yield frames[begin:]


def write_graphs(
    frames: Iterable[Frame],
    path: str | os.PathLike,
    atom_cutoff: float,
    bond_cutoff: float,
    rejects: Callable[[Rejected], None] | None = None,
) -> GraphCounts:
    """Build the graph of every frame and write graphs and labels to one file.

    Frames stream through: memory holds one at a time. The file is a safetensors file.

    Args:
        frames: labelled frames, in the order that the file will have.
        path: the file to write, whole or not at all.
        atom_cutoff, bond_cutoff: in Å.
        rejects: called with each frame that has no graph, and why (``list.append`` will do);
            without it such a frame is an error.

    Raises:
        StudyError: naming the frame that has no graph, when ``rejects`` is not given, or the frame
            id that occurs twice.
    """
    n_rejected, seen = 0, set()
    ends = dict.fromkeys(_COUNTED, 0)
    n_angles = 0
    with ArraySpill(Path(path).parent, _LAYOUT) as spill:
        for offsets in _COUNTED:
            spill.append(offsets, np.zeros(1))
        for frame in frames:
            try:
                graph = build_graph(
                    frame.cell, frame.atomic_numbers, frame.cart_coords, atom_cutoff, bond_cutoff
                )
            except StudyError as error:
                if rejects is None:
                    raise StudyError(f"frame {frame.frame_id}: {error}") from None
                rejects(Rejected(frame.frame_id, str(error), "no graph"))
                n_rejected += 1
                continue
            if frame.frame_id in seen or "\n" in frame.frame_id:
                raise StudyError(
                    f"frame id {frame.frame_id!r} occurs twice or holds a line feed; give every "
                    "frame an id of its own, on one line"
                )
            seen.add(frame.frame_id)
            rows = _graph_rows(graph) | _labels(frame)
            for name, values in rows.items():
                spill.append(name, values)
            for offsets, counted in _COUNTED.items():
                ends[offsets] += len(rows[counted])
                spill.append(offsets, np.array([ends[offsets]]))
            spill.append("frame_ids", np.frombuffer(f"{frame.frame_id}\n".encode(), np.uint8))
            n_angles += graph.n_angles
        spill.write(
            path,
            {
                "format": FORMAT,
                "atom_cutoff": repr(float(atom_cutoff)),
                "bond_cutoff": repr(float(bond_cutoff)),
            },
        )
    return GraphCounts(len(seen), n_rejected, ends["atom_offsets"], ends["bond_offsets"], n_angles)


def _graph_rows(graph: FrameGraph) -> dict[str, np.ndarray]:
    return {
        "cells": graph.cell[None],
        "n_angle_bonds": np.array([graph.n_angle_bonds], dtype=np.int32),
        "n_one_sided": np.array([graph.n_one_sided], dtype=np.int32),
        "cart_coords": graph.cart_coords,
        "atomic_numbers": graph.atomic_numbers.astype(np.uint8),
        "bond_atoms": graph.bond_atoms,
        "bond_images": graph.bond_images,
        "angle_halves": graph.angle_halves,
    }


def _labels(frame: Frame) -> dict[str, np.ndarray]:
    rows = _no_labels(frame.n_atoms)
    for name, value in (
        ("energies_per_atom", frame.energy_per_atom),
        ("forces", frame.forces),
        ("stress", frame.stress),
        ("magmoms", frame.magmoms),
    ):
        if value is not None:
            rows[name][:] = value
    return rows


def _no_labels(n_atoms: int) -> dict[str, np.ndarray]:
    return {
        "energies_per_atom": np.full(1, np.nan),
        "stress": np.full((1, 6), np.nan, dtype=np.float32),
        "forces": np.full((n_atoms, 3), np.nan, dtype=np.float32),
        "magmoms": np.full(n_atoms, np.nan, dtype=np.float32),
    }


def _layout_fault(arrays: dict[str, np.ndarray]) -> str | None:
    """What does not fit together among the arrays of a file, in words; None where all does."""
    for name, (kind, shape) in _LAYOUT.items():
        if name not in arrays:
            return f"array {name} is missing"
        if arrays[name].dtype != kind or arrays[name].shape[1:] != shape:
            return f"array {name} has another shape or type than it should"
    for name in _PER_FRAME:
        if len(arrays[name]) != len(arrays["cells"]):
            return f"array {name} has {len(arrays[name])} rows for {len(arrays['cells'])} frames"
    for offsets, counted in _COUNTED.items():
        rows = arrays[offsets]
        if len(rows) != len(arrays["cells"]) + 1 or rows[-1] != len(arrays[counted]):
            return f"{offsets} do not fit {counted}"
    return None
