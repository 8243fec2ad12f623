"""Sources whose files come as training and test files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol


class DividedFiles(Protocol):
    """The part of such a source's configuration that names its files."""

    train: list[str]
    test: list[str]


class DividedFile(NamedTuple):
    """One file of a source."""

    name: str
    """As it is declared."""
    path: Path
    part: str
    """The list that names it, ``train`` or ``test``."""
    given_part: str | None
    """The part that its frames are given; None where no test files are named, so that nothing is
    divided yet."""
    label: str
    """What begins the ids of frames that have none of their own: the file's name without its
    ending; with folders, as declared, where two files have the same."""


def divided_files(data: DividedFiles, folder: str | os.PathLike) -> Iterator[DividedFile]:
    """Yield each file of a source, those for training first."""
    stems = [Path(name).stem for name in data.train + data.test]
    for part, names in (("train", data.train), ("test", data.test)):
        for name in names:
            stem = Path(name).stem
            label = stem if stems.count(stem) == 1 else str(Path(name).with_suffix(""))
            path, given_part = Path(folder) / name, part if data.test else None
            yield DividedFile(name, path, part, given_part, label)
