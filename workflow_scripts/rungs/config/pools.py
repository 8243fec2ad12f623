"""Parts of the target's training frames that a method may be kept to."""

from typing import Annotated

from pydantic import Field, model_validator

from rungs.config.options import Options, PositiveFloat


class Pool(Options):
    """Training frames of given temperatures, of given groups, or of both."""

    temperatures: Annotated[list[PositiveFloat], Field(min_length=1)] | None = None
    """In K; frames at one of these."""
    groups: Annotated[list[str], Field(min_length=1)] | None = None
    """Frames with one of these labels (`group_key` of a source, or `solid` and `liquid`)."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "Pool":
        if self.temperatures is None and self.groups is None:
            raise ValueError("give temperatures, groups, or both")
        return self
