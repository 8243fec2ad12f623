"""Records of where frames come from."""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from rungs.config.sources import BuiltInCrystals, ExtendedXYZ
from rungs.errors import StudyError


def crystals_origin(data: BuiltInCrystals, seed: int) -> dict[str, object]:
    """Provenance of built-in crystals."""
    return {
        "kind": "crystals",
        "labels": f"predictions of the published CHGNet {data.labels}, not DFT",
        "geometries": (
            "ionic crystals around the energy minimum of the published CHGNet 0.3.0, with random "
            "volumes, strains and displacements"
        ),
        "seed": seed,
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("chgnet", "pymatgen", "numpy", "torch")},
    }


def files_origin(
    data: ExtendedXYZ, data_folder: str | os.PathLike, section: str
) -> dict[str, object]:
    """Provenance of extended-XYZ files.

    Raises:
        StudyError: when a file cannot be read.
    """
    files = []
    for part, names in (("train", data.train), ("test", data.test)):
        for name in names:
            path = Path(data_folder) / name
            try:
                with open(path, "rb") as handle:
                    digest = hashlib.file_digest(handle, "sha256").hexdigest()
                    size = handle.tell()
            except OSError as error:
                raise StudyError(
                    f"{path}: cannot be read ({error.strerror}); mend {section}.data.{part} or "
                    "data_folder, which the name is relative to"
                ) from None
            files.append({"part": part, "file": name, "bytes": size, "sha256": digest})
    return {
        "kind": "extended_xyz",
        "files": files,
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("ase", "numpy")},
    }
