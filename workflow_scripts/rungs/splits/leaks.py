"""Checks that no test frame was seen in training; only published divisions can fail them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rungs.errors import StudyError

if TYPE_CHECKING:
    from rungs.splits.split import Member

_SHOWN = 5


def check_divisions(given: Mapping[str, Sequence["Member"]]) -> None:
    """See that each level's published division still has both its parts.

    Raises:
        StudyError: when all frames of a part were refused at the door.
    """
    for name, level in given.items():
        n_test = sum(m.given_part == "test" for m in level)
        if n_test in (0, len(level)):
            part = "test" if n_test == 0 else "training"
            raise StudyError(
                f"no frame of the {name}'s {part} files was admitted; see its rejects file, or "
                f"mend {name}.data"
            )


def check_leaks(
    trained: Mapping[str, Sequence["Member"]], tested: Mapping[str, Sequence["Member"]]
) -> None:
    """See that what a model is judged on was in no training before.

    Args:
        trained: members of each level, ``source`` and ``target``, in training or validation.
        tested: members of each level in the test part.

    Raises:
        StudyError: when a test frame is a copy of a training frame (of its own level or, for the
            target's test, of the source), or when a material that the target has in its test part
            only is in the source's training.
    """
    for trained_name, tested_name in (
        ("source", "source"),
        ("target", "target"),
        ("source", "target"),
    ):
        seen = {m.geometry: m.frame_id for m in trained[trained_name]}
        copies = sorted(
            f"{m.frame_id} = {seen[m.geometry]}" for m in tested[tested_name] if m.geometry in seen
        )
        if copies:
            raise StudyError(
                f"{len(copies)} of the {tested_name}'s test frames are copies of training frames "
                f"of the {trained_name} ({_listed(copies)}); a test on them measures memory, so "
                "take them out of one of the two files, or list all files under train so that "
                "the study divides the materials itself"
            )
    # A division that spreads a material over both parts is not one by material, to begin with.
    kept_whole = {m.material_id for m in tested["target"]}
    kept_whole -= {m.material_id for m in trained["target"]}
    if shared := sorted(kept_whole & {m.material_id for m in trained["source"]}):
        raise StudyError(
            f"{len(shared)} of the materials in the target's test files are in the source's "
            f"training files ({_listed(shared)}); take them out of one of the two, or list all "
            "files under train so that the study divides the materials itself"
        )


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
