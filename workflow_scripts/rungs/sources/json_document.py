"""A document of a JSON file, and its values by name."""

import json
from collections.abc import Mapping
from functools import cached_property

from rungs.sources.opening import latin_1

WRAPPERS = ("data", "docs", "documents", "entries", "frames", "items", "results", "structures")
"""Keys around a list of documents that name no material."""


class MissingFieldError(Exception):
    """A document lacks a field that its kind has."""

    def __init__(self, name: str, why: str = "") -> None:
        super().__init__(f"has no '{name}'{why}")


class JSONDocument:
    """An object, where it stands and how it was written.

    Args:
        path: keys of the objects and places in the lists around it.
        fields: its content.
        text: the same as it is written.
        label: name of the file, for ids of documents that have none.
    """

    def __init__(
        self, path: tuple[str | int, ...], fields: Mapping, text: bytes, label: str
    ) -> None:
        self.path, self.fields, self._text, self._label = path, fields, text, label
        self.lacks: dict[str, str] = {}
        """Labels that it lacks, and what was looked for, in words."""

    def get(self, *names: str) -> object:
        """Value under the first of ``names`` that is there and not null, else None; dots lead
        into nested objects."""
        for name in names:
            value = _value(self.fields, name) if "." in name else self.fields.get(name)
            if value is not None:
                return value
        return None

    def field(self, *names: str) -> object:
        """As :meth:`get`.

        Raises:
            MissingFieldError: when there is none, with the first of ``names``.
        """
        if (value := self.get(*names)) is None:
            raise MissingFieldError(names[0])
        return value

    def written_id(self, name: str) -> str | None:
        """The id under ``name``, as it is written, digits and exponents included; None where there
        is none.

        Raises:
            ValueError: for a list or an object.
        """
        value = self.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, list | dict):
            raise ValueError(f"a {type(value).__name__} stands where the id '{name}' is expected")
        if isinstance(value, bool | int):
            return json.dumps(value)
        # other numbers were rounded when they were parsed, and so were whole ones of many digits
        fields = json.loads(latin_1(self._text), parse_float=str, parse_int=str)
        return str(_value(fields, name))

    @cached_property
    def own_id(self) -> str:
        """An id from where the document stands: the key that leads to it, or its place in the
        file, from 0."""
        *around, last = self.path
        if isinstance(last, int) or last.isdigit():
            names = [str(part) for part in around if part not in WRAPPERS] or [self._label]
            return f"{'.'.join(names)}:{last}"
        return last

    @property
    def material_around(self) -> str | None:
        """The key of the object or list that the document stands in, as a material's id; None
        where there is none."""
        around = [part for part in self.path[:-1] if isinstance(part, str)]
        return around[-1] if around and around[-1] not in WRAPPERS else None


def _value(fields: object, name: str) -> object:
    for part in name.split("."):
        fields = fields.get(part) if isinstance(fields, Mapping) else None
    return fields
