"""Sources whose files come as training and test files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class DividedFiles(Protocol):
    """The part of such a source's configuration that names its files."""

    train: list[str]
    test: list[str]


def divided_files(
    data: DividedFiles, folder: str | os.PathLike
) -> Iterator[tuple[Path, str, str | None]]:
    """Yield each file with the list that names it, ``train`` or ``test``, and the part that its
    frames are given: None where no test files are named, so that nothing is divided yet."""
    for part, names in (("train", data.train), ("test", data.test)):
        for name in names:
            yield Path(folder) / name, part, part if data.test else None
