"""Telling whether two frames are the same configuration, whatever their ids and labels."""

import hashlib

import numpy as np

from rungs.frames.frame import Frame

ROUNDED_TO = 4
"""Decimals of an Å: coarser than the digits that files keep, far finer than any rattle."""


def geometry_digest(frame: Frame) -> bytes:
    """16 bytes that agree for frames with the same elements, cell and positions.

    Atoms are compared in their order and positions as they are written, without wrapping and
    without symmetry: it finds copies of a frame, not equivalent crystals.
    """
    digest = hashlib.blake2b(frame.atomic_numbers.astype("<i8").tobytes(), digest_size=16)
    for lengths in (frame.cell, frame.cart_coords):
        # adding zero turns -0 into 0
        digest.update((np.round(lengths, ROUNDED_TO) + 0.0).astype("<f8").tobytes())
    return digest.digest()
