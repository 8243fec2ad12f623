"""Telling whether two frames are the same configuration, whatever their ids and labels."""

import hashlib

import numpy as np

from rungs.frames.columns import Geometries

ROUNDED_TO = 4
"""Decimals of an Å: coarser than the digits that files keep, far finer than any rattle."""


def geometry_digests(frames: Geometries) -> list[bytes]:
    """For each frame 16 bytes that agree for frames with the same elements, cell and positions.

    Atoms are compared in their order and positions as they are written, without wrapping and
    without symmetry: it finds copies of a frame, not equivalent crystals.
    """
    numbers = np.ascontiguousarray(frames.atomic_numbers, dtype="<i8")
    # adding zero turns -0 into 0
    cells, coords = (
        np.ascontiguousarray(np.round(lengths, ROUNDED_TO) + 0.0, dtype="<f8")
        for lengths in (frames.cells, frames.cart_coords)
    )
    digests, start = [], 0
    for cell, stop in zip(cells, frames.stops.tolist(), strict=True):
        digest = hashlib.blake2b(numbers[start:stop], digest_size=16)
        digest.update(cell)
        digest.update(coords[start:stop])
        digests.append(digest.digest())
        start = stop
    return digests
