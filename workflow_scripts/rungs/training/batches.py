"""The frames of an update as batches: in parts, of this process, and of both levels."""

from typing import NamedTuple

import numpy as np
import torch

from rungs.graphs.batch import GraphBatch, assemble, picked
from rungs.graphs.store import GraphStore
from rungs.training.companion import Chosen, Frames
from rungs.training.distributed import Processes
from rungs.training.prefetch import Prefetcher
from rungs.training.schedule import balanced_parts

_Key = tuple[tuple[int, ...], tuple[int, ...], int]


class Joined(NamedTuple):
    """Frames of both levels as one batch, the training's own first."""

    batch: GraphBatch
    n_frames: int
    n_atoms: int
    """Of the training's own."""


Batches = tuple[list[GraphBatch], list[GraphBatch] | Joined]
"""Of the training's own frames and of the companion's; or none and both as one."""


class BatchMaker:
    """Puts the frames of an update together, and on a GPU those of the next one meanwhile.

    Args:
        store: the training's own frames.
        beside: those of its companion; None without one.
        device: where the batches go.
        processes: the processes that share each batch.
        joins: whether one network works on both levels, so that one batch will do.
    """

    def __init__(
        self,
        store: GraphStore,
        beside: GraphStore | None,
        device: torch.device,
        processes: Processes,
        *,
        joins: bool,
    ) -> None:
        self._store, self._beside = store, beside
        self._device, self._processes, self._joins = device, processes, joins
        self._made = Prefetcher(self._make, background=device.type != "cpu")

    def take(self, frames: Frames, upcoming: Frames | None, n_parts: int) -> Batches:
        """Return the batches of ``frames``, each level in ``n_parts`` parts, and begin with the
        next, those of ``upcoming``."""
        n_all = n_parts * self._processes.size
        return self._made.take(
            _key(frames, n_all), None if upcoming is None else _key(upcoming, n_all)
        )

    def _make(self, key: _Key) -> Batches:
        own, beside, n_parts = key
        if not beside:
            return self._parts(self._store, own, n_parts), []
        if self._joins and n_parts == 1:
            return [], self._joined(np.array(own), np.array(beside))
        return self._parts(self._store, own, n_parts), self._parts(self._beside, beside, n_parts)

    def _joined(self, own: np.ndarray, beside: np.ndarray) -> Joined:
        arrays = picked([(self._store.arrays, own), (self._beside.arrays, beside)])
        everything = np.arange(len(own) + len(beside))
        batch = assemble(arrays, everything, self._store.cutoffs, self._device)
        return Joined(batch, len(own), int(self._store.n_atoms[own].sum()))

    def _parts(self, store: GraphStore, frames: tuple[int, ...], n_parts: int) -> list[GraphBatch]:
        chosen = np.array(frames)
        parts = [chosen]
        if n_parts > 1:
            parts = balanced_parts(chosen, store.n_rows[chosen], min(n_parts, len(chosen)))
        return [store.batch(part, self._device) for part in self._processes.share(parts)]


def own_of(frames: Frames) -> np.ndarray:
    """Return those frames of an update that are the training's own."""
    return frames.own if isinstance(frames, Chosen) else frames


def _key(frames: Frames, n_parts: int) -> _Key:
    beside = frames.beside.tolist() if isinstance(frames, Chosen) else ()
    return tuple(own_of(frames).tolist()), tuple(beside), n_parts
