"""Frames from extended-XYZ files whose keys, units and signs the configuration declares."""

import io
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rungs.config.data import Level
from rungs.config.sources import ExtendedXYZ
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError, periodic_cell
from rungs.sources.units import energy_factor, forces_factor, stress_factor, symmetric_voigt
from rungs.sources.xyz_blocks import Block, iter_blocks

if TYPE_CHECKING:
    from ase import Atoms

_MAX_KEYS_LISTED = 30


def read_extended_xyz(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's files, in their order, in the project's units.

    The frame id is the file's stem and the frame's place in it, from 0 (``Si_training:17``);
    where two files have the same stem, their names as declared are used. A frame that cannot be
    parsed or lacks a declared key is yielded as :class:`Rejected`. Magnetic moments become
    absolute values, which is what CHGNet predicts.

    Args:
        level: a level whose ``data.kind`` is ``extended_xyz``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: for a file that is missing, truncated or no extended XYZ, for a declared key
            that none of a file's frames has, and for a declared temperature that no frame has.
    """
    data = level.data
    declared = [("train", name) for name in data.train] + [("test", name) for name in data.test]
    stems = [Path(name).stem for _, name in declared]
    if repeated := sorted({name for _, name in declared if _count(declared, name) > 1}):
        raise StudyError(
            f"{section}.data: the file {repeated[0]} is listed more than once in train and test; "
            "list it once"
        )
    wanted, found = _temperature_words(data), False
    for (part, name), stem in zip(declared, stems, strict=True):
        label = stem if stems.count(stem) == 1 else str(Path(name).with_suffix(""))
        reader = _Reader(level, Path(data_folder) / name, label, part, f"{section}.data")
        for item in reader.frames():
            found |= isinstance(item, Frame) and item.temperature is not None
            yield item
    if wanted and not found:
        raise StudyError(
            f"{section}.data: no frame of {', '.join(name for _, name in declared)} has {wanted}; "
            "mend it, or leave it out"
        )


def _count(declared: list[tuple[str, str]], name: str) -> int:
    return sum(other == name for _, other in declared)


def _temperature_words(data: ExtendedXYZ) -> str | None:
    """What tells a frame's temperature, in words; None where nothing is declared."""
    if data.temperature_key is not None:
        return f"the key '{data.temperature_key}', declared as temperature_key"
    if data.temperature_pattern is not None:
        key, pattern = data.temperature_pattern.key, data.temperature_pattern.pattern
        return f"a '{key}' with '{pattern}', declared as temperature_pattern"
    return None


class _MissingKeyError(Exception):
    """A frame lacks a declared key."""

    def __init__(self, option: str, key: str) -> None:
        super().__init__(f"has no '{key}', declared as {option}")
        self.option = option


class _Reader:
    """One file of one level."""

    def __init__(self, level: Level, path: Path, label: str, part: str, section: str) -> None:
        self.data: ExtendedXYZ = level.data
        self.functional = level.functional
        self.vacuum = level.vacuum
        self.path = path
        self.label = label
        self.part = part
        self.section = section
        self.level = section.removesuffix(".data")
        # Where no test file is declared, the division is the study's own.
        self.given_part = part if self.data.test else None

    def frames(self) -> Iterator[Frame | Rejected]:
        missing = dict.fromkeys(
            ("energy_key", "forces_key", "stress_key", "magmoms_key", "material_key", "group_key"),
            0,
        )
        keys: dict[str, None] = {}
        index, n_parsed = -1, 0
        blocks = iter_blocks(self.path, f"{self.section}.{self.part}")
        for index, block in enumerate(blocks):
            frame_id = f"{self.label}:{index}"
            try:
                parsed = _Parsed(block)
                n_parsed += 1
                keys |= dict.fromkeys(parsed.keys)
                yield self._frame(frame_id, parsed)
            except _MissingKeyError as error:
                missing[error.option] += 1
                yield Rejected(frame_id, f"line {block.first_line}: {error}", "missing key")
            except (ValueError, TypeError, KeyError, IndexError, OSError, ArithmeticError) as error:
                # ASE has no error of its own for every fault that a line can have.
                what = str(error) or type(error).__name__
                yield Rejected(frame_id, f"line {block.first_line}: cannot be parsed: {what}")
        if index < 0:
            raise StudyError(
                f"{self.path}: holds no frames; mend {self.section}.{self.part} or the file"
            )
        for option, count in missing.items():
            if 0 < count == n_parsed:
                raise StudyError(
                    f"{self.path}: no frame has the key '{getattr(self.data, option)}' declared "
                    f"as {self.section}.{option}; the file has the keys "
                    f"{', '.join(list(keys)[:_MAX_KEYS_LISTED])}"
                )

    def _frame(self, frame_id: str, parsed: "_Parsed") -> Frame | Rejected:
        data = self.data
        if parsed.is_empty:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        atoms = parsed.atoms
        try:
            cell, has_vacuum = periodic_cell(
                atoms.cell.array, atoms.pbc, atoms.positions, self.vacuum, self.level
            )
        except NotPeriodicError as error:
            return Rejected(frame_id, str(error), error.kind)
        n_atoms = len(atoms)
        energy = float(_numbers(parsed.value("energy_key", data.energy_key), data.energy_key))
        forces = parsed.per_atom("forces_key", data.forces_key, (n_atoms, 3))
        stress = magmoms = None
        if data.stress_key is not None and not has_vacuum:
            stress = _voigt(parsed.value("stress_key", data.stress_key), data.stress_key)
            stress *= stress_factor(data.stress_unit, data.stress_sign)
        if data.magmoms_key is not None:
            magmoms = np.abs(parsed.per_atom("magmoms_key", data.magmoms_key, (n_atoms,)))
        texts = {
            option: str(parsed.value(option, key)) if key is not None else None
            for option, key in (
                ("material_key", data.material_key),
                ("group_key", data.group_key),
            )
        }
        return Frame(
            frame_id=frame_id,
            material_id=texts["material_key"] or frame_id,
            functional=self.functional,
            cell=cell,
            atomic_numbers=atoms.numbers,
            cart_coords=atoms.positions,
            energy=energy * energy_factor(data.energy_unit, n_atoms),
            forces=forces * forces_factor(data.forces_unit),
            stress=stress,
            magmoms=magmoms,
            group=texts["group_key"],
            given_part=self.given_part,
            temperature=self._temperature(parsed),
        )

    def _temperature(self, parsed: "_Parsed") -> float | None:
        """In K; None where the frame has none, as a static calculation among simulations."""
        data = self.data
        if data.temperature_key is not None and data.temperature_key in parsed.values:
            value = _numbers(parsed.values[data.temperature_key], data.temperature_key)
            return float(value)
        if data.temperature_pattern is not None:
            text = str(parsed.values.get(data.temperature_pattern.key, ""))
            if found := re.search(data.temperature_pattern.pattern, text):
                return float(found[1])
        return None


class _Parsed:
    """A block as ASE reads it, with the comment line's values kept as they stand there.

    ASE moves names that its calculators know (energy, forces, stress, …) out of the comment line
    and the arrays into a calculator, and takes a stress of nine numbers only.
    """

    def __init__(self, block: Block) -> None:
        from ase.io.extxyz import key_val_str_to_dict

        # ASE insists on 3 × 3 under these two names; under others it keeps the numbers as given.
        hidden = re.sub(r"(?<!\S)(stress|virial)(?=\s*=)", r"\1_as_given", block.comment)
        values = key_val_str_to_dict(hidden)
        self.values = {key.removesuffix("_as_given"): value for key, value in values.items()}
        self._block = block
        _check_columns(block, str(self.values.get("Properties", "species:S:1:pos:R:3")))

    @cached_property
    def atoms(self) -> "Atoms":
        from ase.io import read

        structure = {
            name: self.values[name]
            for name in ("Lattice", "pbc", "Properties")
            if name in self.values
        }
        text = "\n".join([str(len(self._block.atoms)), "", *self._block.atoms, ""])
        # a comment of one word, as ASE asks the parser for non-empty comment lines only
        text = text.replace("\n\n", "\n-\n", 1)
        return read(
            io.StringIO(text), index=0, format="extxyz", properties_parser=lambda _: structure
        )

    @property
    def is_empty(self) -> bool:
        return not self._block.atoms

    @property
    def keys(self) -> list[str]:
        """All names in the frame, of the comment line and of the columns."""
        columns = str(self.values.get("Properties", "species:S:1:pos:R:3")).split(":")[::3]
        own = ("Lattice", "pbc", "Properties")
        return [key for key in self.values if key not in own] + columns

    def value(self, option: str, key: str) -> object:
        if key not in self.values:
            raise _MissingKeyError(option, key)
        return self.values[key]

    def per_atom(self, option: str, key: str, shape: tuple[int, ...]) -> np.ndarray:
        atoms = self.atoms
        results = atoms.calc.results if atoms.calc is not None else {}
        if key not in atoms.arrays and key not in results:
            raise _MissingKeyError(option, key)
        found = np.asarray(atoms.arrays[key] if key in atoms.arrays else results[key], dtype=float)
        if found.shape != shape:
            raise ValueError(f"'{key}' has shape {found.shape}, expected {shape}")
        return found


def _check_columns(block: Block, properties: str) -> None:
    """Raise ValueError where a line has another number of columns than declared: ASE ignores
    columns that are too many."""
    expected = sum(int(columns) for columns in properties.split(":")[2::3])
    for number, line in enumerate(block.atoms, start=block.first_line + 2):
        found = len(line.split())
        if found != expected:
            raise ValueError(f"line {number} has {found} columns, Properties declares {expected}")


def _numbers(value: object, key: str) -> np.ndarray:
    # a key without a value reads as True, which would pass for 1
    if np.asarray(value).dtype == bool:
        raise ValueError(f"'{key}' has no number")
    return np.asarray(value, dtype=float)


def _voigt(value: object, key: str) -> np.ndarray:
    """(6,) from six numbers in Voigt order or nine of a matrix, which is made symmetric."""
    numbers = _numbers(value, key)
    if numbers.shape == (6,):
        return numbers.copy()
    if numbers.shape in ((9,), (3, 3)):
        return symmetric_voigt(numbers)
    raise ValueError(f"'{key}' has shape {numbers.shape}, expected 6 or 9 numbers")
