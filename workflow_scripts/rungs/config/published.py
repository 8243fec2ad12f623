"""The published models and files that a study can name, and where the files are to be had."""

from pathlib import Path

from rungs.config.packings import unpacked_name

MODELS = ("0.3.0", "0.2.0", "r2scan")
"""Published CHGNet models, which the package chgnet brings along."""

_FILES = {
    "MPtrj_2022.9_full.json": (
        "MPtrj, 1.58 million GGA/GGA+U frames, 11.4 GB, MIT licence: "
        "https://doi.org/10.6084/m9.figshare.23713842"
    ),
    "MP-r2SCAN.json": (
        "MP-r2SCAN, 0.24 million r2SCAN frames: "
        "https://doi.org/10.6084/m9.figshare.28245650.v2 (terms as stated there; save the JSON "
        "file under this name, or change the name in the study)"
    ),
}


def whereabouts(path: str) -> str | None:
    """What the published file of this name is, its size, licence and address; None for others.

    A packed copy (``….json.gz``) counts as the file.
    """
    return _FILES.get(unpacked_name(Path(path).name))
