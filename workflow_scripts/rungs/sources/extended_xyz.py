"""Frames from extended-XYZ files whose keys, units and signs the configuration declares."""

import os
import re
from collections.abc import Iterator, Sequence

import numpy as np

from rungs.config.data import Level
from rungs.config.sources import ExtendedXYZ
from rungs.elements import ALL_SYMBOLS
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError, periodic_cell
from rungs.sources.atom_marks import MARK_KEY, is_atom_mark
from rungs.sources.notes import Notes
from rungs.sources.species import Species, SpeciesError
from rungs.sources.train_test_files import DividedFile, divided_files
from rungs.sources.units import (
    energy_factor,
    forces_factor,
    stress_factor,
    stress_of_virial,
    voigt,
)
from rungs.sources.xyz_blocks import cut_short, iter_blocks, looks_cut_short
from rungs.sources.xyz_comment import is_missing, number, numbers
from rungs.sources.xyz_frame import XYZFrame

_MAX_KEYS_LISTED = 30
_OPTIONS = (
    "energy_key",
    "forces_key",
    "stress_key",
    "virial_key",
    "magmoms_key",
    "frame_key",
    "material_key",
    "part_key",
    "group_key",
)
_IDS = ("frame_key", "material_key", "part_key")
"""What a frame is nothing without."""
_PARTS = {"train": "train", "validation": "train", "valid": "train", "val": "train", "test": "test"}


def read_extended_xyz(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's files, in their order, in the project's units.

    The frame id is what the declared key has, else the file's stem and the frame's place in it,
    from 0 (``Si_training:17``); where two files have the same stem, their names as declared are
    used. A frame that cannot be
    parsed or belongs to no material is yielded as :class:`Rejected`; a label that it lacks is
    None. Magnetic moments become absolute values, which is what CHGNet predicts.

    Args:
        level: a level whose ``data.kind`` is ``extended_xyz``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.
        notes: is told what there is to tell besides.

    Raises:
        StudyError: for a file that is missing, truncated or no extended XYZ, for a declared key
            that no frame of any file has (of the material: of one file), and for a declared
            temperature that no frame has.
    """
    data = level.data
    names = data.train + data.test
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(
            f"{section}.data: the file {repeated[0]} is listed more than once in train and test; "
            "list it once"
        )
    notes = Notes() if notes is None else notes
    wanted, found = _temperature_words(data), False
    readers = []
    for file in divided_files(data, data_folder):
        readers.append(_Reader(level, file, f"{section}.data", notes))
        for item in readers[-1].frames():
            found |= isinstance(item, Frame) and item.temperature is not None
            yield item
    _judge_absences(readers, notes)
    if wanted and not found:
        raise StudyError(
            f"{section}.data: no frame of {', '.join(names)} has {wanted}; mend it, or leave it out"
        )


def _temperature_words(data: ExtendedXYZ) -> str | None:
    """What tells a frame's temperature, in words; None where nothing is declared."""
    if data.temperature_key is not None:
        return f"the key '{data.temperature_key}', declared as temperature_key"
    if data.temperature_pattern is not None:
        key, pattern = data.temperature_pattern.key, data.temperature_pattern.pattern
        return f"a '{key}' with '{pattern}', declared as temperature_pattern"
    return None


def _judge_absences(readers: Sequence["_Reader"], notes: Notes) -> None:
    """A label that is declared may be in some files only, such as forces in those of test frames.

    Raises:
        StudyError: where no file has it.
    """
    for option in _OPTIONS:
        lacking = [reader for reader in readers if option in reader.never_there]
        if lacking and len(lacking) == len(readers):
            raise StudyError(lacking[0].never_there[option])
        for reader in lacking:
            notes.add(f"{reader.name}: no frame has the key '{reader.declared[option]}'")


class _Reader:
    """One file of one level."""

    def __init__(self, level: Level, file: DividedFile, section: str, notes: Notes) -> None:
        self.data: ExtendedXYZ = level.data
        self.functional = level.functional
        self.vacuum = level.vacuum
        self.name, self.path, self.part, self.given_part, self.label = file
        self.section = section
        self.level = section.removesuffix(".data")
        self.notes = notes
        self.species = Species(self.data.hydrogen_isotopes)
        self.declared = {
            option: key for option in _OPTIONS if (key := getattr(self.data, option)) is not None
        }
        self.never_there: dict[str, str] = {}
        """Options whose keys no frame of the file has, each with the sentence for it."""

    def frames(self) -> Iterator[Frame | Rejected]:
        missing = dict.fromkeys(self.declared, 0)
        keys: dict[str, None] = {}
        index, n_parsed = -1, 0
        blocks = iter_blocks(self.path, f"{self.section}.{self.part}", self.notes, self.name)
        for index, block in enumerate(blocks):
            frame_id = f"{self.label}:{index}"
            if not block.has_end:
                if looks_cut_short(block):
                    raise cut_short(self.path, block.first_line + 1 + len(block.atoms))
                self.notes.add(
                    f"{self.name}: the last line has no line break; its frame has all its atoms"
                )
            try:
                parsed = XYZFrame(block, self.species)
                n_parsed += 1
                keys |= dict.fromkeys(parsed.keys)
                for option, key in self.declared.items():
                    missing[option] += key not in parsed
                yield self._frame(frame_id, parsed)
            except SpeciesError as error:
                yield Rejected(frame_id, f"line {block.first_line}: {error}", error.kind)
            except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
                what = str(error) or type(error).__name__
                yield Rejected(frame_id, f"line {block.first_line}: cannot be parsed: {what}")
        if index < 0:
            raise StudyError(
                f"{self.path}: holds no frames; mend {self.section}.{self.part} or the file"
            )
        for option, count in missing.items():
            if 0 < count == n_parsed:
                self.never_there[option] = self._never_there(option, keys)
        for option in _IDS:
            if sentence := self.never_there.get(option):
                raise StudyError(sentence)
        if met := self.species.numbers_met:
            self.notes.add(
                f"{self.name}: names of atoms are numbers, which were taken for atomic numbers: "
                + ", ".join(f"{z} {ALL_SYMBOLS[z - 1]}" for z in sorted(met))
            )

    def _never_there(self, option: str, keys: dict[str, None]) -> str:
        nullable = f", or declare `{option}: null`" if option not in _IDS else ""
        return (
            f"{self.path}: no frame has the key '{self.declared[option]}' declared as "
            f"{self.section}.{option}; the file has the keys "
            f"{', '.join(list(keys)[:_MAX_KEYS_LISTED])}; mend it{nullable}"
        )

    def _frame(self, frame_id: str, parsed: XYZFrame) -> Frame | Rejected:
        data = self.data
        if not parsed.n_atoms:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        if data.frame_key is not None:
            if not (own := parsed.values.get(data.frame_key)):
                return self._without(frame_id, parsed, "frame_key")
            frame_id = own
        given_part = self.given_part
        if data.part_key is not None:
            if not (written := parsed.values.get(data.part_key)):
                return self._without(frame_id, parsed, "part_key")
            if (given_part := _PARTS.get(written.casefold())) is None:
                raise ValueError(
                    f"'{data.part_key}' is '{written}'; parts are train, validation and test"
                )
        material, group = frame_id, None
        if data.group_key is not None:
            group = parsed.values.get(data.group_key)
        is_marked = parsed.n_atoms == 1 and is_atom_mark(parsed.values.get(MARK_KEY))
        if is_marked and group is None:
            group = parsed.values[MARK_KEY]
        if data.material_key is not None:
            material = parsed.values.get(data.material_key) or (frame_id if is_marked else None)
            if not material:
                return self._without(frame_id, parsed, "material_key")
        atomic_numbers, positions = parsed.atomic_numbers, parsed.positions
        try:
            cell, has_vacuum = periodic_cell(
                parsed.lattice, parsed.pbc, positions, self.vacuum, self.level
            )
        except NotPeriodicError as error:
            return Rejected(frame_id, str(error), error.kind)
        return Frame(
            frame_id=frame_id,
            material_id=material,
            functional=self.functional,
            cell=cell,
            atomic_numbers=atomic_numbers,
            cart_coords=positions,
            energy=self._energy(parsed),
            forces=self._forces(parsed),
            stress=None if has_vacuum else self._stress(parsed, cell),
            magmoms=self._magmoms(parsed),
            group=group,
            given_part=given_part,
            temperature=self._temperature(parsed),
        )

    def _without(self, frame_id: str, parsed: XYZFrame, option: str) -> Rejected:
        key = self.declared[option]
        return Rejected(
            frame_id,
            f"line {parsed.first_line}: has no '{key}', declared as {option}",
            "missing key",
        )

    def _energy(self, parsed: XYZFrame) -> float | None:
        key = self.data.energy_key
        if key is None or is_missing(value := parsed.values.get(key)):
            return None
        return number(value, key) * energy_factor(self.data.energy_unit, parsed.n_atoms)

    def _forces(self, parsed: XYZFrame) -> np.ndarray | None:
        if self.data.forces_key is None:
            return None
        found = parsed.column(self.data.forces_key, 3)
        return None if found is None else found * forces_factor(self.data.forces_unit)

    def _stress(self, parsed: XYZFrame, cell: np.ndarray) -> np.ndarray | None:
        data = self.data
        key = data.stress_key if data.virial_key is None else data.virial_key
        if key is None or is_missing(value := parsed.values.get(key)):
            return None
        found = numbers(value, key)
        if found.size not in (6, 9):
            raise ValueError(f"'{key}' has {found.size} numbers, expected 6 or 9")
        found = voigt(found, data.stress_order)
        if data.virial_key is None:
            return found * stress_factor(data.stress_unit, data.stress_sign)
        found *= energy_factor(data.virial_unit, parsed.n_atoms)
        found = stress_of_virial(found, cell, data.virial_sign)
        return found * stress_factor("eV/Å³", "tension_positive")

    def _magmoms(self, parsed: XYZFrame) -> np.ndarray | None:
        if self.data.magmoms_key is None:
            return None
        found = parsed.column(self.data.magmoms_key, 1)
        return None if found is None else np.abs(found)

    def _temperature(self, parsed: XYZFrame) -> float | None:
        """In K; None where the frame has none, as a static calculation among simulations."""
        data = self.data
        if data.temperature_key is not None:
            value = parsed.values.get(data.temperature_key)
            return None if is_missing(value) else number(value, data.temperature_key)
        if data.temperature_pattern is not None:
            text = parsed.values.get(data.temperature_pattern.key) or ""
            if found := re.search(data.temperature_pattern.pattern, text):
                return float(found[1])
        return None
