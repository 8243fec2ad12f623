"""Frames from ASE databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rungs.config.bulk import ASEDatabase
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.vacuum import NotPeriodicError, periodic_cell
from rungs.sources.train_test_files import divided_files
from rungs.sources.units import stress_factor


def read_ase_db(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the rows of a level's databases, in the order of their ids, in the project's units.

    The frame id is the file's stem and the row's id (``runs:17``). Energies, forces and stresses
    are the calculator's results, in ASE's units. Magnetic moments become absolute values.

    Args:
        level: a level whose ``data.kind`` is ``ase_db``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: for a file that is missing, no ASE database or damaged, and for one that has no
            row that was asked for or a declared key in none of them.
    """
    data: ASEDatabase = level.data
    for path, part, given in divided_files(data, data_folder):
        yield from _Reader(level, path, f"{section}.data", part, given).frames()


class _Reader:
    """One database of one level."""

    def __init__(
        self, level: Level, path: Path, section: str, part: str, given_part: str | None
    ) -> None:
        self.data: ASEDatabase = level.data
        self.functional = level.functional
        self.vacuum, self.level = level.vacuum, section.removesuffix(".data")
        self.path, self.section, self.part, self.given_part = path, section, part, given_part
        self.to_gpa = stress_factor("eV/Å³", "tension_positive")

    def frames(self) -> Iterator[Frame | Rejected]:
        missing = {"material_key": 0, "group_key": 0}
        keys: dict[str, None] = {}
        n_rows = 0
        for row in self._rows():
            n_rows += 1
            known = row.key_value_pairs
            keys |= dict.fromkeys(known)
            for option in missing:
                key = getattr(self.data, option)
                missing[option] += key is not None and key not in known
            yield self._read(row, known)
        if n_rows == 0:
            raise StudyError(
                f"{self.path}: holds no rows that are asked for; mend {self.section}.{self.part} "
                f"or {self.section}.select"
            )
        for option, count in missing.items():
            if count == n_rows:
                raise StudyError(
                    f"{self.path}: no row has the key '{getattr(self.data, option)}' declared as "
                    f"{self.section}.{option}; the rows have {', '.join(keys) or 'no keys'}"
                )

    def _rows(self) -> Iterator:
        from ase.db import connect

        if not self.path.is_file():
            raise StudyError(
                f"{self.path}: cannot be read (no such file); mend {self.section}.{self.part} or "
                "data_folder, which the name is relative to"
            )
        try:
            with connect(self.path) as database:
                yield from database.select(self.data.select, sort="id")
        except StudyError:
            raise
        except Exception as error:  # ASE lets the errors of sqlite3, json and its parsers through
            raise StudyError(
                f"{self.path}: cannot be read as an ASE database, so it is cut short, damaged or "
                f"of another kind ({type(error).__name__}: {error}); get a whole copy, or mend "
                f"{self.section}.{self.part} or {self.section}.select"
            ) from None

    def _read(self, row: object, known: dict) -> Frame | Rejected:
        frame_id = f"{self.path.stem}:{row.id}"
        data = self.data
        for name in ("energy", "forces"):
            if row.get(name) is None:
                return Rejected(frame_id, f"row {row.id} has no {name}", "missing key")
        if data.material_key is not None and data.material_key not in known:
            reason = f"row {row.id} has no '{data.material_key}', declared as material_key"
            return Rejected(frame_id, reason, "missing key")
        try:
            cell, has_vacuum = periodic_cell(
                row.cell, row.pbc, row.positions, self.vacuum, self.level
            )
        except NotPeriodicError as error:
            return Rejected(frame_id, str(error), error.kind)
        stress, magmoms = row.get("stress"), row.get("magmoms")
        group = known.get(data.group_key) if data.group_key else None
        try:
            return Frame(
                frame_id=frame_id,
                material_id=str(known[data.material_key]) if data.material_key else frame_id,
                functional=self.functional,
                cell=cell,
                atomic_numbers=row.numbers,
                cart_coords=row.positions,
                energy=row.energy,
                forces=row.forces,
                stress=None if stress is None or has_vacuum else np.array(stress) * self.to_gpa,
                magmoms=None if magmoms is None else np.abs(magmoms),
                group=None if group is None else str(group),
                given_part=self.given_part,
            )
        except (ValueError, TypeError) as error:
            return Rejected(frame_id, f"row {row.id}: cannot be read: {error}")
