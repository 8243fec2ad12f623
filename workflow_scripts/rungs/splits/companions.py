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
            check_companion_frames(f"methods.{name}.companion", method.companion.frames, n_frames)
        check_source_frames(f"methods.{name}.pretraining_size", method.pretraining_size, n_frames)


def check_companion_frames(section: str, asked: int | None, there: int) -> None:
    """See that there are as many source frames as a companion asks for, and any at all.

    Args:
        section: where the companion stands in the configuration, for messages.
        asked: its number of frames; None takes all.
        there: frames of the source's training part.

    Raises:
        StudyError: when there are none, or fewer.
    """
    if not there:
        raise StudyError(f"{section}: the source has no training frames to train on beside")
    check_source_frames(f"{section}.frames", asked, there)


def check_source_frames(key: str, asked: int | None, there: int) -> None:
    """See that the source's training part has as many frames as a key asks for; None takes all.

    Raises:
        StudyError: naming the key and the number of frames.
    """
    if asked is not None and asked > there:
        raise StudyError(
            f"{key} is {asked}, but the source's training part has {there} frames; lower it, or "
            "leave it out to take them all"
        )
