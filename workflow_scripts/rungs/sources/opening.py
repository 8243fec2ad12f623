"""Files of users, opened for reading only: unpacked and decoded by what they hold.

gzip, bzip2, xz, zstandard, and zip with one file in it, are unpacked as they are read. Texts may
begin with a byte order mark, may be UTF-16, or UTF-8 with bytes of Latin-1 in it, and may end
their lines in any way. What a file turns out to be instead is said by its name.
"""

import bz2
import codecs
import gzip
import io
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from rungs.errors import StudyError
from rungs.sources.file_kinds import HEAD, FileKind, advice, encoding_of, kind_of_bytes

BLOCK = 1 << 20
"""Bytes read at once where a file is copied or recoded."""
TEXTS: Collection[FileKind] = (FileKind.TEXT, FileKind.JSON, FileKind.XML)
"""Kinds of content that are read as text."""

_DEEPEST = 3
"""Packings within each other."""
_NAMES_SHOWN = 5
_ZIPPED_FORMATS = {
    "[Content_Types].xml": "an office document, as .xlsx and .docx are",
    "/data.pkl": "a file of PyTorch, which may run code when it is opened",
    ".npy": "several NumPy arrays in one file (.npz)",
}
"""Files by which zip archives are known that are formats of their own."""


class FirstLook(NamedTuple):
    """What a file is."""

    kind: FileKind
    """Of the content, once unpacked."""
    packing: tuple[str, ...]
    """How it is packed, the outermost first: ``("gzip",)``; empty for a plain file."""
    encoding: str | None
    """Of a text; None for everything else."""
    head: bytes
    """First bytes of the content."""


class Content(NamedTuple):
    """A file's content, unpacked."""

    look: FirstLook
    stream: IO[bytes]


def first_look(path: str | os.PathLike, key: str | None = None) -> FirstLook:
    """What a file is, by its first bytes.

    Args:
        path: the file.
        key: configuration key that names the file, for messages; None where there is none.

    Raises:
        StudyError: when the file cannot be read or unpacked.
    """
    with open_content(path, key) as content:
        return content.look


def kind_of_file(path: str | os.PathLike, key: str | None = None) -> FileKind:
    """What a file holds, once unpacked. Raises as :func:`first_look`."""
    return first_look(path, key).kind


@contextmanager
def open_content(path: str | os.PathLike, key: str | None = None) -> Iterator[Content]:
    """Give the content of a file as bytes, unpacked as they are read, with a first look at it.

    Arguments as for :func:`first_look`.

    Raises:
        StudyError: when the file cannot be read, is packed and damaged or cut short, or is an
            archive of several files; also later, in the course of reading.
    """
    try:
        with ExitStack() as stack:
            stream: IO[bytes] = stack.enter_context(open(path, "rb"))
            packing: list[str] = []
            while (head := _peek(stream)) and len(packing) < _DEEPEST:
                packer = _packer(head)
                if packer is None:
                    break
                stream = stack.enter_context(_UNPACKERS[packer](stream, path))
                packing.append(packer)
            encoding = encoding_of(head) if (kind := kind_of_bytes(head)) in TEXTS else None
            yield Content(FirstLook(kind, tuple(packing), encoding, head), stream)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise StudyError(_damaged(path, error)) from None
    except OSError as error:
        if error.strerror is None:  # of bzip2 and of zstandard
            raise StudyError(_damaged(path, error)) from None
        raise StudyError(cannot_be_read(path, error.strerror, key)) from None


def cannot_be_read(path: str | os.PathLike, why: str, key: str | None) -> str:
    """The sentence for a file that is missing or may not be read."""
    mend = f"mend {key} or data_folder, which the name is relative to" if key else "give another"
    return f"{path}: cannot be read ({why}); {mend}"


def refused(
    path: str | os.PathLike, look: FirstLook, wanted: str, key: str | None = None
) -> StudyError:
    """The error for a file that is something else than ``wanted``."""
    packed = f", packed by {' in '.join(look.packing)}" if look.packing else ""
    mend = f", or mend {key}" if key else ""
    return StudyError(
        f"{path}: is {look.kind.value}{packed}, where {wanted} is expected; "
        f"{advice(look.kind)}{mend}"
    )


class Lines:
    """The lines of a text, without their ends, one after the other or many at once."""

    def __init__(self, handle: io.TextIOWrapper) -> None:
        self._handle = handle
        self.has_latin_1 = False
        """Whether bytes that are no UTF-8 were met so far, and read as Latin-1."""
        self.last_has_end = True
        """Whether the last line that was given has a line break; only a file's last may not."""

    def next(self) -> str | None:
        """The next line; None at the end of the file."""
        lines = self.take(1)
        return lines[0] if lines else None

    def take(self, n: int) -> list[str]:
        """The next ``n`` lines, fewer at the end of the file."""
        lines = list(islice(self._handle, n))
        if lines:
            self.last_has_end = lines[-1].endswith("\n")
        lines = [line.rstrip("\n") for line in lines]
        if not all(map(str.isascii, lines)):
            lines = [line if line.isascii() else self._decoded(line) for line in lines]
        return lines

    def _decoded(self, line: str) -> str:
        decoded = line.translate(_LATIN_1)
        self.has_latin_1 |= decoded != line
        return decoded


@contextmanager
def open_text(
    path: str | os.PathLike,
    wanted: str,
    key: str | None = None,
    kinds: Collection[FileKind] = TEXTS,
) -> Iterator[Lines]:
    """Give the lines of a text, unpacked and decoded.

    Args:
        path: the file.
        wanted: what the text is to be, for messages: ``extended XYZ``.
        key: configuration key that names the file, for messages.
        kinds: what the content may be, by its beginning.

    Raises:
        StudyError: as of :func:`open_content`, and when the content is of another kind.
    """
    with open_content(path, key) as (look, stream):
        if look.kind not in kinds and look.kind is not FileKind.EMPTY:
            raise refused(path, look, wanted, key)
        encoding = look.encoding or "utf-8"
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        handle = io.TextIOWrapper(stream, encoding=encoding, errors=errors)
        try:
            yield Lines(handle)
        except UnicodeDecodeError as error:
            raise StudyError(
                f"{path}: is damaged: it begins as a text in {encoding.upper()}, but goes on "
                f"otherwise ({error.reason}); get a whole copy, or save it as UTF-8"
            ) from None
        finally:
            handle.detach()


@contextmanager
def plain_file(path: str | os.PathLike, key: str | None = None) -> Iterator[tuple[Path, FileKind]]:
    """Give a path under which the content lies unpacked, and what it is.

    The file itself where it is not packed, else a temporary copy that goes with the block: for
    libraries that read files by name. Raises as :func:`open_content`.
    """
    with ExitStack() as stack:
        plain = Path(path)
        with open_content(path, key) as (look, stream):
            if look.packing:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rungs-"))
                plain = Path(folder) / "unpacked"
                with open(plain, "wb") as handle:
                    shutil.copyfileobj(stream, handle, BLOCK)
        yield plain, look.kind


class AsUtf8:
    """A stream of text in another encoding, read as UTF-8 bytes."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, size: int) -> bytes:
        """About ``size`` bytes, none at the end.

        Raises:
            UnicodeDecodeError: where the bytes are no such text.
        """
        while data := self._stream.read(size):
            if text := self._decoder.decode(data):
                return text.encode("utf-8")
        return self._decoder.decode(b"", final=True).encode("utf-8")


def latin_1(data: bytes) -> str:
    """Text in UTF-8, in which bytes that are none are of Latin-1."""
    return data.decode("utf-8", "surrogateescape").translate(_LATIN_1)


# bytes that are no UTF-8 come as lone surrogates, 0xDC00 above the code of Latin-1
_LATIN_1 = {0xDC00 + code: code for code in range(0x80, 0x100)}


def _peek(stream: IO[bytes]) -> bytes:
    """The next bytes, which stay there."""
    return stream.peek(HEAD)[:HEAD]


def _packer(head: bytes) -> str | None:
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return "xz"
    # frames that hold data, and those to be skipped, with which parallel packers begin
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zstandard"
    if kind_of_bytes(head) is FileKind.ZIP:
        return "zip"
    return None


@contextmanager
def _unzipped(stream: IO[bytes], path: str | os.PathLike) -> Iterator[IO[bytes]]:
    if not stream.seekable():
        raise StudyError(f"{path}: is a packed zip archive; unpack it, and name the file in it")
    with zipfile.ZipFile(stream) as archive:
        members = [member for member in archive.infolist() if _is_data(member)]
        if len(members) != 1:
            for name, what in _ZIPPED_FORMATS.items():
                if any(member.filename.endswith(name) for member in members):
                    raise StudyError(f"{path}: is {what}; name the file that holds the frames")
            names = ", ".join(member.filename for member in members[:_NAMES_SHOWN]) or "none"
            more = ", …" if len(members) > _NAMES_SHOWN else ""
            raise StudyError(
                f"{path}: is a zip archive of {len(members)} files ({names}{more}), where one is "
                "expected; unpack it, and name the file in it that holds the frames"
            )
        try:
            handle = archive.open(members[0])
        except (RuntimeError, NotImplementedError) as error:  # a password, a rare packing
            raise StudyError(
                f"{path}: is a zip archive that cannot be unpacked here ({error}); unpack it, and "
                "name the file in it"
            ) from None
        with handle, io.BufferedReader(handle, BLOCK) as buffered:
            yield buffered


def _is_data(member: zipfile.ZipInfo) -> bool:
    """Whether this is a file, other than those that systems leave in archives."""
    parts = Path(member.filename).parts
    litter = "__MACOSX" in parts or parts[-1:] in ((".DS_Store",), ("Thumbs.db",))
    return not member.is_dir() and not litter


@contextmanager
def _buffered(unpacked: IO[bytes]) -> Iterator[IO[bytes]]:
    with unpacked, io.BufferedReader(unpacked, BLOCK) as buffered:
        yield buffered


def _unzstandard(stream: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    return pa.CompressedInputStream(stream, "zstd")


_UNPACKERS = {
    "gzip": lambda stream, _: _buffered(gzip.GzipFile(fileobj=stream)),
    "bzip2": lambda stream, _: _buffered(bz2.BZ2File(stream)),
    "xz": lambda stream, _: _buffered(lzma.LZMAFile(stream)),  # noqa: SIM115
    "zip": _unzipped,
    "zstandard": lambda stream, _: _buffered(_unzstandard(stream)),
}


def _damaged(path: str | os.PathLike, error: Exception) -> str:
    return (
        f"{path}: the compressed file is cut short or damaged ({error or type(error).__name__}); "
        "get a whole copy"
    )
