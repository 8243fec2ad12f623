"""Frames put aside in a temporary file, to be taken up again material by material."""

import os
import pickle
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rungs.errors import StudyError
from rungs.frames.frame import Frame


class Spool:
    """Used as a context manager: :meth:`add` all frames, then read :meth:`materials`.

    Memory holds where each frame lies, 8 bytes a frame and a list a material, and one material's
    frames at a time.

    Args:
        folder: on a disk that has room for the frames, about 64 bytes an atom.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self._folder = Path(folder)
        self._places: dict[str, array] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Without a name in the folder, so that nothing is left even by a process that is killed.
        self._file = tempfile.TemporaryFile(dir=self._folder, buffering=1 << 20)
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, frame: Frame) -> None:
        """Put a frame aside.

        Raises:
            StudyError: when the disk is full.
        """
        self._places.setdefault(frame.material_id, array("q")).append(self._file.tell())
        with self._told():
            pickle.dump(frame, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def materials(self) -> Iterator[list[Frame]]:
        """The frames of each material in the order they were added, materials by their first.

        Raises:
            StudyError: when the disk is full.
        """
        with self._told():
            self._file.flush()
        for places in self._places.values():
            frames = []
            for place in places:
                if self._file.tell() != place:
                    self._file.seek(place)
                frames.append(pickle.load(self._file))
            yield frames

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StudyError(
                f"{self._folder}: cannot hold the frames that filters by material put aside "
                f"({error.strerror}); free space on this disk, or switch off near_duplicates and "
                "energy_window.relaxed: lowest"
            ) from None
