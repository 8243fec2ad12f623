"""A ``vasprun.xml`` made ready for a parser: unpacked, and with numbers where VASP has asterisks.

Numbers that are too long for their format come out as asterisks, which run into the number before.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rungs.sources.file_kinds import FileKind
from rungs.sources.opening import BLOCK, open_content, refused

OVERFLOW = 1e99
"""Stands for a number that VASP wrote as asterisks."""
_NAMED = {"gzip": (".gz",), "bzip2": (".bz2",), "xz": (".xz", ".lzma")}
"""Packings that the parser itself unpacks, by the ending of the name."""
_STARS = re.compile(rb"\*{3,}")
_STEP = b"<calculation"


@contextmanager
def readable_copy(path: Path) -> Iterator[tuple[Path, bool]]:
    """Give a file that pymatgen can parse, and whether there are asterisks in its ionic steps.

    The file itself where it can be parsed as it is, else a temporary copy that goes with the
    block; asterisks of ionic steps are :data:`OVERFLOW` there.

    Raises:
        StudyError: when the file cannot be read or unpacked, or is something else than XML.
    """
    with open_content(path) as (look, stream):
        if look.kind not in (FileKind.XML, FileKind.EMPTY):
            raise refused(path, look, "a vasprun.xml")
        has_stars = any(b"***" in text for text in _pieces_of_steps(stream))
    endings = [_NAMED.get(packing, ()) for packing in look.packing]
    if not has_stars and (not endings or (len(endings) == 1 and path.suffix in endings[0])):
        yield path, has_stars
        return
    with tempfile.TemporaryDirectory(prefix="rungs-") as folder:
        copy = Path(folder) / "vasprun.xml"
        with open_content(path) as (_, stream), open(copy, "wb") as handle:
            _copy_with_numbers(stream, handle)
        for incar in path.parent.glob("*INCAR*"):  # pymatgen reads what is asterisks there too
            if incar.is_file():
                shutil.copyfile(incar, Path(folder) / incar.name)
        yield copy, has_stars


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """The content in pieces that cut no element's name and no text in two."""
    rest = b""
    while block := stream.read(BLOCK):
        text = rest + block
        cut = text.rfind(b"<") if b"<" in text else len(text)
        rest = text[cut:]
        yield text[:cut]
    yield rest


def _pieces_of_steps(stream: IO[bytes]) -> Iterator[bytes]:
    """Those pieces from the first ionic step on."""
    in_steps = False
    for text in _pieces(stream):
        start = 0 if in_steps else text.find(_STEP)
        if start >= 0:
            in_steps = True
            yield text[start:]


def _copy_with_numbers(stream: IO[bytes], handle: IO[bytes]) -> None:
    """Copy with numbers in place of asterisks, from the first ionic step on."""
    number = f" {OVERFLOW} ".encode()
    in_steps = False
    for piece in _pieces(stream):
        text = piece
        if not in_steps and (start := text.find(_STEP)) >= 0:
            handle.write(text[:start])
            text, in_steps = text[start:], True
        handle.write(_STARS.sub(number, text) if in_steps else text)
