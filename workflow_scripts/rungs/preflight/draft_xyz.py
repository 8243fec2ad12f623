"""What extended-XYZ files hold."""

import re
from pathlib import Path

from rungs.preflight import names
from rungs.preflight.drafts import (
    Draft,
    Keys,
    choose_energy,
    choose_ids,
    files_of,
    missing_energy,
    some_of,
)
from rungs.preflight.given import Given
from rungs.sources.xyz_blocks import iter_blocks
from rungs.sources.xyz_comment import is_missing, numbers, parse_comment

_KELVIN = re.compile(r"(\d+(?:\.\d+)?) ?K\b")
_OWN = ("lattice", "properties", "pbc")
_FREE = ("description", "comment", "info", "temperature")
"""Keys that texts with temperatures are under, which only some files need to have."""
_IN_SOME = ("forces", "stress", "virial", "magmoms")
_STRUCTURE = ("species", "symbols", "pos", "positions", "z", "numbers", "tags", "move_mask", "mass")


def draft_xyz(given: Given, folder: Path) -> Draft:
    """Declare what the keys of extended-XYZ files hold; units stay open.

    Raises:
        StudyError: when a file cannot be read, or has nothing that looks like an energy.
    """
    keys, in_files = Keys(), []
    for path in given.files:
        seen: set[str] = set()
        in_files.append(seen)
        for block in some_of(iter_blocks(path, "the file")):
            values = parse_comment(block.comment)
            keys.add(len(block.atoms), {k: v for k, v in values.items() if not is_missing(v)})
            seen |= _add_columns(keys, values) | values.keys()
    _drop_uncommon(keys, set.intersection(*in_files))
    texts = [key for key in keys.values if key.lower() not in _OWN]
    counts = {key: _count(keys.values[key]) for key in texts}
    draft = Draft(files_of(given, folder))
    single = [key for key in texts if counts[key] == 1]
    found = names.candidates("energy", single)
    if not found:
        raise missing_energy(given, [*texts, *keys.columns])
    choose_energy(draft, keys, "energy_key", found)
    draft.open_units["energy"] = "energy_key"
    vectors = [name for name, (kind, width) in keys.columns.items() if (kind, width) == ("R", 3)]
    _choose_forces(draft, vectors)
    _choose_stress(draft, [key for key in texts if counts[key] in (6, 9)])
    moments = [name for name, (kind, width) in keys.columns.items() if (kind, width) == ("R", 1)]
    if moments := names.candidates("magmoms", moments):
        draft.data["magmoms_key"] = moments[0]
    labels = {draft.data.get(f"{label}_key") for label in ("energy", "stress", "virial")}
    words = [key for key in texts if key not in labels and counts[key] != 9]
    choose_ids(draft, keys, ("material_key", "group_key"), whole=bool(given.test), texts=words)
    _choose_temperature(draft, keys, words, counts)
    _hear_units(draft, keys)
    return draft


def _drop_uncommon(keys: Keys, common: set[str]) -> None:
    """Leave out what some files lack, but for labels that may be in some only, as forces of test
    frames may be, and are not under another name in all."""
    for there in (keys.values, keys.columns):
        for key in [key for key in there if key not in common and key not in _FREE]:
            kinds = [what for what in _IN_SOME if names.candidates(what, [key])]
            if not kinds or any(names.candidates(what, common) for what in kinds):
                del there[key]


def _add_columns(keys: Keys, values: dict[str, str | None]) -> set[str]:
    text = next((v for k, v in values.items() if k.lower() == "properties" and v), "")
    parts = text.split(":")
    for name, kind, width in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if name.lower() not in _STRUCTURE and width.isdigit():
            keys.columns.setdefault(name, (kind.upper(), int(width)))
    return set(parts[::3])


def _count(values: list[object]) -> int:
    """How many numbers stand under a key; 0 where it is something else."""
    try:
        sizes = {numbers(str(value), "").size for value in values[:20]}
    except ValueError:
        return 0
    return sizes.pop() if len(sizes) == 1 else 0


def _choose_forces(draft: Draft, vectors: list[str]) -> None:
    found = names.candidates("forces", vectors)
    draft.data["forces_key"] = found[0] if found else None
    if found:
        draft.open_units["forces"] = "forces_key"
        if unit := names.unit_in_name("forces", found[0]):
            draft.hints["forces"] = unit
        if len(found) > 1:
            draft.checks["forces_key"] = f"there is also {', '.join(found[1:4])}"


def _choose_stress(draft: Draft, tensors: list[str]) -> None:
    stresses, virials = (names.candidates(what, tensors) for what in ("stress", "virial"))
    draft.data["stress_key"] = stresses[0] if stresses else None
    if stresses:
        draft.open_units["stress"] = "stress_key"
        if unit := names.unit_in_name("stress", stresses[0]):
            draft.hints["stress"] = unit
    elif virials:
        draft.data["virial_key"] = virials[0]
        draft.open_units["stress"] = "virial_key"


def _choose_temperature(draft: Draft, keys: Keys, words: list[str], counts: dict[str, int]) -> None:
    numeric = [key for key in words if counts[key] == 1]
    if found := names.candidates("temperature", numeric):
        draft.data["temperature_key"] = found[0]
        draft.checks["temperature_key"] = "in K?"
        return
    for key in words:
        hits = [value for value in keys.values[key] if _KELVIN.search(str(value))]
        if hits and key not in (draft.data["material_key"], draft.division):
            draft.data["temperature_pattern"] = {"key": key, "pattern": r"(\d+(?:\.\d+)?) ?K\b"}
            draft.comments["temperature_pattern"] = f'of "{hits[0]}"'
            return


def _hear_units(draft: Draft, keys: Keys) -> None:
    """Units that stand in keys of their own, as ``energy_unit=eV``."""
    for label in ("energy", "forces", "stress"):
        stems = {label, label.rstrip("s"), str(draft.data.get(f"{label}_key"))}
        for stem in stems:
            for ending in ("_unit", "_units"):
                if unit := keys.constant(f"{stem}{ending}"):
                    draft.hints[label] = unit
