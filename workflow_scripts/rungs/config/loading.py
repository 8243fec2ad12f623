"""From a mapping or a YAML file to a validated study, with errors a person can act on."""

import difflib
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from rungs.config.data import Screening
from rungs.config.sources import AnySource
from rungs.config.study import Study
from rungs.config.training import Training
from rungs.errors import StudyError

RENAMED = {
    (Study, "door"): "screening",
    (Training, "parts"): "accumulation_steps",
}
"""Keys that had another name once, by their section, and their successors."""
REPLACED = {
    (Screening, "max_abs_energy"): (
        "is gone, as energies of some codes are large; 'max_energy_distance' limits how far, in "
        "eV/atom, an energy may lie from a fit of all of them on composition: write it instead, "
        "or leave it out"
    ),
}
"""Keys whose place another took, with a meaning of its own, and what to do."""


def load_study(values: Mapping[str, object], origin: str = "the configuration") -> Study:
    """Validate ``values`` and return the study.

    Args:
        values: the configuration as nested mappings, as YAML gives it.
        origin: name of the file the values come from, for messages.

    Raises:
        StudyError: one line a fault, each naming key and file; a misspelt key comes with its
            nearest match.
    """
    try:
        return Study.model_validate(dict(values))
    except ValidationError as error:
        lines = dict.fromkeys(_describe(fault) for fault in error.errors())
        raise StudyError("\n".join(f"{origin}: {line}" for line in lines)) from None


def read_study(path: str | os.PathLike) -> Study:
    """Read and validate the study in a YAML file.

    Raises:
        StudyError: when the file is missing, is no YAML mapping, or does not validate.
    """
    import yaml

    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: is not valid YAML: {error}".replace("\n", " ")) from None
    if not isinstance(values, Mapping):
        raise StudyError(f"{path}: holds no keys; see config.yaml for an example")
    return load_study(values, str(path))


def _describe(fault: Mapping) -> str:
    """One line for one of pydantic's faults."""
    # Discriminated unions and defaults put names into the location that no file shows.
    section, shown = Study, []
    for part in fault["loc"]:
        if not isinstance(part, str) or not shown or part not in _UNION_TAGS:
            shown.append(str(part))
    key = ".".join(shown) or "the study"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        section = _section_at(fault["loc"][:-1])
        if successor := RENAMED.get((section, fault["loc"][-1])):
            return f"{key}: is called '{successor}' now; write '{successor}' instead"
        if advice := REPLACED.get((section, fault["loc"][-1])):
            return f"{key}: {advice}"
        known = list(section.model_fields) if section else []
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if fault["type"] == "missing":
        return f"{key}: missing; this key has no default"
    if fault["type"] == "model_type":
        return f"{key}: is a section with keys of its own (got {fault['input']!r})"
    if fault["type"] in ("value_error", "dict_type"):
        return f"{key}: {message}"
    return f"{key}: {message} (got {fault['input']!r})"


def _section_at(location: tuple) -> type[BaseModel] | None:
    """The section class at a place in the study; None where it cannot be told."""
    options: list = [Study]
    for part in location:
        found = []
        for option in options:
            if isinstance(option, type) and issubclass(option, BaseModel):
                field = option.model_fields.get(part)
                if part in _UNION_TAGS and _tag(option) == part:
                    found.append(option)
                elif field is not None:
                    found += _kinds(field.annotation)
            else:
                # a mapping or a list: any key leads to its values
                found += [kind for arg in typing.get_args(option)[-1:] for kind in _kinds(arg)]
        options = found
    sections = [option for option in options if isinstance(option, type)]
    return next((s for s in sections if issubclass(s, BaseModel)), None)


def _kinds(annotation: object) -> list:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for arg in typing.get_args(annotation) for kind in _kinds(arg)]
    return [annotation]


def _tag(section: type[BaseModel]) -> str | None:
    kind = section.model_fields.get("kind")
    return typing.get_args(kind.annotation)[0] if kind else None


_UNION_TAGS = tuple(_tag(section) for section in _kinds(AnySource))
