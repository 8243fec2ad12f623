"""The strict base of every configuration section."""

import ast
import inspect
import itertools
import os
import textwrap
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue


class Options(BaseModel):
    """A section of the configuration: unknown keys are errors, values are never coerced.

    The docstring of each section and the string below each key are the reference documentation;
    the JSON schema is generated from them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # Only when a schema is asked for. Pydantic's own way, use_attribute_docstrings, reads the
        # sources whenever the classes are made: in every job, for a third of their import's time.
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for key, text in _descriptions(cls).items():
            if key in properties:
                properties[key].setdefault("description", text)
        return schema


def _descriptions(section: type[Options]) -> dict[str, str]:
    """Return the strings that stand below the keys of ``section``, inherited ones included."""
    found = {}
    for part in reversed(section.__mro__[: section.__mro__.index(Options)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0].body
        for before, after in itertools.pairwise(body):
            match before, after:
                case (
                    ast.AnnAssign(target=ast.Name(key)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[key] = inspect.cleandoc(text)
    return found


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
