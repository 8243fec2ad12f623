"""Isolated atoms among the frames: recognised, set aside by name, and kept in a table.

Their energies are reference energies, and no network with a cutoff learns anything else of them.
"""

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.frames.distances import shortest_distance
from rungs.frames.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER, SYMBOLS
from rungs.frames.frame import Frame

COLUMNS = ("element", "energy_ev", "frame_id", "known_from")
ALONE = 8.0
"""Å to an atom's own image, from which on it is alone: more than in any crystal (5.2 Å in caesium)
and than networks here see."""
MARKS = frozenset(
    f"{word}{atom}"
    for word in ("isolated", "single", "free", "lone", "")
    for atom in ("atom", "atoms")
) | {"e0", "e0s"}
"""Groups that mark a frame of one atom as isolated, in small letters without anything else."""


class IsolatedAtom(NamedTuple):
    """Energy of an isolated atom; the fields are the columns of the table."""

    element: str
    energy_ev: float
    frame_id: str
    """Empty where the configuration gives the energy."""
    known_from: str
    """In words."""


def recognised(frame: Frame) -> str | None:
    """How a sound frame is known as an isolated atom, in words; None where it is none.

    It has one atom, and is marked as such by its group, or its nearest image is far away.
    """
    if frame.n_atoms != 1:
        return None
    if frame.group is not None and re.sub("[^a-z0-9]", "", frame.group.lower()) in MARKS:
        return f"marked as '{frame.group}'"
    if shortest_distance(frame, ALONE) is None:
        return f"one atom with no image within {ALONE:g} Å"
    return None


def isolated_atom(frame: Frame, known_from: str) -> IsolatedAtom:
    """The table's row for a frame of one atom with an energy."""
    symbol = SYMBOLS[frame.atomic_numbers[0] - 1]
    return IsolatedAtom(symbol, frame.energy, frame.frame_id, known_from)


def known_atoms(
    level: Level, table: str | os.PathLike | None, section: str = "source"
) -> list[IsolatedAtom]:
    """The atoms whose energies the configuration gives.

    Args:
        level: the section ``source`` or ``target``.
        table: where its file of energies lies, if it names one.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: as :func:`read_atom_table`.
    """
    options = level.isolated_atom_energies
    if options is None:
        return []
    energies, known_from = options.energies, "the configuration"
    if options.file is not None:
        key = f"{section}.isolated_atom_energies"
        energies = read_atom_table(table, options.element_column, options.energy_column, key)
        known_from = f"{options.file}, {options.energy_column}"
    return [IsolatedAtom(symbol, float(e), "", known_from) for symbol, e in energies.items()]


def read_atom_table(
    path: str | os.PathLike, element_column: str, energy_column: str, key: str
) -> dict[str, float]:
    """Energies in eV by element from a CSV file of a person's own.

    Args:
        path: the file; rows without a number in the column of energies are left out.
        element_column, energy_column: which columns; other columns are ignored.
        key: of the configuration, for messages.

    Raises:
        StudyError: when the file cannot be read, lacks a column, or has an element that is none or
            stands there twice, or an energy that is no number.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            there = reader.fieldnames or []
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise StudyError(f"{path}: cannot be read ({said}); mend {key}.file") from None
    for option, column in (("element_column", element_column), ("energy_column", energy_column)):
        if column not in there:
            raise StudyError(
                f"{path}: has no column '{column}', declared as {key}.{option}; its columns are "
                f"{', '.join(there) or 'none'}"
            )
    energies: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        symbol, text = ((row[name] or "").strip() for name in (element_column, energy_column))
        if not text:
            continue
        if symbol not in ATOMIC_NUMBERS or symbol in energies:
            fault = "stands there twice" if symbol in energies else "is no element from H to Pu"
            raise StudyError(f"{path}: row {number}: '{symbol}' {fault}; mend the file")
        try:
            energies[symbol] = float(text)
        except ValueError:
            raise StudyError(
                f"{path}: row {number}: the energy of {symbol}, '{text}', is no number; mend the "
                "file"
            ) from None
    return energies


def write_isolated_atoms(path: str | os.PathLike, atoms: Iterable[IsolatedAtom]) -> None:
    """Write the table, sorted by atomic number; with its header only where there are none."""
    rows = sorted(atoms, key=lambda atom: (ATOMIC_NUMBERS[atom.element], atom.energy_ev))
    write_rows(path, COLUMNS, [atom._asdict() for atom in rows])


def read_isolated_energies(path: str | os.PathLike) -> np.ndarray:
    """(94,) energies in eV of what :func:`write_isolated_atoms` wrote, NaN where there is none.

    What the configuration gives comes before what frames tell, and of several frames of an element
    the lowest counts, the ground state among those that were computed.

    Raises:
        StudyError: when the file is missing or is no such table.
    """
    energies = np.full(MAX_ATOMIC_NUMBER, np.nan)
    given: set[int] = set()
    try:
        with open(Path(path), newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                place, energy = ATOMIC_NUMBERS[row["element"]] - 1, float(row["energy_ev"])
                if not row["frame_id"]:
                    given.add(place)
                    energies[place] = energy
                elif place not in given:
                    energies[place] = np.fmin(energies[place], energy)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{path}: is no table of isolated atoms ({error}); delete it and let the workflow make "
            "it again"
        ) from None
    return energies


def lines(atoms: Iterable[IsolatedAtom], kept: bool) -> list[str]:
    """What there is to tell at the terminal of a level's isolated atoms."""
    by_element: dict[str, list[float]] = {}
    for atom in atoms:
        if atom.frame_id:
            by_element.setdefault(atom.element, []).append(atom.energy_ev)
    if not by_element:
        return []
    count = sum(map(len, by_element.values()))
    names = ", ".join(sorted(by_element, key=ATOMIC_NUMBERS.get))
    place = "kept among the frames" if kept else "set aside"
    told = [f"{count} isolated atom{'s' * (count > 1)} ({names}) {place}"]
    for symbol, energies in by_element.items():
        if np.ptp(energies) > 1e-3:
            told.append(
                f"the isolated atoms of {symbol} have energies from {min(energies):.6g} to "
                f"{max(energies):.6g} eV: the lowest counts"
            )
    return told
