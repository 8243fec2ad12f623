"""Opening files: packings, encodings, ends of lines, and what a file is instead."""

import bz2
import gzip
import io
import lzma
import os
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.sources.file_kinds import FileKind
from rungs.sources.opening import (
    AsUtf8,
    FirstLook,
    first_look,
    kind_of_file,
    open_text,
    plain_file,
)

TEXT = "4\nDas Universitätsklinikum\nH 0 0 0\n"


def zipped(data: bytes, *names: str, password: bool = False) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("frames.xyz",):
            archive.writestr(name, data)
    made = bytearray(packed.getvalue())
    if password:  # the flag alone, in both headers
        made[6] |= 1
        made[made.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


PACKINGS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    "zip": zipped,
}


@pytest.fixture
def put(tmp_path):
    def write(data: bytes, name: str = "x.dat"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def lines(path) -> list[str]:
    with open_text(path, "a text", "source.data.train") as text:
        return text.take(1000)


@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_files_are_read_whatever_their_name(put, packing):
    path = put(PACKINGS[packing](TEXT.encode()))
    assert lines(path) == TEXT.splitlines()
    look = first_look(path)
    assert look.packing == (packing,)
    assert look.kind is FileKind.TEXT
    assert TEXT.encode().startswith(look.head)
    with plain_file(path) as (copy, kind):
        assert copy.read_text(encoding="utf-8") == TEXT
        assert kind is FileKind.TEXT
    assert not copy.exists()


def test_a_plain_file_is_its_own_copy(put):
    path = put(TEXT.encode())
    with plain_file(path) as (copy, _):
        assert copy == path


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_empty_packed_file_is_empty(put, packing):
    assert kind_of_file(put(PACKINGS[packing](b""))) is FileKind.EMPTY


def test_packings_in_each_other_and_members_one_after_the_other(put):
    packed = gzip.compress(bz2.compress(TEXT.encode()))
    assert lines(put(packed)) == TEXT.splitlines()
    assert first_look(put(packed)).packing == ("gzip", "bzip2")
    for name in ("gzip", "bzip2", "xz", "zstandard"):
        path = put(PACKINGS[name](TEXT.encode()) + PACKINGS[name](b"more\n"))
        assert lines(path) == [*TEXT.splitlines(), "more"]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8, 0.99])
def test_a_packed_file_cut_short_is_an_error(put, packing, share):
    whole = PACKINGS[packing](np.random.default_rng(0).bytes(200_000).hex().encode())
    path = put(whole[: int(share * len(whole))])
    with pytest.raises(StudyError, match=r"x\.dat: the compressed file is cut short or damaged"):
        lines(path)


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zip"])
def test_a_changed_byte_of_a_packed_file_is_an_error(put, packing):
    """zstandard is packed without a checksum here."""
    whole = bytearray(PACKINGS[packing](os.urandom(2000).hex().encode()))
    whole[len(whole) // 2] ^= 0x10
    with pytest.raises(StudyError, match="cut short or damaged"):
        lines(put(bytes(whole)))


def test_an_archive_of_several_files_names_them(put):
    path = put(zipped(b"1\n", "a.xyz", "b/c.xyz"))
    with pytest.raises(StudyError, match=r"zip archive of 2 files \(a\.xyz, b/c\.xyz\).*unpack it"):
        lines(path)
    with pytest.raises(StudyError, match=r"an office document"):
        lines(put(zipped(b"1\n", "[Content_Types].xml", "xl/workbook.xml")))
    names = [f"{i}.xyz" for i in range(9)]
    with pytest.raises(StudyError, match=r"of 9 files \(0\.xyz, .*4\.xyz, …\)"):
        lines(put(zipped(b"1\n", *names)))


def test_litter_in_an_archive_does_not_count(put):
    path = put(zipped(TEXT.encode(), "frames/", "frames/x.xyz", "__MACOSX/._x.xyz", ".DS_Store"))
    assert lines(path) == TEXT.splitlines()


def test_an_archive_with_a_password_is_named(put):
    with pytest.raises(StudyError, match=r"cannot be unpacked here .*password"):
        lines(put(zipped(b"1\n", password=True)))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(put, encoding, end):
    path = put(TEXT.replace("\n", end).encode(encoding))
    with open_text(path, "a text") as text:
        assert text.take(9) == TEXT.splitlines()
        assert text.has_latin_1 == (encoding == "latin-1")


def test_a_line_of_latin_1_among_lines_of_utf_8(put):
    with open_text(put("ä\n".encode() + "ö\n".encode("latin-1")), "a text") as text:
        assert text.next() == "ä"
        assert not text.has_latin_1
        assert text.next() == "ö"
        assert text.has_latin_1
        assert text.next() is None


def test_utf_16_that_goes_on_otherwise_is_damaged(put):
    with pytest.raises(StudyError, match="begins as a text in UTF-16, but goes on otherwise"):
        lines(put(TEXT.encode("utf-16") + b"\x00\xd8\x00\xd8\n"))


@given(text=st.text(max_size=40), encoding=st.sampled_from(["utf-16", "utf-16-be", "utf-32"]))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_as_utf_8(text, encoding):
    recoded = AsUtf8(io.BytesIO(text.encode(encoding)), encoding)
    parts = []
    while part := recoded.read(3):
        parts.append(part)
    assert b"".join(parts).decode() == text


OTHERS = {
    FileKind.WEB_PAGE: (b"\n<!DOCTYPE html><html><body>403", "fetch the file again"),
    FileKind.LFS_POINTER: (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n",
        "git lfs pull",
    ),
    FileKind.ANNEX_POINTER: (b"/annex/objects/MD5E-s9--0123.json\n", "git annex get"),
    FileKind.PDF: (b"%PDF-1.7\n%\xe2\xe3", "holds the frames"),
    FileKind.IMAGE: (b"\x89PNG\r\n\x1a\n\0\0", "holds the frames"),
    FileKind.SQLITE: (b"SQLite format 3\0" + bytes(100), "ase_db"),
    FileKind.PARQUET: (b"PAR1" + bytes(100), "kind: parquet"),
    FileKind.ULM: (b"- of UlmASE-Trajectory  " + bytes(20), "ase_db"),
    FileKind.HDF5: (b"\x89HDF\r\n\x1a\n" + bytes(20), "vasprun.xml"),
    FileKind.NUMPY: (b"\x93NUMPY\x01\0", "extended XYZ"),
    FileKind.TAR: (b"frames.xyz".ljust(257, b"\0") + b"ustar\x0000", "unpack it"),
    FileKind.OTHER_ARCHIVE: (b"7z\xbc\xaf\x27\x1c\0\x04", "unpack it"),
    FileKind.PICKLE: (b"\x80\x04\x95\x0e\0\0\0\0\0\0\0\x8c", "runs code"),
    FileKind.LMDB: (bytes(16) + b"\xde\xc0\xef\xbe" + bytes(20), "extended XYZ"),
    FileKind.BINARY: (bytes(range(256)), "holds the frames"),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_text_is_called_what_it_is(put, kind, packed):
    data, words = OTHERS[kind]
    path = put(gzip.compress(data) if packed else data)
    assert kind_of_file(path) is kind
    with pytest.raises(StudyError) as error:
        lines(path)
    assert str(error.value).startswith(f"{path}: is {kind.value}")
    assert words in str(error.value)
    assert "source.data.train" in str(error.value)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", FileKind.EMPTY),
        (b"8\nLattice=", FileKind.TEXT),
        (b' \n{"a": 1}', FileKind.JSON),
        ('[{"ä": 1}]'.encode("utf-16"), FileKind.JSON),
        (b"\xef\xbb\xbf[1]", FileKind.JSON),
        (b'<?xml version="1.0"?>\n<modeling>', FileKind.XML),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC>', FileKind.WEB_PAGE),
        (b"<html>", FileKind.WEB_PAGE),
        (b"<heading>", FileKind.TEXT),
        ("Größe\n".encode("latin-1"), FileKind.TEXT),
    ],
)
def test_kinds_of_text(put, data, kind):
    assert kind_of_file(put(data)) is kind


def test_a_missing_file_names_the_key(tmp_path):
    path = tmp_path / "nowhere"
    with pytest.raises(StudyError, match=r"cannot be read \(No such file.*mend target\.data\.test"):
        first_look(path, "target.data.test")
    with pytest.raises(StudyError, match=r"cannot be read \(No such file or directory\); give"):
        first_look(path)
    with pytest.raises(StudyError, match="Is a directory"):
        first_look(tmp_path)


@given(data=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_first_look_or_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(data)
    try:
        look, said = first_look(path), str(path)
        assert isinstance(look, FirstLook)
        lines(path)
    except StudyError as error:
        said = str(error)
    assert str(path) in said
