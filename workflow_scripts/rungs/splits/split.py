"""Dividing materials into training, validation and test, once for both levels of a study."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from rungs.config.data import Split
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.seeds import derive_seed
from rungs.splits.geometry import geometry_digest
from rungs.splits.leaks import check_divisions, check_leaks
from rungs.splits.quotas import share_out

PARTS = ("train", "validation", "test")
Part = Literal["train", "validation", "test"]


class Member(NamedTuple):
    """What a split needs to know of a frame."""

    frame_id: str
    material_id: str
    given_part: str | None
    geometry: bytes


class SplitRow(NamedTuple):
    """The part that one frame is in."""

    level: str
    material_id: str
    frame_id: str
    part: Part


def members(frames: Iterable[Frame]) -> list[Member]:
    """The members of a level, for :func:`split_materials`."""
    return [
        Member(frame.frame_id, frame.material_id, frame.given_part, geometry_digest(frame))
        for frame in frames
    ]


def split_materials(
    source: Sequence[Member], target: Sequence[Member], fractions: Split, seed: int
) -> list[SplitRow]:
    """Assign each frame of both levels to train, validation or test.

    There is one assignment over the union of both levels' materials, so a material that both have
    is in the same part in both, and no test material of the target is in the source's training.
    Materials that share an identical frame count as one. Materials in one level only, and those
    in both, are divided separately, so that each level gets its fractions.

    Where a level carries a published division, its test frames stay test, only validation is split
    off its other materials, and the other level (unless it has a division too) follows it.

    The result depends on the ids and ``seed`` alone, not on the order of the members.

    Returns:
        One row a frame, ordered by level, material and frame.

    Raises:
        StudyError: when the fractions leave nothing for training, when there are too few
            materials for the parts asked for, or when a published division has copies of a
            training frame among the test frames.
    """
    if fractions.test + fractions.validation >= 1:
        raise StudyError(
            f"split.test ({fractions.test:g}) and split.validation ({fractions.validation:g}) "
            "leave nothing for training; make their sum smaller than 1"
        )
    levels = {"source": source, "target": target}
    given = {name for name, level in levels.items() if any(m.given_part for m in level)}
    if fractions.test == 0 and len(given) < len(levels):
        missing = next(name for name in levels if name not in given)
        raise StudyError(
            f"split.test is 0, but the {missing} has no test files of its own; set split.test to "
            "the fraction of materials to judge on"
        )
    check_divisions({name: levels[name] for name in given})
    unit_of = _units(levels)
    assignment = _assign(levels, given, unit_of, fractions, seed)
    divided: dict[str, dict[bool, list[Member]]] = {}
    rows = []
    for name, level in levels.items():
        divided[name] = {True: [], False: []}
        for m in level:
            part = "test" if m.given_part == "test" else assignment[unit_of[m.material_id]]
            divided[name][part == "test"].append(m)
            rows.append(SplitRow(name, m.material_id, m.frame_id, part))
    check_leaks(
        trained={name: parts[False] for name, parts in divided.items()},
        tested={name: parts[True] for name, parts in divided.items()},
    )
    return sorted(rows)


def _units(levels: dict[str, Sequence[Member]]) -> dict[str, str]:
    """For each material the smallest id among the materials that share frames with it."""
    parent: dict[str, str] = {}

    def root(material: str) -> str:
        while parent[material] != material:
            parent[material] = material = parent[parent[material]]
        return material

    first_with: dict[bytes, str] = {}
    for level in levels.values():
        for m in level:
            parent.setdefault(m.material_id, m.material_id)
            a, b = root(m.material_id), root(first_with.setdefault(m.geometry, m.material_id))
            parent[max(a, b)] = min(a, b)
    return {material: root(material) for material in parent}


def _assign(
    levels: dict[str, Sequence[Member]],
    given: set[str],
    unit_of: dict[str, str],
    fractions: Split,
    seed: int,
) -> dict[str, Part]:
    """The part of each unit; for a unit with published test frames, that of its other frames."""
    found_in: dict[str, set[str]] = {}
    given_parts: dict[str, set[str]] = {}
    for name, level in levels.items():
        for m in level:
            unit = unit_of[m.material_id]
            # Published test frames are no part of what is divided here.
            if m.given_part != "test":
                found_in.setdefault(unit, set()).add(name)
            if name in given:
                given_parts.setdefault(unit, set()).add(m.given_part or "train")
    assignment: dict[str, Part] = {}
    strata: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for unit, names in found_in.items():
        if given_parts.get(unit) == {"test"}:
            assignment[unit] = "test"
        else:
            stratum = (tuple(sorted(names)), unit not in given_parts)
            strata.setdefault(stratum, []).append(unit)
    in_test = {
        name
        for name, level in levels.items()
        for m in level
        if m.given_part == "test" or assignment.get(unit_of[m.material_id]) == "test"
    }
    counts = share_out(
        {stratum: len(units) for stratum, units in strata.items()},
        {"test": fractions.test, "validation": fractions.validation},
        {name: name in in_test for name in levels},
    )
    for stratum, units in strata.items():
        # Sorted by a hash of each id: a material more or less does not move the others about.
        order = sorted(units, key=lambda unit: (derive_seed(seed, "split", unit), unit))
        start = 0
        for part in ("test", "validation", "train"):
            stop = start + counts[stratum][part]
            assignment |= dict.fromkeys(order[start:stop], part)
            start = stop
    return assignment
