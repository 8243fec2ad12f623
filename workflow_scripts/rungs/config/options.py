"""The strict base of every configuration section."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


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
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""Used in file names: letters, digits, '_' and '-'."""
Sampling = Literal["random", "element_covering", "diverse"]
"""Strategies of drawing subsets."""
