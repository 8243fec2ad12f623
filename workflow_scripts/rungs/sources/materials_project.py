"""Frames from a download of the Materials Project."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from rungs.config.data import Level
from rungs.config.materials_project import MaterialsProject
from rungs.errors import StudyError
from rungs.frames.frame import VOIGT, Frame, Rejected
from rungs.materials_project.download import MANIFEST, PLAN
from rungs.materials_project.identifiers import shown
from rungs.materials_project.parts import digest, iter_steps
from rungs.materials_project.plan import request_of
from rungs.workflow.packages import require

KBAR_TO_GPA = -0.1
"""VASP's stress is positive under compression."""
SAME_U = 1e-3
"""eV."""


def read_materials_project(
    level: Level, data_folder: str | os.PathLike, section: str = "source"
) -> Iterator[Frame | Rejected]:
    """Yield the frames of a finished download, part by part.

    The frame id is task, calculation within the task, and ionic step: ``mp-1234-0-17``. Energies
    are the free energies that the forces belong to. ``relaxed_energy`` is that of the material's
    main entry with this frame's correction; ``converged`` tells whether the electronic loop ended
    before its largest number of steps.

    Args:
        level: a level whose ``data.kind`` is ``mp_api``.
        data_folder: folder that ``data.folder`` is relative to.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: for a download that is missing, unfinished, damaged, or of another request, and
            where packages are missing.
    """
    require("materials-project", f"{section}.data.kind: mp_api")
    data: MaterialsProject = level.data
    folder = _folder(data, data_folder, section)
    manifest = read_manifest(data, data_folder, section)
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    for task in manifest["missing"]:
        reason = "the service has no trajectory of this calculation"
        yield Rejected(shown(task), reason, "no trajectory")
    for name, kind, reason in manifest["refused"]:
        task, *calc = name.split("-")
        yield Rejected("-".join([shown(task), *calc]), reason, kind)
    chooser = _Chooser(data, plan["main_entries"])
    for part in manifest["parts"]:
        path = folder / part["file"]
        if not path.exists() or digest(path) != part["sha256"]:
            raise StudyError(
                f"{path}: is not what its manifest vouches for; delete {folder / MANIFEST} and "
                "give the same command again: only this part is fetched anew"
            )
        for row in iter_steps(path):
            yield _frame(row, level, chooser)


def read_manifest(
    data: MaterialsProject, data_folder: str | os.PathLike, section: str
) -> dict[str, object]:
    """The manifest of a finished download. Raises as :func:`read_materials_project`."""
    path = _folder(data, data_folder, section) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        request = manifest["request"]
    except FileNotFoundError:
        raise StudyError(
            f"{path}: there is no finished download; the workflow makes it, and needs the "
            "environment variable MP_API_KEY for that"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(f"{path}: is no manifest of a download; delete it") from None
    if request != request_of(data):
        raise StudyError(
            f"{path}: is of another request than {section}.data; delete it, or name another "
            f"folder in {section}.data.folder"
        )
    return manifest


def download_origin(
    data: MaterialsProject, data_folder: str | os.PathLike, section: str
) -> dict[str, object]:
    """Provenance of a download. Raises as :func:`read_materials_project`."""
    manifest = read_manifest(data, data_folder, section)
    return {
        "kind": "mp_api",
        "service": "Materials Project, https://materialsproject.org",
        "manifest_sha256": digest(_folder(data, data_folder, section) / MANIFEST),
        # where the folder lies is no property of the data
        "options": data.model_dump(mode="json", exclude={"folder"}),
    } | {
        key: manifest[key]
        for key in (
            "database_version",
            "trajectories",
            "versions",
            "licence",
            "restricted_batches",
            "refused_counts",
            "deprecated",
            "parts",
        )
    }


def _folder(data: MaterialsProject, data_folder: str | os.PathLike, section: str) -> Path:
    if data.folder is None:
        raise StudyError(f"{section}.data.folder: is needed to read a download outside a workflow")
    return Path(data_folder) / data.folder


class _Chooser:
    """Which calculations count, by their material's main entry."""

    def __init__(self, data: MaterialsProject, main_entries: Mapping[str, Mapping]) -> None:
        self._data = data
        self._main = main_entries

    def main_energy(self, row: Mapping) -> float | None:
        """Energy of the main entry in eV/atom without corrections, where there is one."""
        entry = self._main.get(row["material_id"])
        return None if entry is None else entry["energy_per_atom"]

    def fault(self, row: Mapping) -> tuple[str, str] | None:
        """Kind and reason why the calculation of a row does not count; None where it does."""
        data = self._data
        if self.corrected and row["correction"] is None:
            return "no correction", f"MP2020 does not apply to it: {row['no_correction']}"
        entry = self._main.get(row["material_id"])
        if entry is None:
            if data.energy_tolerance is None:
                return None
            return "no main entry", (
                f"its material {shown(row['material_id'])} has no {data.labels} main entry to "
                "compare it with; data.energy_tolerance: null takes it"
            )
        if data.same_u_values and not _same_u(json.loads(row["u_values"]), entry["u_values"]):
            return "U values", (
                f"its Hubbard U {row['u_values']} differs from {json.dumps(entry['u_values'])} of "
                "its material's main entry"
            )
        away = abs(row["task_energy_per_atom"] - entry["energy_per_atom"])
        if data.energy_tolerance is not None and away > data.energy_tolerance:
            return "main entry", (
                f"its calculation ends {1000 * away:.1f} meV/atom from its material's main entry, "
                f"more than data.energy_tolerance = {1000 * data.energy_tolerance:g} meV/atom"
            )
        return None

    @property
    def corrected(self) -> bool:
        """Whether MP2020 corrections are added."""
        return self._data.labels == "GGA_GGA+U" and self._data.mp2020_corrections


def _frame(row: Mapping, level: Level, chooser: _Chooser) -> Frame | Rejected:
    frame_id = f"{shown(row['task_id'])}-{row['calc']}-{row['step']}"
    if fault := chooser.fault(row):
        kind, reason = fault
        return Rejected(frame_id, reason, kind)
    n_atoms = len(row["atomic_numbers"])
    correction = row["correction"] if chooser.corrected else 0.0
    main = chooser.main_energy(row)
    stress = row["stress"]
    steps = row["electronic_steps"]
    return Frame(
        frame_id=frame_id,
        material_id=shown(row["material_id"]),
        functional=level.functional,
        cell=row["cell"],
        atomic_numbers=row["atomic_numbers"],
        cart_coords=row["cart_coords"],
        energy=row["energy"] + correction,
        forces=row["forces"],
        stress=None if stress is None else _voigt(stress) * KBAR_TO_GPA,
        magmoms=None if row["magmoms"] is None else np.abs(row["magmoms"]),
        group=row["task_type"],
        converged=None if steps is None else steps < row["nelm"],
        relaxed_energy=None if main is None else main + correction / n_atoms,
    )


def _voigt(matrix: np.ndarray) -> np.ndarray:
    symmetric = (matrix + matrix.T) / 2
    return np.array([symmetric[place] for place in VOIGT])


def _same_u(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(one.get(name, 0.0) - other.get(name, 0.0)) <= SAME_U for name in {*one, *other})
