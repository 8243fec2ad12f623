"""Cutting an extended-XYZ file into its frames, so that a damaged file is noticed.

Readers that stop quietly at the first line they do not understand would turn a truncated
download into a smaller dataset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rungs.errors import StudyError
from rungs.sources.file_kinds import FileKind
from rungs.sources.notes import Notes
from rungs.sources.opening import Lines, open_text

WANTED = "extended XYZ"


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one frame."""

    first_line: int
    """Number of the line with the count of atoms, from 1."""
    comment: str
    atoms: list[str]
    """One line for each atom, without line breaks."""
    has_end: bool = True
    """Whether the last line has a line break; without one it may be cut short."""


def iter_blocks(
    path: Path, key: str, notes: Notes | None = None, name: str = ""
) -> Iterator[Block]:
    """Yield the frames of an extended-XYZ file as text.

    Args:
        path: the file, plain or packed.
        key: configuration key that names the file, for messages.
        notes: is told of a file that is no UTF-8.
        name: what the file is called in notes.

    Raises:
        StudyError: when the file cannot be opened, is no text, ends inside a frame, or has
            something else where a number of atoms is expected.
    """
    with open_text(path, WANTED, key, (FileKind.TEXT,)) as lines:
        yield from _blocks(lines, path)
        if lines.has_latin_1 and notes is not None:
            notes.add(f"{name}: is no UTF-8, so what is not was read as Latin-1")


def _blocks(lines: Lines, path: Path) -> Iterator[Block]:
    number = 0
    while (line := lines.next()) is not None:
        number += 1
        if not line or line.isspace():
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
        found = lines.take(n_atoms + 1)
        number += len(found)
        if len(found) <= n_atoms:
            raise StudyError(
                f"{path}: ends inside a frame: line {first} announces {n_atoms} atoms, but the "
                f"file stops after line {number} with {max(len(found) - 1, 0)} of them; the file "
                "is cut short, get a whole copy"
            )
        yield Block(first, found[0], found[1:], lines.last_has_end)


def cut_short(path: Path, number: int) -> StudyError:
    """The error for a file whose last line, the ``number``th, has no line break and no whole
    contents."""
    return StudyError(
        f"{path}, line {number}: the file's last line has no line break and looks cut short; get a "
        "whole copy, or add the line break if you know that it is whole"
    )


def looks_cut_short(block: Block) -> bool:
    """Whether the last line, which has no line break, lacks what the lines before it have.

    All of them having the same number of columns, and the last of these as many decimals, the last
    line has them too.
    """
    *others, last = [line.split() for line in block.atoms] or [[]]
    if not last:
        return True
    if others and len(last) < min(map(len, others)):
        return True
    decimals = {_decimals(words[-1]) for words in others if words}
    return len(decimals) == 1 and _decimals(last[-1]) < decimals.pop()


def _decimals(word: str) -> int:
    """Number of characters from the decimal point on; 0 without one."""
    return len(word) - word.index(".") if "." in word else 0


def _shortened(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 40 else line[:40] + "…"
