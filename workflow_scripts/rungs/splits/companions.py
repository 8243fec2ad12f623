"""Whether the source has the frames that methods train on beside the target's."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rungs.errors import StudyError

if TYPE_CHECKING:
    from rungs.config.methods import Method


def check_companions(methods: "Mapping[str, Method]", n_frames: int) -> None:
    """See that companions, and pretrainings on fewer frames, ask for no more than there are.

    Args:
        methods: of the study, by name.
        n_frames: of the source's training part.

    Raises:
        StudyError: naming the key and the number of frames.
    """
    for name, method in methods.items():
        if method.has_companion:
            _check(f"methods.{name}.companion", "frames", method.companion.frames, n_frames)
        _check(f"methods.{name}", "pretraining_size", method.pretraining_size, n_frames)


def _check(section: str, key: str, asked: int | None, there: int) -> None:
    if not there and section.endswith(".companion"):
        raise StudyError(f"{section}: the source has no training frames to train on beside")
    if asked is not None and asked > there:
        raise StudyError(
            f"{section}.{key} is {asked}, but the source's training part has {there} frames; "
            "lower it, or leave it out to take them all"
        )
