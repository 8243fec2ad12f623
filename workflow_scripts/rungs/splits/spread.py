"""Materials that a published division spreads over training and test."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungs.splits.groups import split_groups
from rungs.splits.members import Member

if TYPE_CHECKING:
    from rungs.config.data import Split


def without_spread(levels: dict[str, list[Member]], options: "Split") -> dict[str, list[Member]]:
    """Return the members that a split is of: all, or with ``options.spread`` = ``set_aside``
    those whose published part is the one of their material.

    A material tests where the target publishes nothing but test frames of it (for one that the
    target does not divide: the source); else it trains. What stands together, such as the materials
    of one composition where ``options.by`` asks for it, is taken as one.

    Args:
        levels: the members of ``source`` and ``target``.
        options: the section ``split``.
    """
    if options.spread == "keep":
        return levels
    group_of = split_groups(levels, options.by)
    tests: dict[str, bool] = {}
    for level in ("target", "source"):
        parts: dict[str, set[str]] = {}
        for m in levels[level]:
            if m.given_part is not None:
                parts.setdefault(group_of[m.material_id], set()).add(m.given_part)
        for group, found in parts.items():
            tests.setdefault(group, found == {"test"})
    return {
        level: [
            m
            for m in members
            if m.given_part is None or tests[group_of[m.material_id]] == (m.given_part == "test")
        ]
        for level, members in levels.items()
    }


def spread_words(level: str, all_members: Sequence[Member], kept: Sequence[Member]) -> str | None:
    """A line on the frames that were set aside; None where there are none."""
    n = len(all_members) - len(kept)
    if not n:
        return None
    return (
        f"{level}: {n:,} of {len(all_members):,} frames are set aside (split.spread): the "
        "published division has others of their material in another part"
    )
