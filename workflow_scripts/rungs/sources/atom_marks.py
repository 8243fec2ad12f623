"""Isolated atoms that files mark as such, whatever else is declared of them."""

import re

from rungs.frames.isolated_atoms import MARKS

MARK_KEY = "config_type"
"""Key under which fitting codes look for a frame's kind, isolated atoms among them."""


def is_atom_mark(value: str | None) -> bool:
    """Whether a value marks an isolated atom: ``IsolatedAtom``, ``isolated_atom``, …

    Such a frame belongs to no material, and needs none declared.
    """
    return value is not None and re.sub("[^a-z0-9]", "", value.lower()) in MARKS
