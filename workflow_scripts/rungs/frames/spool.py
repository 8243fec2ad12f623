"""Things put aside until all of them are known: in memory while they are few, then on disk."""

import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from rungs.errors import StudyError

_IN_MEMORY = 32 * 2**20
"""Bytes that are held in memory before a file is made: ten thousand frames or so."""


class Spool:
    """Used as a context manager: :meth:`add` everything, then go through :meth:`items`.

    Args:
        folder: on a disk that has room for what is put aside, about 64 bytes an atom.
        advice: what to do where it has not, besides freeing space.
    """

    def __init__(self, folder: str | os.PathLike, advice: str = "") -> None:
        self._folder = Path(folder)
        self._advice = advice

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Without a name in the folder, so that nothing is left even by a process that is killed.
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=self._folder, buffering=1 << 20)
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, item: Any) -> int:
        """Put ``item`` aside and return its place, for :meth:`at`.

        Raises:
            StudyError: when the disk is full.
        """
        place = self._file.tell()
        with self._told():
            pickle.dump(item, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        return place

    def items(self) -> Iterator[Any]:
        """Everything in the order of adding. Raises as :meth:`add`."""
        with self._told():
            self._file.flush()
        end = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < end:
            yield pickle.load(self._file)

    def at(self, place: int) -> Any:
        """What lies at ``place``. Raises as :meth:`add`."""
        if self._file.tell() != place:
            with self._told():
                self._file.seek(place)
        return pickle.load(self._file)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StudyError(
                f"{self._folder}: cannot hold the frames that are put aside until all are known "
                f"({error.strerror}); free space on this disk{self._advice}"
            ) from None
