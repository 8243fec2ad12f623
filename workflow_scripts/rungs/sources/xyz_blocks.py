"""Cutting an extended-XYZ file into its frames, so that a damaged file is noticed.

Readers that stop quietly at the first line they do not understand would turn a truncated
download into a smaller dataset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rungs.errors import StudyError


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one frame."""

    first_line: int
    """Number of the line with the count of atoms, from 1."""
    comment: str
    atoms: list[str]
    """One line for each atom, without line breaks."""


def iter_blocks(path: Path, key: str) -> Iterator[Block]:
    """Yield the frames of an extended-XYZ file as text.

    Args:
        path: the file.
        key: configuration key that names the file, for messages.

    Raises:
        StudyError: when the file cannot be opened, is no text, ends inside a frame, or has
            something else where a number of atoms is expected.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            yield from _blocks(handle, path)
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read ({error.strerror}); mend {key} or data_folder, which the "
            "name is relative to"
        ) from None
    except UnicodeDecodeError:
        raise StudyError(
            f"{path}: is not a text file, so no extended XYZ; mend {key}, or unpack the file if "
            "it is compressed"
        ) from None


def _blocks(handle: TextIO, path: Path) -> Iterator[Block]:
    number = 0
    while line := handle.readline():
        number += 1
        if not line.strip():
            continue
        first = number
        try:
            n_atoms = int(line)
            if n_atoms < 0:
                raise ValueError
        except ValueError:
            raise StudyError(
                f"{path}, line {number}: expected the number of atoms of the next frame, found "
                f"'{_shortened(line)}'; the frame before has a wrong number of lines, or the "
                "file is no extended XYZ"
            ) from None
        lines = []
        while len(lines) <= n_atoms and (line := handle.readline()):
            lines.append(line)
        number += len(lines)
        if len(lines) <= n_atoms:
            raise StudyError(
                f"{path}: ends inside a frame: line {first} announces {n_atoms} atoms, but the "
                f"file stops after line {number} with {max(len(lines) - 1, 0)} of them; the file "
                "is cut short, get a whole copy"
            )
        if not lines[-1].endswith("\n"):
            raise StudyError(
                f"{path}, line {number}: the file's last line has no line break, so it may be cut "
                "short; get a whole copy, or add the line break if you know that it is whole"
            )
        comment, *atoms = (line.rstrip("\n") for line in lines)
        yield Block(first, comment, atoms)


def _shortened(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 40 else line[:40] + "…"
