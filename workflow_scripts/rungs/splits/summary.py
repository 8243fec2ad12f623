"""What each part of a split holds, and what the two levels share."""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from rungs.frames.frame import LABELS
from rungs.splits.composition import elements
from rungs.splits.groups import split_groups
from rungs.splits.members import Member
from rungs.splits.split import PARTS, SplitRow


class PartSummary(NamedTuple):
    """One part of one level; the fields are the columns of the table."""

    level: str
    part: str
    materials: int
    frames: int
    elements: int
    """Number of different elements in the part's frames."""
    shared_materials: int
    """How many of the materials the other level has too, in any part."""
    in_other_training: int
    """How many of the materials are in the other level's training or validation part."""
    n_energy: int
    """Frames that are labelled with an energy; the next ones likewise."""
    n_forces: int
    n_stress: int
    n_magmoms: int

    @property
    def labelled(self) -> dict[str, int]:
        """Frames that have each of ``LABELS``."""
        return {name: getattr(self, f"n_{name}") for name in LABELS}


def summarise(
    source: Sequence[Member],
    target: Sequence[Member],
    rows: Sequence[SplitRow],
    labelled: Mapping[str, Mapping[str, Container[str]]],
) -> list[PartSummary]:
    """Count what is where. A material is shared when both levels have its id, or an identical
    frame under two ids.

    Args:
        source, target: the members of the two levels.
        rows: the split of just these members.
        labelled: for each level and each of ``LABELS`` the ids of the frames that have it.
    """
    levels = {"source": source, "target": target}
    group_of = split_groups(levels)
    held: dict[tuple[str, str], list[Member]] = {}
    for name, level in levels.items():
        part_of = {row.frame_id: row.part for row in rows if row.level == name}
        for m in level:
            held.setdefault((name, part_of[m.frame_id]), []).append(m)
    found = {key: {group_of[m.material_id] for m in members} for key, members in held.items()}
    return [
        _summary(name, part, held.get((name, part), []), group_of, found, labelled[name])
        for name in levels
        for part in PARTS
    ]


def _summary(
    name: str,
    part: str,
    members: Sequence[Member],
    group_of: Mapping[str, str],
    found: Mapping[tuple[str, str], set[str]],
    labelled: Mapping[str, Container[str]],
) -> PartSummary:
    materials = {m.material_id for m in members}
    other = "target" if name == "source" else "source"
    held_there = set().union(*(found.get((other, p), set()) for p in PARTS))
    trained_there = found.get((other, "train"), set()) | found.get((other, "validation"), set())
    return PartSummary(
        name,
        part,
        materials=len(materials),
        frames=len(members),
        elements=len(set().union(*(elements(c) for c in {m.composition for m in members}))),
        shared_materials=sum(group_of[m] in held_there for m in materials),
        in_other_training=sum(group_of[m] in trained_there for m in materials),
        **{f"n_{name}": sum(m.frame_id in labelled[name] for m in members) for name in LABELS},
    )
