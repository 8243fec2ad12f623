"""Frames from ASE databases and trajectories."""

import os
from collections.abc import Iterator

import numpy as np

from rungs.config.bulk import ASEDatabase
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError, periodic_cell
from rungs.sources.ase_files import Row, iter_rows
from rungs.sources.atom_marks import MARK_KEY, is_atom_mark
from rungs.sources.ids import id_text
from rungs.sources.notes import Notes
from rungs.sources.train_test_files import DividedFile, divided_files
from rungs.sources.units import energy_factor, forces_factor, stress_factor, voigt

_LABELS = ("energy_key", "forces_key", "stress_key", "magmoms_key")
_ASKED_FOR = ("energy_key", "forces_key", "material_key", "group_key")
"""Options whose keys some row must have."""
_OWN = frozenset(
    {"id", "unique_id", "ctime", "mtime", "user", "numbers", "positions", "cell", "pbc", "tags"}
    | {"calculator", "calculator_parameters", "momenta", "masses", "constraints"}
)
"""What every row may have, and is no label."""


def read_ase_db(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the rows of a level's databases, in the order of their ids, and the images of its
    trajectories, in the project's units.

    The frame id is the file's stem and the row's id (``runs:17``), or the image's place from 0.
    Labels are the calculator's results under their usual names, or what is declared. Magnetic
    moments become absolute values. A label that a row lacks is None.

    Args:
        level: a level whose ``data.kind`` is ``ase_db``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.
        notes: as of every reader; there is nothing to tell.

    Raises:
        StudyError: for a file that is missing, of another kind or damaged, and for one that has no
            row that was asked for or a declared key in none of them.
    """
    del notes
    for file in divided_files(level.data, data_folder):
        yield from _Reader(level, file, f"{section}.data").frames()


class _Reader:
    """One file of one level."""

    def __init__(self, level: Level, file: DividedFile, section: str) -> None:
        self.data: ASEDatabase = level.data
        self.functional = level.functional
        self.vacuum, self.level = level.vacuum, section.removesuffix(".data")
        _, self.path, self.part, self.given_part, self.stem = file
        self.section = section
        self.keys = {
            option: getattr(self.data, option) for option in (*_LABELS, "material_key", "group_key")
        }
        self.unseen = {
            option: key for option in _ASKED_FOR if (key := getattr(self.data, option)) is not None
        }
        """Declared keys that no row had yet."""

    def frames(self) -> Iterator[Frame | Rejected]:
        names: dict[str, None] = {}
        n_rows = 0
        rows = iter_rows(
            self.path, self.data.select, f"{self.section}.{self.part}", f"{self.section}.select"
        )
        for row in rows:
            n_rows += 1
            if self.unseen:
                names |= dict.fromkeys(name for name in row.names() if name not in _OWN)
            yield self._read(row)
        if n_rows == 0:
            raise StudyError(
                f"{self.path}: holds no rows that are asked for; mend {self.section}.{self.part} "
                f"or {self.section}.select"
            )
        for option, key in self.unseen.items():
            is_label = option in ("energy_key", "forces_key")
            shown = ", ".join(name for name in names if not name.startswith("_")) or "no keys"
            raise StudyError(
                f"{self.path}: no row has the key '{key}' declared as {self.section}.{option}; the "
                f"rows have {shown}; mend it" + (", or declare it null" if is_label else "")
            )

    def _label(self, row: Row, option: str) -> object:
        if (key := self.keys[option]) is None:
            return None
        if (value := row.label(key)) is not None and self.unseen:
            self.unseen.pop(option, None)
        return value

    def _id(self, row: Row, option: str) -> str | None:
        if (key := self.keys[option]) is None:
            return None
        if (text := id_text(row.keys.get(key))) is not None and self.unseen:
            self.unseen.pop(option, None)
        return text

    def _read(self, row: Row) -> Frame | Rejected:
        frame_id, data = f"{self.stem}:{row.number}", self.data
        try:
            material, group = self._id(row, "material_key"), self._id(row, "group_key")
            if len(row.numbers) == 1 and is_atom_mark(mark := id_text(row.keys.get(MARK_KEY))):
                material, group = material or frame_id, group or mark
            energy, forces, stress, magmoms = (self._label(row, option) for option in _LABELS)
            if data.material_key is not None and material is None:
                reason = f"{row.name} has no '{data.material_key}', declared as material_key"
                return Rejected(frame_id, reason, "missing key")
            cell, has_vacuum = periodic_cell(
                row.cell, row.pbc, row.positions, self.vacuum, self.level
            )
            n_atoms = len(row.numbers)
            return Frame(
                frame_id=frame_id,
                material_id=frame_id if material is None else material,
                functional=self.functional,
                cell=cell,
                atomic_numbers=row.numbers,
                cart_coords=row.positions,
                energy=_scaled(energy, energy_factor(data.energy_unit, n_atoms)),
                forces=_scaled(forces, forces_factor(data.forces_unit)),
                stress=None if stress is None or has_vacuum else self._stress(stress),
                magmoms=None if magmoms is None else np.abs(np.asarray(magmoms, np.float64)),
                group=group,
                given_part=self.given_part,
            )
        except NotPeriodicError as error:
            return Rejected(frame_id, str(error), error.kind)
        except (ValueError, TypeError) as error:
            return Rejected(frame_id, f"{row.name}: cannot be read: {error}")

    def _stress(self, found: object) -> np.ndarray:
        data = self.data
        return voigt(found, data.stress_order) * stress_factor(data.stress_unit, data.stress_sign)


def _scaled(value: object, factor: float) -> object:
    if value is None or factor == 1:
        return value
    return np.asarray(value, dtype=np.float64) * factor
