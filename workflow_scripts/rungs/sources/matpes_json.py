"""Frames from MatPES documents in JSON."""

import os
from collections.abc import Iterator

import numpy as np

from rungs.config.bulk import MatPESJSON
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources.bulk_json import array_or_none, read_bulk_json
from rungs.sources.json_document import JSONDocument
from rungs.sources.mp_json import forces_names
from rungs.sources.notes import Notes
from rungs.sources.structures import read_structure, site_property
from rungs.sources.units import VASP_STRESS, voigt

_DEFAULTS = {name: field.default for name, field in MatPESJSON.model_fields.items()}


def read_matpes_json(
    level: Level,
    data_folder: str | os.PathLike,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield the frames of MatPES files, in their order, in the project's units.

    Documents stand in a list, by name in an object, or one a line. Stresses are in kbar with VASP's
    sign but in Voigt's order (xx, yy, zz, yz, xz, xy): of the two orders only this one has the
    symmetry of MatPES's structures. Magnetic moments become absolute values. A document that names
    no material is one of its own.

    Args:
        level: a level whose ``data.kind`` is ``matpes_json``.
        data_folder: folder that the file names are relative to.
        section: ``source`` or ``target``, for messages.
        notes: is told what there is to tell besides.

    Raises:
        StudyError: for a file that is missing, cut short, JSON of another kind, or without a
            declared key.
    """
    notes = Notes() if notes is None else notes
    return read_bulk_json(level, data_folder, section, _Form(level, section, notes), notes)


class _Form:
    kind = "matpes_json"
    containers = ("{[",)

    def __init__(self, level: Level, section: str, notes: Notes) -> None:
        self._data: MatPESJSON = level.data
        self._functional, self._vacuum, self._section = level.functional, level.vacuum, section
        self._forces = forces_names(self._data.forces_key)
        self._notes = notes
        self._unseen = {
            option: key
            for option in ("frame_key", "material_key")
            if (key := getattr(self._data, option)) is not None and key != _DEFAULTS[option]
        }
        """Keys of ids that were declared, and that no document had yet."""
        self.wanted = {"energy": "Documents of this kind have their total energy as 'energy'"}
        if self._forces:
            self.wanted["forces"] = (
                f"Mend {section}.data.forces_key, which is null where documents have none"
            )

    def frame_id(self, document: JSONDocument) -> str:
        return self._id(document, "frame_key") or document.own_id

    def see_ids(self, where: str) -> None:
        for option, key in self._unseen.items():
            raise StudyError(
                f"{where}: none has '{key}', declared as {self._section}.data.{option}; mend it"
            )

    def _id(self, document: JSONDocument, option: str) -> str | None:
        key = getattr(self._data, option)
        if key is None:
            return None
        if (found := document.written_id(key)) is not None:
            self._unseen.pop(option, None)
        return found

    def frame(self, document: JSONDocument, part: str | None) -> Frame | Rejected:
        data, frame_id = self._data, self.frame_id(document)
        if data.functional is not None:
            functional = str(document.field("functional"))
            if functional.casefold() != data.functional.casefold():
                return Rejected(
                    frame_id,
                    f"is of functional {functional}, not {data.functional}",
                    "other functional",
                )
        fields = document.field("structure")
        structure = read_structure(fields, self._vacuum, self._section)
        n_atoms = structure.numbers.size
        if not n_atoms:
            return Rejected(frame_id, "the frame has no atoms", "no atoms")
        material = self._id(document, "material_key")
        if material is None:
            material = document.material_around or frame_id
            if data.material_key is not None:
                self._notes.add(
                    f"{{n}} documents have no '{data.material_key}': each is a material of its own",
                    frame_id,
                )
        forces = array_or_none(document.get(*self._forces)) if self._forces else None
        if forces is None and self._forces:
            document.lacks["forces"] = f"has no '{self._forces[0]}'"
        stress = None if structure.has_vacuum else document.get("stress")
        return Frame(
            frame_id=frame_id,
            material_id=material,
            functional=self._functional,
            cell=structure.cell,
            atomic_numbers=structure.numbers,
            cart_coords=structure.coords,
            energy=self._energy(document, n_atoms),
            forces=forces,
            stress=None if stress is None else voigt(stress, data.stress_order) * VASP_STRESS,
            magmoms=self._magmoms(document, fields),
            given_part=part,
        )

    def _energy(self, document: JSONDocument, n_atoms: int) -> float | None:
        if (total := document.get("energy")) is not None:
            return float(total)
        if (per_atom := document.get("energy_per_atom")) is not None:
            return float(per_atom) * n_atoms
        document.lacks["energy"] = "has no 'energy'"
        return None

    def _magmoms(self, document: JSONDocument, structure: dict) -> np.ndarray | None:
        match self._data.magmoms:
            case "site_property":
                found = site_property(structure, "magmom")
            case "bader":
                found = document.get("bader_magmoms")
            case _:
                found = None
        return None if found is None else np.abs(np.array(found, dtype=np.float64))
