"""Checks that no test frame was seen in training; only published divisions can fail them."""

from rungs.errors import StudyError
from rungs.splits.groups import Levels, family

_SHOWN = 5


def check_divisions(given: Levels) -> None:
    """See that each level's published division still has both its parts.

    Raises:
        StudyError: when all frames of a part were refused by the screening.
    """
    for name, level in given.items():
        n_test = sum(m.given_part == "test" for m in level)
        if n_test in (0, len(level)):
            part = "test" if n_test == 0 else "training"
            raise StudyError(
                f"no frame of the {name}'s {part} files passed the screening; see its rejects "
                f"file, or mend {name}.data"
            )


def check_leaks(trained: Levels, tested: Levels, across: bool = True) -> None:
    """See that what a model is judged on was in no training before.

    Args:
        trained: members of each level, ``source`` and ``target``, in training or validation.
        tested: members of each level in the test part.
        across: whether the target's test must be new to the source's training too.

    Raises:
        StudyError: when a test frame is a copy of a training frame (of its own level or, for the
            target's test, of the source), or when a material that the target has in its test part
            only is in the source's training.
    """
    for trained_name, tested_name in _compared(across):
        seen = {m.geometry: m.frame_id for m in trained[trained_name]}
        copies = sorted(
            f"{m.frame_id} = {seen[m.geometry]}" for m in tested[tested_name] if m.geometry in seen
        )
        if copies:
            raise StudyError(
                f"{len(copies)} of the {tested_name}'s test frames are copies of training frames "
                f"of the {trained_name} ({_listed(copies)}); a test on them measures memory, so "
                "take them out of one of the two files, or list all files under train so that "
                f"the study divides the materials itself{_or_allow(trained_name, tested_name)}"
            )
    if not across:
        return
    # A division that spreads a material over both parts is not one by material, to begin with.
    kept_whole = {m.material_id for m in tested["target"]}
    kept_whole -= {m.material_id for m in trained["target"]}
    if shared := sorted(kept_whole & {m.material_id for m in trained["source"]}):
        raise StudyError(
            f"{len(shared)} of the materials in the target's test files are in the source's "
            f"training files ({_listed(shared)}); take them out of one of the two, or list all "
            "files under train so that the study divides the materials itself"
            f"{_or_allow('source', 'target')}"
        )


def check_families(trained: Levels, tested: Levels, by: str, across: bool = True) -> None:
    """See that no composition or chemical system is both trained on and tested on.

    Args:
        trained, tested, across: as for :func:`check_leaks`.
        by: ``composition`` or ``chemical_system``.

    Raises:
        StudyError: naming those that are.
    """
    for trained_name, tested_name in _compared(across):
        seen = {family(m, by) for m in trained[trained_name]}
        if shared := sorted(seen & {family(m, by) for m in tested[tested_name]}):
            raise StudyError(
                f"split.by is {by}, but {len(shared)} of those in the {tested_name}'s test files "
                f"are also in the {trained_name}'s training files ({_listed(shared)}); split by "
                "material, or list all files under train so that the study divides them itself"
            )


def _compared(across: bool) -> list[tuple[str, str]]:
    """Levels trained on and tested on that must have nothing in common."""
    own = [("source", "source"), ("target", "target")]
    return [*own, ("source", "target")] if across else own


def _or_allow(trained_name: str, tested_name: str) -> str:
    if trained_name == tested_name:
        return ""
    return ", or allow it with split.source_may_train_on_target_test"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
