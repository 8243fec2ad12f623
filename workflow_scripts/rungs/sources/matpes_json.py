"""Frames from MatPES documents in JSON."""

import os
from collections.abc import Iterator, Mapping

import numpy as np

from rungs.config.bulk import MatPESJSON
from rungs.config.data import Level
from rungs.frames.frame import Frame, Rejected
from rungs.sources.bulk_json import field, read_bulk_json
from rungs.sources.structures import read_structure, site_property
from rungs.sources.units import VASP_STRESS


def read_matpes_json(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the frames of MatPES files, in their order, in the project's units.

    Stresses are in kbar with VASP's sign but in Voigt's order (xx, yy, zz, yz, xz, xy): of the two
    orders only this one has the symmetry of the structures. Magnetic moments become absolute
    values.

    Args:
        level: a level whose ``data.kind`` is ``matpes_json``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, or without a
            declared key.
    """
    return read_bulk_json(level, data_folder, section, _Form(level.data, level.functional))


class _Form:
    kind = "matpes_json"
    containers = ("{[",)

    def __init__(self, data: MatPESJSON, functional: str) -> None:
        self._data = data
        self._functional = functional

    def frame_id(self, path: tuple[str | int, ...], document: Mapping) -> str:  # noqa: ARG002
        return str(field(document, self._data.frame_key))

    def frame(
        self, frame_id: str, path: tuple[str | int, ...], document: Mapping, part: str | None
    ) -> Frame | Rejected:
        del path
        data = self._data
        if data.functional is not None and field(document, "functional") != data.functional:
            return Rejected(
                frame_id,
                f"is of functional {document['functional']}, not {data.functional}",
                "other functional",
            )
        structure = field(document, "structure")
        cell, numbers, coords = read_structure(structure)
        if not numbers.size:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        stress = document.get("stress")
        if stress is not None:
            stress = np.array(stress, dtype=np.float64) * VASP_STRESS
        material = frame_id
        if data.material_key is not None:
            material = str(field(document, data.material_key))
        return Frame(
            frame_id=frame_id,
            material_id=material,
            functional=self._functional,
            cell=cell,
            atomic_numbers=numbers,
            cart_coords=coords,
            energy=float(field(document, "energy")),
            forces=np.array(field(document, "forces"), dtype=np.float64),
            stress=stress,
            magmoms=self._magmoms(document, structure),
            given_part=part,
        )

    def _magmoms(self, document: Mapping, structure: Mapping) -> np.ndarray | None:
        match self._data.magmoms:
            case "site_property":
                found = site_property(structure, "magmom")
            case "bader":
                found = document.get("bader_magmoms")
            case _:
                found = None
        return None if found is None else np.abs(np.array(found, dtype=np.float64))
