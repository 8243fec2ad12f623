"""The light part of a check: configuration, packages, and whether files are there."""

from collections.abc import Mapping
from pathlib import Path

from rungs.config.extras import extras_of
from rungs.config.first_look import faults, file_fault, remarks
from rungs.config.loading import load_study
from rungs.config.reading import read_values
from rungs.config.study import Study
from rungs.errors import StudyError
from rungs.preflight.levels import COMPUTED
from rungs.preflight.marks import Marks
from rungs.preflight.table import count
from rungs.workflow.packages import fault as package_fault


def check_configuration(
    path: Path, marks: Marks, overriding: Mapping[str, object] | None = None
) -> Study | None:
    """Check what needs no data to be read.

    Args:
        path: the study's file.
        marks: gets what is found.
        overriding: keys that are set on the command line, as for ``snakemake --config``.

    Returns:
        The study; None where its configuration is none.

    Raises:
        StudyError: when the file cannot be read, or is no YAML.
    """
    values = read_values(path) | dict(overriding or {})
    try:
        study = load_study(values, str(path))
    except StudyError as error:
        marks.bad(str(error))
        return None
    runs, methods = count(len(study.runs), "run"), count(len(study.methods), "method")
    if found := faults(study):
        marks.bad("\n".join(f"{path}: {fault}" for fault in found))
    else:
        marks.good(f"configuration: {study.study}, {methods}, {runs}")
    marks.all_warnings(remarks(study))
    if asked := extras_of(study):
        if fault := package_fault(asked):
            marks.bad(fault)
        else:
            marks.good(f"packages: {', '.join(asked)} installed")
    for section in ("source", "target"):
        _check_files(study, section, marks)
    return study


def made_frames(study: Study, section: str) -> Path:
    """Where the workflow keeps the frames of a level, once they are made."""
    return Path("results") / study.study / "frames" / f"{section}.parquet"


def _check_files(study: Study, section: str, marks: Marks) -> None:
    level = getattr(study, section)
    kind = level.data.kind
    if kind == "mp_api":
        _check_download(study, section, marks)
        return
    if kind in COMPUTED:
        return
    if kind == "vasp_runs":
        files = level.data.files(study.data_folder)
        missing = {file: "no such folder" for file in files if not Path(file).exists()}
    else:
        files = level.data.files(study.data_folder)
        missing = {file: fault for file in files if (fault := file_fault(file))}
    for file in level.atom_files(study.data_folder):
        if fault := file_fault(file):
            missing[file] = fault
    parts = study.split.parts and study.split.parts.path(study.data_folder)
    if section == "target" and parts and (fault := file_fault(parts)):
        marks.bad(f"split.parts.file: {parts} ({fault})")
    if not missing:
        size = sum(Path(file).stat().st_size for file in files if Path(file).is_file())
        marks.good(f"{section}: {count(len(files), 'file')}, {_megabytes(size)}")
    elif made_frames(study, section).is_file():
        marks.warn(f"{section}: files are missing, but their frames were made before")
    else:
        for file, fault in missing.items():
            where = level.whereabouts(file)
            told = f"; it is {where}" if where else ""
            marks.bad(f"{section}.data: {file} is missing ({fault}){told}")


def _check_download(study: Study, section: str, marks: Marks) -> None:
    from rungs.materials_project.preflight import key_fault

    data = getattr(study, section).data
    own = Path("results") / study.study / "downloads" / section
    folder = own if data.folder is None else Path(study.data_folder) / data.folder
    if (folder / "manifest.json").exists() or made_frames(study, section).is_file():
        marks.good(f"{section}: downloaded before, in {folder}")
    elif fault := key_fault():
        marks.bad(f"{section}.data: comes from the Materials Project, and {fault}")
    else:
        marks.good(f"{section}: is to be downloaded from the Materials Project")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:,} bytes"
