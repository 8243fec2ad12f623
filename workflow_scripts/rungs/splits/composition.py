"""Reduced compositions as text: what frames have in common beyond their material."""

import functools
import os
from collections.abc import Collection

import numpy as np

from rungs.frames.columns import Geometries, iter_geometries
from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS


class Compositions:
    """Reduced compositions of batches of frames, each text made once."""

    def __init__(self) -> None:
        self._texts: dict[bytes, str] = {}

    def __call__(self, frames: Geometries) -> list[str]:
        """For each frame its reduced composition, such as ``Al2 O3``: by symbol, 1 left out."""
        n_frames, width = len(frames.stops), MAX_ATOMIC_NUMBER + 1
        frame = np.repeat(np.arange(n_frames), np.diff(frames.stops, prepend=0))
        counts = np.bincount(frame * width + frames.atomic_numbers, minlength=n_frames * width)
        rows = counts.reshape(n_frames, width).astype(np.int32)
        return [self._text(row) for row in rows]

    def _text(self, counts: np.ndarray) -> str:
        key = counts.tobytes()
        text = self._texts.get(key)
        if text is None:
            present = np.flatnonzero(counts)
            reduced = counts[present] // np.gcd.reduce(counts[present])
            parts = zip((SYMBOLS[z - 1] for z in present), reduced.tolist(), strict=True)
            text = " ".join(f"{s}{n}" if n > 1 else s for s, n in sorted(parts))
            self._texts[key] = text
        return text


def read_compositions(path: str | os.PathLike, wanted: Collection[str]) -> dict[str, str]:
    """The reduced composition of each frame in ``wanted`` that a file of frames has.

    Raises:
        StudyError: when the file cannot be read.
    """
    wanted, compositions = set(wanted), Compositions()
    return {
        frame_id: composition
        for frames in iter_geometries(path, positions=False)
        for frame_id, composition in zip(frames.frame_ids, compositions(frames), strict=True)
        if frame_id in wanted
    }


@functools.cache
def elements(composition: str) -> frozenset[str]:
    """The symbols in a composition as :class:`Compositions` writes it."""
    return frozenset(part.rstrip("0123456789") for part in composition.split())


@functools.cache
def chemical_system(composition: str) -> str:
    """The symbols of a composition in alphabetical order, such as ``Al-O``."""
    return "-".join(sorted(elements(composition)))
