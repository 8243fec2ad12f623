"""The strict base of every configuration section."""

import os
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Options(BaseModel):
    """A section of the configuration: unknown keys are errors, values are never coerced.

    The docstring of each section and the description of each key are the reference
    documentation; the JSON schema is generated from them.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


Fraction = Annotated[float, Field(ge=0, lt=1, strict=False)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=False)]
PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""As large as a table's column of integers holds."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
"""Used in file names: letters, digits, '_' and '-'."""


def _expanded(path: str) -> str:
    """With `~` and environment variables, as a shell has them; unknown ones stay as they stand."""
    # os's own: pathlib's raises for an unknown user, and would normalise `./file`
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111


UserPath = Annotated[str, AfterValidator(_expanded)]
"""A file or folder of the user's; `~` and `$VARIABLES` stand for what they do in a shell."""
Sampling = Literal["random", "element_covering", "diverse"]
"""Strategies of drawing subsets."""
