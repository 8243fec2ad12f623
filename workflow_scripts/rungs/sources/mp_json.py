"""Frames from JSON nested by material, as MPtrj and MP-r2SCAN are published."""

import os
from collections.abc import Iterator, Mapping

import numpy as np

from rungs.config.bulk import MaterialsJSON
from rungs.config.data import Level
from rungs.frames.frame import Frame, Rejected
from rungs.sources.bulk_json import MissingFieldError, field, read_bulk_json
from rungs.sources.structures import read_structure
from rungs.sources.units import VASP_STRESS, symmetric_voigt

AGREEMENT = 1e-3
"""eV/atom; energies that a document gives twice may differ by this much."""


def read_mp_json(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the frames of nested JSON files, in their order, in the project's units.

    The frame id is the inner key (``mp-149-0-3``), after the material's where it is a bare number
    (``mp-149:3``). Magnetic moments become absolute values. Where the label is the corrected
    energy, ``e_per_atom_relaxed`` is the material's relaxed energy.

    Args:
        level: a level whose ``data.kind`` is ``mp_json``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, or without the
            declared energy.
    """
    return read_bulk_json(level, data_folder, section, _Form(level.data, level.functional))


class _Form:
    kind = "mp_json"
    containers = ("{", "{")

    def __init__(self, data: MaterialsJSON, functional: str) -> None:
        self._energy = _corrected if data.energy == "corrected" else _uncorrected
        self._functional = functional

    def frame_id(self, path: tuple[str | int, ...], document: Mapping) -> str:  # noqa: ARG002
        material, frame = path
        return f"{material}:{frame}" if frame.isdigit() else frame

    def frame(
        self, frame_id: str, path: tuple[str | int, ...], document: Mapping, part: str | None
    ) -> Frame | Rejected:
        cell, numbers, coords = read_structure(field(document, "structure"))
        if not numbers.size:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        forces = np.array(field(document, "force"), dtype=np.float64)
        stress, magmoms = document.get("stress"), document.get("magmom")
        energy, relaxed = self._energy(document, numbers.size)
        return Frame(
            frame_id=frame_id,
            material_id=path[0],
            functional=self._functional,
            cell=cell,
            atomic_numbers=numbers,
            cart_coords=coords,
            energy=energy,
            forces=forces,
            stress=None if stress is None else symmetric_voigt(stress) * VASP_STRESS,
            magmoms=None if magmoms is None else np.abs(np.array(magmoms, dtype=np.float64)),
            given_part=part,
            relaxed_energy=relaxed,
        )


def _corrected(document: Mapping, n_atoms: int) -> tuple[float, float | None]:
    """Corrected energy in eV and, in eV/atom, that of the relaxed structure."""
    per_atom = float(field(document, "energy_per_atom"))
    if document.get("corrected_total_energy") is None:
        raise MissingFieldError(
            "corrected_total_energy",
            " (so its energy_per_atom need not be corrected; r2SCAN data want `energy: "
            "uncorrected`)",
        )
    _see_agreement(per_atom, document["corrected_total_energy"], n_atoms, "corrected_total_energy")
    relaxed = document.get("e_per_atom_relaxed")
    return per_atom * n_atoms, None if relaxed is None else float(relaxed)


def _uncorrected(document: Mapping, n_atoms: int) -> tuple[float, None]:
    """Uncorrected energy in eV; files tell none of the relaxed structure."""
    total = float(field(document, "uncorrected_total_energy"))
    per_atom = document.get("energy_per_atom")
    # beside a corrected total, the energy per atom is the corrected one
    if per_atom is not None and document.get("corrected_total_energy") is None:
        _see_agreement(float(per_atom), total, n_atoms, "uncorrected_total_energy")
    return total, None


def _see_agreement(per_atom: float, total: float, n_atoms: int, name: str) -> None:
    difference = abs(per_atom - float(total) / n_atoms)
    if difference > AGREEMENT:
        raise ValueError(
            f"energy_per_atom is {per_atom:.6g} eV/atom, but {name} over {n_atoms} atoms is "
            f"{float(total) / n_atoms:.6g} eV/atom"
        )
