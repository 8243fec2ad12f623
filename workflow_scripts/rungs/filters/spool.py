"""Frames put aside, to be taken up again material by material."""

import os
from array import array
from collections.abc import Iterator

from rungs.frames import spool
from rungs.frames.frame import Frame


class Spool(spool.Spool):
    """Used as a context manager: :meth:`add` all frames, then read :meth:`materials`.

    Memory holds where each frame lies, 8 bytes a frame and a list a material, and one material's
    frames at a time.

    Args:
        folder: on a disk that has room for the frames, about 64 bytes an atom.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        super().__init__(
            folder, ", or switch off near_duplicates and energy_window.relaxed: lowest"
        )
        self._places: dict[str, array] = {}

    def add(self, item: Frame) -> int:
        """Put a frame aside and return its place.

        Raises:
            StudyError: when the disk is full.
        """
        place = super().add(item)
        self._places.setdefault(item.material_id, array("q")).append(place)
        return place

    def materials(self) -> Iterator[list[Frame]]:
        """The frames of each material in the order they were added, materials by their first.

        Raises:
            StudyError: when the disk is full.
        """
        for places in self._places.values():
            yield [self.at(place) for place in places]
