"""One side of a proposed study: from what a person names to frames that were read."""

import os
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rungs.config.data import Level, Screening
from rungs.config.loading import describe_faults
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError
from rungs.preflight import names, units
from rungs.preflight.draft_other import draft_of
from rungs.preflight.drafts import Draft
from rungs.preflight.given import Given
from rungs.preflight.levels import ReadLevel, read_level
from rungs.preflight.units import Units, decide_units
from rungs.sources import read_source
from rungs.sources.species import IsotopeError

VACUUM = 20.0
"""Å of vacuum that is proposed for what is not periodic."""
_SAMPLED = 1200
"""Frames at the beginning that units are told by."""


@dataclass
class Side:
    """What was found of a level, and what is proposed for it."""

    section: str
    given: Given
    draft: Draft
    units: Units | None
    """None where the kind fixes them."""
    vacuum: float | None
    read: ReadLevel
    label: str = ""
    functional: str = ""
    groups: dict[str, str] = field(default_factory=dict)
    """Of the frames that have one."""

    @property
    def elements(self) -> list[str]:
        """Symbols in its frames, the most frequent first."""
        return [symbol for symbol, _ in self.read.counts.elements.most_common()]

    @property
    def labels(self) -> set[str]:
        """What any of its frames is labelled with."""
        return {name for name, n in self.read.screened.labels.labelled.items() if n}

    @property
    def n_frames(self) -> int:
        """Frames that passed the screening."""
        return self.read.screened.n_passed


def examine_side(given: Given, section: str, folder: Path, into: Path) -> Side:
    """Find out what a side holds, and read it with the declaration that was found.

    Args:
        given: what a person named.
        section: ``source`` or ``target``.
        folder: that names in the study are relative to.
        into: a temporary folder.

    Raises:
        StudyError: when it cannot be read, or no frame passes.
    """
    draft = draft_of(given, folder)
    vacuum = None
    found = None
    if draft.open_units:
        declare(draft, Units(grounds={}))
    sample, others = _sample(level_of(draft, vacuum), section, folder)
    if any(item.kind == IsotopeError.kind for item in others):
        _take_isotopes(draft)
        sample, others = _sample(level_of(draft, vacuum), section, folder)
    if not sample and any(item.kind == NotPeriodicError.kind for item in others):
        vacuum = VACUUM
        sample, others = _sample(level_of(draft, vacuum), section, folder)
    if draft.open_units and sample:
        fixed = {label: draft.hints[label] for label in draft.open_units if label in draft.hints}
        fixed |= _fixed_by_the_kind(draft)
        per_atom = draft.per_atom if "energy" in draft.open_units else False
        is_virial = draft.open_units.get("stress") == "virial_key"
        found = decide_units(sample, fixed, per_atom, is_virial=is_virial)
        declare(draft, found)
    read = read_draft(draft, vacuum, section, folder, into)
    isotopes = read.screened.counts.get(IsotopeError.kind, 0)
    not_periodic = read.screened.counts.get(NotPeriodicError.kind, 0)
    if isotopes:
        _take_isotopes(draft)
    if vacuum is None and not_periodic:
        vacuum = VACUUM
    if isotopes or not_periodic:
        read = read_draft(draft, vacuum, section, folder, into)
    return Side(section, given, draft, found, vacuum, read)


def _take_isotopes(draft: Draft) -> None:
    """Read D and T as hydrogen."""
    draft.data["hydrogen_isotopes"] = True
    draft.checks["hydrogen_isotopes"] = "D and T become hydrogen, as energies do not know of masses"


def _fixed_by_the_kind(draft: Draft) -> dict[str, str]:
    """Units of a calculator's results, which ASE keeps in its own."""
    if draft.data["kind"] != "ase_db":
        return {}
    own = {"energy": "eV", "forces": "eV/Å", "stress": "eV/Å³"}
    return {label: unit for label, unit in own.items() if label not in draft.open_units}


def declare(draft: Draft, found: Units) -> None:
    """Write units, sign and order into the section, after the keys that they belong to."""
    data, suffix = draft.data, "_key" if draft.data["kind"] != "parquet" else "_column"
    for label, option in draft.open_units.items():
        sure = label in found.sure
        if label == "energy":
            _after(data, option, {"energy_unit": found.energy_unit})
        elif label == "forces":
            _after(data, option, {"forces_unit": found.forces})
        elif option == f"stress{suffix}":
            values = {"stress_unit": found.stress, "stress_sign": found.sign}
            if found.order != units.VOIGT:
                values["stress_order"] = found.order
            _after(data, option, values)
        else:
            values = {"virial_unit": found.energy, "virial_sign": found.virial_sign}
            if found.order != units.VOIGT:
                values["stress_order"] = found.order
            _after(data, option, values)
        name = f"{label}_unit" if option != "virial_key" else "virial_sign"
        ground = found.grounds.get(label)
        if ground is not None and name in data:
            draft.checks.pop(name, None)
            target = draft.comments if sure else draft.checks
            target[name] = f"told by {ground}"


def _after(data: dict[str, object], option: str, values: dict[str, object]) -> None:
    """Put ``values`` into ``data`` behind ``option``."""
    for key in (*values, "stress_order"):
        data.pop(key, None)
    items = list(data.items())
    data.clear()
    for key, value in items:
        data[key] = value
        if key == option:
            data.update(values)


def level_of(draft: Draft, vacuum: float | None) -> Level:
    from pydantic import ValidationError

    values = {"label": "x", "functional": "x", "data": draft.data, "vacuum": vacuum}
    try:
        return Level.model_validate(values)
    except ValidationError as error:
        raise StudyError(describe_faults(error, "what was found in the files")) from None


def read_draft(
    draft: Draft, vacuum: float | None, section: str, folder: Path, into: Path
) -> ReadLevel:
    """Read a side as it is declared for now, with the screening that a study has by default."""
    return read_level(level_of(draft, vacuum), section, folder, Screening(), 0, into, ask=False)


def _sample(level: Level, section: str, folder: Path) -> tuple[list[Frame], list[Rejected]]:
    items = list(islice(read_source(level, folder, 0, section=section), _SAMPLED))
    frames = [item for item in items if isinstance(item, Frame)]
    return frames, [item for item in items if isinstance(item, Rejected)]


def name_sides(source: Side | None, target: Side) -> None:
    """Give the levels names for figures, and levels of theory, as far as files tell them."""
    sides = [side for side in (source, target) if side is not None]
    for side in sides:
        stems = " ".join([*(path.name for path in side.given.files), side.given.name])
        side.functional = side.draft.functional or names.functional_in(stems) or "unknown"
    if source is None:
        target.label = target.functional if target.functional != "unknown" else target.given.name
        return
    first, second = (side.functional for side in sides)
    if first != second and "unknown" not in (first, second):
        source.label, target.label = first, second
    elif source.elements != target.elements and max(map(len, (s.elements for s in sides))) <= 3:
        source.label, target.label = ("-".join(sorted(s.elements)) for s in sides)
    else:
        source.label, target.label = (side.given.name for side in sides)
    if source.label == target.label:
        source.label, target.label = (f"{s.label} ({s.section})" for s in sides)


def parts_of_frames(side: Side, folder: Path) -> dict[str, str]:
    """The part of each frame's material, as the frames say it under the key of a division.

    Only of divisions that keep materials whole; else nothing.
    """
    key = side.draft.division
    if key is None:
        return {}
    data = dict(side.draft.data)
    data["group_column" if data["kind"] == "parquet" else "group_key"] = key
    level = level_of(Draft(data), side.vacuum)
    found: dict[str, str] = {}
    wanted = {member.frame_id for member in side.read.members}
    for item in read_source(level, folder, 0, section=side.section):
        if not isinstance(item, Frame) or item.frame_id not in wanted:
            continue
        part = names.PARTS.get(str(item.group).strip().lower())
        if part is None or found.setdefault(item.material_id, part) != part:
            return {}
    return found


def common_folder(files: list[Path]) -> Path:
    """The deepest folder that holds all files."""
    folders = [str(path if path.is_dir() else path.parent) for path in files]
    return Path(os.path.commonpath(folders))
