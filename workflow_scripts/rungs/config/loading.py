"""From a mapping or a YAML file to a validated study, with errors a person can act on."""

import contextlib
import difflib
import os
import types
import typing
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from rungs.config.data import Screening
from rungs.config.reading import read_values
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
_LONGEST = 60
"""Characters of a value in a message."""
_SHORT_NAMES = {
    "xyz": "extended_xyz",
    "extxyz": "extended_xyz",
    "ext_xyz": "extended_xyz",
    "db": "ase_db",
    "ase": "ase_db",
    "traj": "ase_db",
    "vasp": "vasp_runs",
    "vasprun": "vasp_runs",
    "json": "mp_json",
    "mptrj": "mp_json",
    "matpes": "matpes_json",
    "materials_project": "mp_api",
    "mp": "mp_api",
}
"""What kinds of sources are called elsewhere."""


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
        raise StudyError(describe_faults(error, origin)) from None


def describe_faults(error: ValidationError, origin: str) -> str:
    """All that pydantic found wrong, a line each, naming key and file."""
    # A misspelt key is told where the right one is missing, not once more as an unknown one.
    told = {_misspelt(fault) for fault in error.errors() if fault["type"] == "missing"}
    lines = dict.fromkeys(_describe(fault) for fault in error.errors() if fault["loc"] not in told)
    return "\n".join(f"{origin}: {line}" for line in lines)


def read_study(*paths: str | os.PathLike) -> Study:
    """Read and validate the study in a YAML file, or in several.

    Of several, the later ones win, key by key within sections, as for ``snakemake --configfile``.

    Raises:
        StudyError: when a file is missing or is no YAML mapping, or the study does not validate.
    """
    values: dict = {}
    for path in paths:
        _update(values, read_values(path))
    return load_study(values, ", ".join(map(str, paths)))


def _update(values: dict, later: Mapping) -> None:
    for key, value in later.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), Mapping):
            _update(values[key], value)
        else:
            values[key] = value


def _describe(fault: Mapping) -> str:
    """One line for one of pydantic's faults."""
    # Discriminated unions and defaults put names into the location that no file shows.
    shown: list[str] = []
    for part in fault["loc"]:
        if not isinstance(part, str) or not shown or part not in (*_UNION_TAGS, "[key]"):
            shown.append(str(part))
    key = ".".join(shown) or "the study"
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        section = _section_at(fault["loc"][:-1])
        if successor := RENAMED.get((section, fault["loc"][-1])):
            return f"{key}: is called '{successor}' now; write '{successor}' instead"
        if advice := REPLACED.get((section, fault["loc"][-1])):
            return f"{key}: {advice}"
        known = list(section.model_fields) if section else []
        return f"{key}: unknown key; {_nearest(str(fault['loc'][-1]), known, 'known keys')}"
    if kind == "missing":
        misspelt = _misspelt(fault)
        instead = f". Is it what '{misspelt[-1]}' is meant to be?" if misspelt else ""
        return f"{key}: missing; this key has no default{instead}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return f"{key}.kind: {_kind_words(given)}"
    if kind == "model_type":
        return f"{key}: is a section with keys of its own (got {_shortened(given)})"
    message = fault["msg"].removeprefix("Value error, ")
    if kind in ("value_error", "dict_type"):
        return f"{key}: {message}"
    return f"{key}: {message} (got {_shortened(given)}){_hint(kind, given)}"


def _nearest(name: str, known: list[str], heading: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"{heading}: {', '.join(known)}"


def _misspelt(fault: Mapping) -> tuple | None:
    """Where the unknown key stands that resembles a missing one; None where there is none."""
    *place, name = fault["loc"]
    given, section = fault["input"], _section_at(tuple(place))
    if not isinstance(given, Mapping) or section is None:
        return None
    unknown = [str(key) for key in given if key not in section.model_fields]
    near = difflib.get_close_matches(str(name), unknown, n=1, cutoff=0.6)
    return (*place, near[0]) if near else None


def _kind_words(given: object) -> str:
    """What is wrong with the ``kind`` of a source."""
    known = sorted(_UNION_TAGS)
    kind = given.get("kind") if isinstance(given, Mapping) else None
    if kind is None:
        return f"missing; it says what the files are, one of {', '.join(known)}"
    name = _SHORT_NAMES.get(str(kind).lower().lstrip("."), str(kind))
    return f"{_shortened(kind)} is no kind of source; {_nearest(name, known, 'there are')}"


def _shortened(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…, {len(text)} characters"


def _hint(kind: str, given: object) -> str:
    """What to write instead, where YAML or a habit has led astray."""
    if kind in ("float_type", "float_parsing", "int_type") and isinstance(given, str):
        with contextlib.suppress(ValueError):
            number = float(given)
            if "e" in given.lower() and "." not in given:
                return f"; YAML takes {given} for text, write {number:.1e}"
            return (
                "; write the number without quotes (after --config, numbers in braces arrive as "
                "texts: give --configfile a second file with them)"
            )
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f"; write it in quotes, '{given}', if that is the name"
    if kind == "list_type" and isinstance(given, str):
        return f"; a list is written [{given}]"
    if kind == "less_than" and isinstance(given, int | float) and 1 < given <= 100:
        return f"; {given:g} % is {given / 100:g}"
    if kind == "string_pattern_mismatch":
        return "; names have letters, digits, '_' and '-' only"
    return ""


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
