"""Which elements each level has, and whether every method of transfer can do with them."""

import os
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rungs.errors import StudyError
from rungs.splits.composition import elements, read_compositions

if TYPE_CHECKING:
    from rungs.config.methods import Method
    from rungs.config.study import Study


class ElementCount(NamedTuple):
    """How many frames of a level have an element; the fields are the columns of the table."""

    level: str
    element: str
    training_frames: int
    other_frames: int
    """Those that validate or test."""


def count_elements(
    level: str, path: str | os.PathLike, part_of: Mapping[str, str]
) -> list[ElementCount]:
    """Count the frames with each element of one level.

    Args:
        level: ``source`` or ``target``.
        path: its file of frames.
        part_of: the part of each of its frame ids.
    """
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for frame_id, composition in read_compositions(path, part_of).items():
        counts[part_of[frame_id] == "train"].update(elements(composition))
    found = sorted(counts[True] | counts[False])
    return [ElementCount(level, e, counts[True][e], counts[False][e]) for e in found]


def check_methods_elements(study: "Study", counts: list[ElementCount]) -> None:
    """Do :func:`check_elements` for all methods of a study, each with what its network knows.

    Raises:
        StudyError: as there.
    """
    for network in study.networks:
        own = {n: m for n, m in study.methods.items() if study.network_of(n).name == network.name}
        check_elements(own, counts, from_source_alone=network.pretraining.initial == "random")


def check_elements(
    methods: Mapping[str, "Method"], counts: list[ElementCount], *, from_source_alone: bool
) -> None:
    """See that no method asks for an element's embedding that nothing has trained.

    Args:
        methods: of the study, by name.
        counts: of both levels.
        from_source_alone: whether the pretraining starts from random weights, so that a pretrained
            model knows the source's elements and no others.

    Raises:
        StudyError: for a ``copy_embedding`` to an element that the target's frames lack, or from
            one that the source's training frames lack; and for a method that starts pretrained,
            with elements that the source lacks, and does not say what becomes of them.
    """
    source = {c.element for c in counts if c.level == "source"}
    trained = {c.element for c in counts if c.level == "source" and c.training_frames}
    target = {c.element for c in counts if c.level == "target"}
    for name, method in methods.items():
        if method.initial != "pretrained":
            continue
        key = f"methods.{name}.copy_embedding"
        for new, known in (method.copy_embedding or {}).items():
            if new not in target:
                raise StudyError(
                    f"{key}: no target frame has {new}; the target's elements are "
                    f"{', '.join(sorted(target))}"
                )
            if from_source_alone and known not in trained:
                raise StudyError(
                    f"{key}: no training frame of the source has {known}, so that its embedding is "
                    f"untrained; the elements of those frames are {', '.join(sorted(trained))}"
                )
        # Those that only a test frame of the source has are what a split by chemistry asks for.
        missing = sorted(target - source)
        if from_source_alone and missing and method.copy_embedding is None:
            example = f"{{{missing[0]}: {min(trained)}}}" if trained else "{}"
            raise StudyError(
                f"methods.{name} starts pretrained, but the source's frames have no "
                f"{', '.join(missing)} (they have {', '.join(sorted(source))}): say what the "
                f"embedding starts from, such as `copy_embedding: {example}`, or `copy_embedding: "
                "{}` to start from an untrained one"
            )
