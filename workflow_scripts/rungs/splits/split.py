"""Dividing materials into training, validation and test, once for both levels of a study."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from rungs.errors import StudyError
from rungs.seeds import derive_seed
from rungs.splits.given_parts import PARTS, assign_listed
from rungs.splits.groups import Levels, split_groups
from rungs.splits.leaks import check_divisions, check_families, check_leaks
from rungs.splits.members import Member
from rungs.splits.quotas import share_out

if TYPE_CHECKING:
    from rungs.config.data import Split

__all__ = ["PARTS", "Part", "SplitRow", "split_materials"]

Part = Literal["train", "validation", "test"]


class SplitRow(NamedTuple):
    """The part that one frame is in."""

    level: str
    material_id: str
    frame_id: str
    part: Part


def split_materials(
    source: Sequence[Member],
    target: Sequence[Member],
    options: "Split",
    seed: int,
    listed: Mapping[str, Part] | None = None,
) -> list[SplitRow]:
    """Assign each frame of both levels to train, validation or test.

    There is one assignment over the union of both levels' materials, so a material that both have
    is in the same part in both, and no test material of the target is in the source's training.
    Materials that share an identical frame count as one, and so do those of one composition or
    chemical system where ``options.by`` asks for it. Materials in one level only, and those
    in both, are divided separately, so that each level gets its fractions.

    Where a level carries a published division, its test frames stay test, only validation is split
    off its other materials, and the other level (unless it has a division too) follows it.

    With ``options.elements`` = ``train`` materials of one element alone train, where no published
    division says otherwise.

    With ``options.source_may_train_on_target_test`` the target is divided as ever, and the source
    by itself.

    The result depends on the ids and ``seed`` alone, not on the order of the members.

    Args:
        source, target: the members of the two levels.
        options: the section ``split`` of the configuration.
        seed: the study's seed.
        listed: the part of each listed material; unlisted ones train. None divides by fractions.

    Returns:
        One row a frame, ordered by level, material and frame.

    Raises:
        StudyError: when there are too few
            materials for the parts asked for, when the lists do not fit the frames, or when a
            published division has copies of a training frame among the test frames.
    """
    levels = {"source": source, "target": target}
    part_of = _parts(levels, options, seed, listed)
    if options.source_may_train_on_target_test:
        # With another seed: the same order of materials would hold out the same ones again.
        own_seed = derive_seed(seed, "split of the source alone")
        part_of["source"] = _parts({"source": source}, options, own_seed, None)["source"]
    rows = []
    divided: dict[str, dict[str, list[Member]]] = {}
    for name, level in levels.items():
        divided[name] = {part: [] for part in PARTS}
        for m in level:
            part = "test" if m.given_part == "test" else part_of[name][m.material_id]
            divided[name][part].append(m)
            rows.append(SplitRow(name, m.material_id, m.frame_id, part))
    trained = {name: parts["train"] + parts["validation"] for name, parts in divided.items()}
    tested = {name: parts["test"] for name, parts in divided.items()}
    across = not options.source_may_train_on_target_test
    check_leaks(trained, tested, across)
    if options.by != "material":
        check_families(trained, tested, options.by, across)
    return sorted(rows)


def _parts(
    levels: Levels, options: "Split", seed: int, listed: Mapping[str, Part] | None
) -> dict[str, dict[str, Part]]:
    """For each level the part of each material; of its other frames, where some are published
    test frames."""
    group_of = split_groups(levels, options.by)
    if listed is not None:
        assignment = assign_listed(levels, group_of, listed)
    else:
        given = {name for name, level in levels.items() if any(m.given_part for m in level)}
        _check_fractions(levels, given, options)
        check_divisions({name: levels[name] for name in given})
        assignment = _assign(levels, given, group_of, options, seed)
    of_material = {material: assignment[group] for material, group in group_of.items()}
    return dict.fromkeys(levels, of_material)


def _check_fractions(levels: Levels, given: set[str], options: "Split") -> None:
    if options.test == 0 and len(given) < len(levels):
        missing = next(name for name in levels if name not in given)
        raise StudyError(
            f"split.test is 0, but the {missing} has no test files of its own; set split.test to "
            "the fraction of materials to judge on"
        )


def _assign(
    levels: Levels,
    given: set[str],
    group_of: Mapping[str, str],
    options: "Split",
    seed: int,
) -> dict[str, Part]:
    """The part of each group; for a group with published test frames, that of its other frames."""
    elements = _elements(levels, group_of) if options.elements == "train" else set()
    found_in: dict[str, set[str]] = {}
    given_parts: dict[str, set[str]] = {}
    for name, level in levels.items():
        for m in level:
            group = group_of[m.material_id]
            # Published test frames are no part of what is divided here.
            if m.given_part != "test":
                found_in.setdefault(group, set()).add(name)
            if name in given:
                given_parts.setdefault(group, set()).add(m.given_part or "train")
    assignment: dict[str, Part] = {}
    strata: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for group in dict.fromkeys(group_of.values()):
        names = found_in.get(group)
        if given_parts.get(group) == {"test"}:
            assignment[group] = "test"
        elif group in elements and group not in given_parts:
            assignment[group] = "train"
        elif names:
            stratum = (tuple(sorted(names)), group not in given_parts)
            strata.setdefault(stratum, []).append(group)
    in_test = {
        name
        for name, level in levels.items()
        for m in level
        if m.given_part == "test" or assignment.get(group_of[m.material_id]) == "test"
    }
    counts = share_out(
        {stratum: len(members) for stratum, members in strata.items()},
        {"test": options.test, "validation": options.validation},
        {name: name in in_test for name in levels},
        options.by,
    )
    for stratum, members in strata.items():
        # Sorted by a hash of each id: a material more or less does not move the others about.
        order = sorted(members, key=lambda group: (derive_seed(seed, "split", group), group))
        start = 0
        for part in ("test", "validation", "train"):
            stop = start + counts[stratum][part]
            assignment |= dict.fromkeys(order[start:stop], part)
            start = stop
    return assignment


def _elements(levels: Levels, group_of: Mapping[str, str]) -> set[str]:
    """Groups in which all frames are of one element alone."""
    members = [m for level in levels.values() for m in level]
    compounds = {group_of[m.material_id] for m in members if " " in m.composition}
    return {group_of[m.material_id] for m in members if m.composition} - compounds
