"""Records of where frames come from."""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from rungs.config.bulk import Files, VaspRuns
from rungs.config.sources import BuiltInCrystals, ExtendedXYZ
from rungs.config.vasp_folders import find_runs
from rungs.errors import StudyError


def crystals_origin(data: BuiltInCrystals, seed: int) -> dict[str, object]:
    """Provenance of built-in crystals."""
    return {
        "kind": "crystals",
        "labels": f"predictions of the published CHGNet {data.labels}, not DFT",
        "geometries": (
            "crystals around the energy minimum of the published CHGNet 0.3.0, with random "
            "volumes, strains and displacements"
        ),
        "seed": seed,
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("chgnet", "pymatgen", "numpy", "torch")},
    }


def files_origin(
    data: ExtendedXYZ | Files, data_folder: str | os.PathLike, section: str
) -> dict[str, object]:
    """Provenance of files that are listed by name.

    Raises:
        StudyError: when a file cannot be read.
    """
    files = []
    for part, names in (("train", data.train), ("test", data.test)):
        for name in names:
            size, digest = _size_and_digest(Path(data_folder) / name, f"{section}.data.{part}")
            files.append({"part": part, "file": name, "bytes": size, "sha256": digest})
    return {
        "kind": data.kind,
        "files": files,
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in _READERS[data.kind]},
    }


def runs_origin(data: VaspRuns, data_folder: str | os.PathLike, section: str) -> dict[str, object]:
    """Provenance of a folder of calculations: too many to list, so one digest over all.

    Raises:
        StudyError: when a file cannot be read.
    """
    root = Path(data_folder) / data.folder
    total, digests = 0, hashlib.sha256()
    runs = find_runs(root, data.pattern).files
    if not runs:  # what is missing is said as of a file
        _size_and_digest(root, f"{section}.data.folder")
    for run in runs:
        size, digest = _size_and_digest(Path(run.path), f"{section}.data.folder")
        total += size
        digests.update(f"{run.name} {digest}\n".encode())
    return {
        "kind": data.kind,
        "runs": {"count": len(runs), "bytes": total, "sha256_of_digests": digests.hexdigest()},
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in _READERS[data.kind]},
    }


_READERS = {
    "extended_xyz": ("ase", "numpy"),
    "mp_json": ("orjson", "numpy"),
    "matpes_json": ("orjson", "numpy"),
    "parquet": ("pyarrow", "numpy"),
    "ase_db": ("ase", "numpy"),
    "vasp_runs": ("pymatgen", "numpy"),
}
"""Packages whose versions the reading of a kind depends on."""


def _size_and_digest(path: Path, key: str) -> tuple[int, str]:
    try:
        with open(path, "rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            return handle.tell(), digest
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read ({error.strerror}); mend {key} or data_folder, which the "
            "name is relative to"
        ) from None
