"""What a split needs to know of a frame, read for a million frames in seconds."""

import os
from typing import NamedTuple

from rungs.frames.columns import iter_geometries
from rungs.splits.composition import Compositions
from rungs.splits.geometry import geometry_digests


class Member(NamedTuple):
    """A frame as a split sees it."""

    frame_id: str
    material_id: str
    given_part: str | None
    geometry: bytes
    """Digest of its elements, cell and positions; copies of a frame have the same."""
    composition: str = ""
    """Reduced composition, such as ``Al2 O3``."""


def read_members(path: str | os.PathLike) -> list[Member]:
    """The members of a level from its file of frames, in the file's order.

    Raises:
        StudyError: when the file cannot be read.
    """
    compositions = Compositions()
    materials: dict[str, str] = {}
    members = []
    for frames in iter_geometries(path):
        members += map(
            Member,
            frames.frame_ids,
            # one text for each material, not one for each of its frames
            (materials.setdefault(name, name) for name in frames.material_ids),
            frames.given_parts,
            geometry_digests(frames),
            compositions(frames),
        )
    return members
