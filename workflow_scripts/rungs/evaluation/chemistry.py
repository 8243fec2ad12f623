"""Chemistry that a run's frames lack: test materials whose set of elements none of them has."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rungs.graphs.store import GraphStore


class Chemistry:
    """The chemical systems of frames.

    Args:
        store: graphs of the target.
        test: the material of each test frame, by id.
    """

    def __init__(self, store: GraphStore, test: Mapping[str, str]) -> None:
        self._store = store
        self._of_material: dict[str, set[bytes]] = {}
        for system, material in zip(self._systems(list(test)), test.values(), strict=True):
            self._of_material.setdefault(material, set()).add(system)

    def lacking(self, frames: Iterable[str]) -> frozenset[str]:
        """Return the test materials all of whose chemical systems no one of ``frames`` has."""
        there = set(self._systems(list(frames)))
        return frozenset(name for name, own in self._of_material.items() if not own & there)

    def _systems(self, frames: Sequence[str]) -> list[bytes]:
        compositions = self._store.compositions(self._store.index(frames))
        return [np.packbits(row > 0).tobytes() for row in compositions]
