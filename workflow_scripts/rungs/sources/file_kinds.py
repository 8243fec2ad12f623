"""What a file is, by its first bytes: names are not asked, as downloads and copies bear any."""

import codecs
import re
from enum import Enum

HEAD = 4096
"""Bytes that are looked at."""


class FileKind(Enum):
    """What a file's content is, once it is unpacked; the value is its name in a sentence."""

    EMPTY = "an empty file"
    TEXT = "a text"
    JSON = "JSON"
    XML = "XML"
    SQLITE = "an SQLite database"
    PARQUET = "a Parquet file"
    ULM = "a file of ASE's binary format, as trajectories are"
    HDF5 = "an HDF5 file"
    NETCDF = "a NetCDF file"
    LMDB = "an LMDB database"
    NUMPY = "a NumPy array"
    PICKLE = "a Python pickle"
    ARROW = "an Arrow file"
    WEB_PAGE = "a web page"
    LFS_POINTER = "a pointer file of Git LFS"
    ANNEX_POINTER = "a pointer file of git-annex"
    PDF = "a PDF document"
    IMAGE = "an image"
    TAR = "a tar archive"
    ZIP = "a zip archive"
    OTHER_ARCHIVE = "a packed file of a kind that is not unpacked here"
    BINARY = "a binary file of an unknown kind"


_UNPACK = "unpack it, and name the file in it that holds the frames"
_CONVERT = "write its frames as extended XYZ or into an ASE database"
_ADVICE = {
    FileKind.TEXT: "frames as text are `kind: extended_xyz`",
    FileKind.JSON: "JSON is read by `kind: mp_json`, `matpes_json` and, of ASE, `ase_db`",
    FileKind.XML: "VASP's vasprun.xml is read by `kind: vasp_runs`, by its folder",
    FileKind.SQLITE: "ASE's databases are read by `kind: ase_db`",
    FileKind.ULM: "ASE's trajectories are read by `kind: ase_db`",
    FileKind.PARQUET: "it is read by `kind: parquet`",
    FileKind.HDF5: f"{_CONVERT}; of a VASP calculation, vasprun.xml is read",
    FileKind.NETCDF: _CONVERT,
    FileKind.LMDB: _CONVERT,
    FileKind.NUMPY: _CONVERT,
    FileKind.PICKLE: f"a pickle runs code when it is opened: {_CONVERT}",
    FileKind.ARROW: "write it as Parquet",
    FileKind.WEB_PAGE: (
        "servers answer so where an address is wrong or a login is needed; fetch the file again"
    ),
    FileKind.LFS_POINTER: (
        "the data are still on the server: run `git lfs pull` in its repository, or download the "
        "file by its web address"
    ),
    FileKind.ANNEX_POINTER: "the data are elsewhere: run `git annex get` in its repository",
    FileKind.TAR: _UNPACK,
    FileKind.ZIP: _UNPACK,
    FileKind.OTHER_ARCHIVE: _UNPACK,
    FileKind.EMPTY: "get a whole copy",
}


def advice(kind: FileKind) -> str:
    """What to do with a file of this kind where another is wanted."""
    return _ADVICE.get(kind, "name the file that holds the frames")


_MAGIC: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"SQLite format 3\x00", FileKind.SQLITE),
    (0, b"PAR1", FileKind.PARQUET),
    (0, b"PARE", FileKind.PARQUET),
    (0, b"- of Ulm", FileKind.ULM),
    (0, b"AFFormat", FileKind.ULM),
    (0, b"\x89HDF\r\n\x1a\n", FileKind.HDF5),
    (0, b"CDF\x01", FileKind.NETCDF),
    (0, b"CDF\x02", FileKind.NETCDF),
    (0, b"CDF\x05", FileKind.NETCDF),
    (16, b"\xde\xc0\xef\xbe", FileKind.LMDB),
    (0, b"\x93NUMPY", FileKind.NUMPY),
    (0, b"ARROW1", FileKind.ARROW),
    (0, b"%PDF-", FileKind.PDF),
    (0, b"\x89PNG\r\n\x1a\n", FileKind.IMAGE),
    (0, b"\xff\xd8\xff", FileKind.IMAGE),
    (0, b"GIF8", FileKind.IMAGE),
    (257, b"ustar", FileKind.TAR),
    (0, b"PK\x03\x04", FileKind.ZIP),
    (0, b"PK\x05\x06", FileKind.ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind.OTHER_ARCHIVE),
    (0, b"Rar!\x1a\x07", FileKind.OTHER_ARCHIVE),
    (0, b"\x04\x22\x4d\x18", FileKind.OTHER_ARCHIVE),  # lz4
    (0, b"\x1f\x9d", FileKind.OTHER_ARCHIVE),  # compress
    (0, b"LZIP", FileKind.OTHER_ARCHIVE),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05](?:\x95.{8}|[\]}(c])", re.DOTALL)
_WEB_PAGE = re.compile(
    rb"\s*(?:<!--.*?-->\s*)?(?:<\?xml[^>]*\?>\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_MOST_CONTROLS = 0.02
"""Share of control characters beyond which a file is no text."""


def kind_of_bytes(head: bytes) -> FileKind:
    """What a file is that begins with ``head``, its first :data:`HEAD` bytes."""
    if not head:
        return FileKind.EMPTY
    for place, magic, kind in _MAGIC:
        if head.startswith(magic, place):
            return kind
    if _PICKLE.match(head):
        return FileKind.PICKLE
    encoding = encoding_of(head)
    if encoding is None:
        return FileKind.BINARY
    text = head if encoding.startswith("utf-8") else _as_utf8(head, encoding)
    text = text.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"version https://git-lfs.github.com/spec/"):
        return FileKind.LFS_POINTER
    if re.match(rb"(?:\.\./)*(?:\.git/annex|/annex)/objects/", text):
        return FileKind.ANNEX_POINTER
    if _WEB_PAGE.match(text):
        return FileKind.WEB_PAGE
    if text.startswith((b"<?xml", b"<modeling")):
        return FileKind.XML
    if text.startswith((b"{", b"[")):
        return FileKind.JSON
    return FileKind.TEXT


def encoding_of(head: bytes) -> str | None:
    """Encoding of a text that begins with ``head``; None where it is no text.

    Bytes that are no UTF-8 are not looked for: that shows in the course of reading.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    # Latin letters and digits in UTF-16 have a zero in every other byte
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[offset::2], head[1 - offset :: 2]
        if b"\x00" not in others and zeros.count(0) > 0.7 * len(zeros):
            return encoding
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return "utf-8" if controls <= max(1, _MOST_CONTROLS * len(head)) else None


def _as_utf8(head: bytes, encoding: str) -> bytes:
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).encode("utf-8")
