"""Frames from JSON nested by material, as MPtrj and MP-r2SCAN are published."""

import os
from collections.abc import Iterator

import numpy as np

from rungs.config.bulk import MaterialsJSON
from rungs.config.data import Level
from rungs.frames.frame import Frame, Rejected
from rungs.sources.bulk_json import array_or_none, read_bulk_json
from rungs.sources.json_document import JSONDocument
from rungs.sources.notes import Notes
from rungs.sources.structures import read_structure
from rungs.sources.units import VASP_STRESS, voigt

AGREEMENT = 1e-3
"""eV/atom; energies that a document gives twice may differ by this much."""


def read_mp_json(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the frames of JSON files as MPtrj is one, in their order, in the project's units.

    Documents may also stand in a list, by name in an object, or one a line. The frame id is the
    inner key (``mp-149-0-3``), after the material's where it is a bare number (``mp-149:3``), and
    after the file's where a document has only a place. The material is the outer key, or the
    document's ``mp_id`` or ``material_id``. Magnetic moments become absolute values. Where the
    label is the corrected energy, ``e_per_atom_relaxed`` is the material's relaxed energy.

    Args:
        level: a level whose ``data.kind`` is ``mp_json``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.
        notes: is told what there is to tell besides.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, or in which no
            document has the declared energy or forces.
    """
    notes = Notes() if notes is None else notes
    return read_bulk_json(level, data_folder, section, _Form(level, section, notes), notes)


class _Form:
    kind = "mp_json"
    containers = ("{", "{")

    def __init__(self, level: Level, section: str, notes: Notes) -> None:
        data: MaterialsJSON = level.data
        self._energy = _corrected if data.energy == "corrected" else _uncorrected
        self._order = data.stress_order
        self._forces = forces_names(data.forces_key)
        self._functional, self._vacuum, self._section = level.functional, level.vacuum, section
        self._notes = notes
        self.wanted = {"energy": f"Mend {section}.data.energy"}
        if self._forces:
            self.wanted["forces"] = (
                f"Mend {section}.data.forces_key, which is null where documents have none"
            )

    def frame_id(self, document: JSONDocument) -> str:
        return document.own_id

    def see_ids(self, where: str) -> None:
        """None are declared."""

    def frame(self, document: JSONDocument, part: str | None) -> Frame | Rejected:
        frame_id = document.own_id
        structure = read_structure(document.field("structure"), self._vacuum, self._section)
        if not structure.numbers.size:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        forces = array_or_none(document.get(*self._forces)) if self._forces else None
        if forces is None and self._forces:
            document.lacks["forces"] = f"has no '{self._forces[0]}'"
        stress = None if structure.has_vacuum else document.get("stress")
        magmoms = array_or_none(document.get("magmom", "magmoms"))
        energy, relaxed = self._energy(document, structure.numbers.size, self._notes)
        return Frame(
            frame_id=frame_id,
            material_id=self._material(document) or frame_id,
            functional=self._functional,
            cell=structure.cell,
            atomic_numbers=structure.numbers,
            cart_coords=structure.coords,
            energy=energy,
            forces=forces,
            stress=None if stress is None else voigt(stress, self._order) * VASP_STRESS,
            magmoms=None if magmoms is None else np.abs(magmoms),
            given_part=part,
            relaxed_energy=relaxed,
        )

    def _material(self, document: JSONDocument) -> str | None:
        around = document.material_around
        return around or document.written_id("mp_id") or document.written_id("material_id")


def forces_names(key: str | None) -> tuple[str, ...]:
    """Names that forces may have where ``key`` is declared; none for None."""
    if key is None:
        return ()
    return (key, *({"force", "forces"} - {key})) if key in ("force", "forces") else (key,)


def _number(value: object) -> float | None:
    return None if value is None else float(value)


def _corrected(
    document: JSONDocument, n_atoms: int, notes: Notes
) -> tuple[float | None, float | None]:
    """Corrected energy in eV and, in eV/atom, that of the relaxed structure."""
    per_atom = _number(document.get("energy_per_atom"))
    total = _number(document.get("corrected_total_energy"))
    relaxed = _number(document.get("e_per_atom_relaxed"))
    if total is None and document.get("uncorrected_total_energy") is not None:
        document.lacks["energy"] = (
            "has no 'corrected_total_energy' (so its energy_per_atom need not be corrected; r2SCAN "
            "data want `energy: uncorrected`)"
        )
        return None, None
    if per_atom is None:
        if total is None:
            document.lacks["energy"] = "has no 'energy_per_atom'"
        return total, relaxed
    if total is None:
        notes.add(
            "{n} documents have energy_per_atom alone, which was taken for the corrected energy",
            document.own_id,
        )
    else:
        _see_agreement(per_atom, total, n_atoms, "corrected_total_energy")
    return per_atom * n_atoms, relaxed


def _uncorrected(document: JSONDocument, n_atoms: int, notes: Notes) -> tuple[float | None, None]:
    """Uncorrected energy in eV; files tell none of the relaxed structure."""
    per_atom = _number(document.get("energy_per_atom"))
    total = _number(document.get("uncorrected_total_energy"))
    # beside a corrected total, the energy per atom is the corrected one
    if document.get("corrected_total_energy") is not None:
        per_atom = None
    if total is None:
        if per_atom is None:
            document.lacks["energy"] = "has no 'uncorrected_total_energy'"
            return None, None
        notes.add(
            "{n} documents have energy_per_atom alone, which was taken for the uncorrected energy",
            document.own_id,
        )
        return per_atom * n_atoms, None
    if per_atom is not None:
        _see_agreement(per_atom, total, n_atoms, "uncorrected_total_energy")
    return total, None


def _see_agreement(per_atom: float, total: float, n_atoms: int, name: str) -> None:
    difference = abs(per_atom - total / n_atoms)
    if difference > AGREEMENT:
        raise ValueError(
            f"energy_per_atom is {per_atom:.6g} eV/atom, but {name} over {n_atoms} atoms is "
            f"{total / n_atoms:.6g} eV/atom"
        )
