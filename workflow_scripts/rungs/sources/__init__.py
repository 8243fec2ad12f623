"""Where frames come from: files, downloads, built-in crystals, or classical dynamics."""

import os
from collections.abc import Iterator

from rungs.config.data import Level
from rungs.frames.frame import Frame, Rejected
from rungs.sources.notes import Notes

__all__ = ["Notes", "provenance", "read_source"]


def read_source(
    level: Level,
    data_folder: str | os.PathLike,
    seed: int,
    section: str = "source",
    notes: Notes | None = None,
) -> Iterator[Frame | Rejected]:
    """Yield a level's frames in the project's units, and those that could not be read or made.

    Args:
        level: the section ``source`` or ``target`` of the configuration.
        data_folder: folder that file names are relative to.
        seed: the study's seed, from which built-in crystals and classical dynamics are drawn.
        section: ``source`` or ``target``, for messages.
        notes: is told, in the course of reading, what there is to tell besides; see
            :class:`rungs.sources.notes.Notes`.

    Raises:
        StudyError: for files that are missing, damaged, or lack a declared key altogether.
    """
    match level.data.kind:
        case "crystals":
            from rungs.sources.crystals import read_crystals

            return read_crystals(level, seed)
        case "classical_md":
            from rungs.sources.classical_md import read_classical_md

            return read_classical_md(level, seed)
        case "extended_xyz":
            from rungs.sources.extended_xyz import read_extended_xyz

            return read_extended_xyz(level, data_folder, section, notes)
        case "mp_json":
            from rungs.sources.mp_json import read_mp_json

            return read_mp_json(level, data_folder, section, notes)
        case "matpes_json":
            from rungs.sources.matpes_json import read_matpes_json

            return read_matpes_json(level, data_folder, section, notes)
        case "parquet":
            from rungs.sources.parquet import read_parquet

            return read_parquet(level, data_folder, section, notes)
        case "ase_db":
            from rungs.sources.ase_database import read_ase_db

            return read_ase_db(level, data_folder, section, notes)
        case "vasp_runs":
            from rungs.sources.vasp_runs import read_vasp_runs

            return read_vasp_runs(level, data_folder, section, notes)
        case "mp_api":
            from rungs.sources.materials_project import read_materials_project

            return read_materials_project(level, data_folder, section)


def provenance(
    level: Level, data_folder: str | os.PathLike, seed: int, section: str = "source"
) -> dict[str, object]:
    """Where a level's frames come from, to be kept with them.

    For files: name, size and SHA-256 of each, and what the configuration declares of them. For
    folders of runs: their number, size and one digest over all. For built-in crystals and
    classical dynamics: the labelling model, the versions and the options. For a download: what its
    manifest says, and the manifest's SHA-256.

    Raises:
        StudyError: when a file cannot be read.
    """
    from rungs.sources.origin import crystals_origin, files_origin, runs_origin

    base = {"label": level.label, "functional": level.functional}
    match level.data.kind:
        case "crystals":
            return base | crystals_origin(level.data, seed)
        case "classical_md":
            from rungs.sources.classical_md import classical_md_origin

            return base | classical_md_origin(level.data, seed)
        case "vasp_runs":
            return base | runs_origin(level.data, data_folder, section)
        case "mp_api":
            from rungs.sources.materials_project import download_origin

            return base | download_origin(level.data, data_folder, section)
        case _:
            return base | files_origin(level.data, data_folder, section)
