"""What the disk says of the files that a study names, before any of them is read."""

import difflib
import os
from pathlib import Path

from rungs.config.published import MODELS
from rungs.config.study import Study

_SHOWN = 3


def file_fault(path: str | os.PathLike) -> str | None:
    """Return in words why the file cannot be read; None where it is there.

    A name that nearly is that of another file there comes with it, and a pattern with what it
    matches: patterns are not expanded, so that a file that comes later changes no study in silence.
    """
    path = Path(path)
    if path.is_file():
        return None if os.access(path, os.R_OK) else "you may not read it; change its permissions"
    if path.is_dir():
        return "is a folder; name the files in it"
    if path.is_symlink():
        return f"is a link to {path.readlink()}, which is not there"
    if not path.parent.is_dir():
        return None if path.exists() else f"there is no folder {path.parent}"
    if any(sign in path.name for sign in "*?["):
        found = sorted(p.name for p in path.parent.glob(path.name) if p.is_file())
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            return f"patterns are not expanded; name {', '.join(found[:_SHOWN])}{more} one by one"
    there = sorted(p.name for p in path.parent.iterdir())
    near = difflib.get_close_matches(path.name, there, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else "no such file"


def faults(study: Study) -> list[str]:
    """Return what makes the study impossible and needs no reading of data, a sentence each.

    Missing data are none of it (:func:`file_fault`): where frames have been made, they are not
    needed.
    """
    found = []
    for name in ("source", "target"):
        first: dict[str, str] = {}
        for path in getattr(study, name).data.files(study.data_folder):
            real = os.path.realpath(path)
            if real in first:
                found.append(
                    f"{name}.data: {first[real]} and {path} are one file; list it once, in "
                    "train or in test"
                )
            first.setdefault(real, path)
    for network in study.networks:
        initial = network.pretraining.initial
        if initial not in ("random", *MODELS) and (fault := file_fault(initial)):
            found.append(f"{network.key}pretraining.initial: {initial} cannot be read ({fault})")
    return found


def remarks(study: Study) -> list[str]:
    """Return what is allowed but hardly meant, a sentence each."""
    said = []
    if study.judged_by_its_own_kind:
        said.append(study.judged_by_its_own_kind)
    files = [
        {os.path.realpath(path) for path in level.data.files(study.data_folder)}
        for level in (study.source, study.target)
    ]
    if both := sorted(set.intersection(*files)):
        said.append(
            f"source and target both read {both[0]}: the two levels then have the same labels, "
            "and a transfer between them shows nothing"
        )
    return said
