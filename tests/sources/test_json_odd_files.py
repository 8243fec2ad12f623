"""JSON as people and programs keep it: other containers, packings, names, ids."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources import read_source
from rungs.sources.json_documents import containers_around
from rungs.sources.notes import Notes


def level(kind="mp_json", **options) -> Level:
    data = {"kind": kind, "train": ["x.json"]} | options
    return Level.model_validate({"label": "a", "functional": "GGA", "data": data})


@pytest.fixture
def read(tmp_path):
    """A function that writes bytes, text or an object as x.json and reads it as a source."""

    def make(value, notes=None, **options) -> list[Frame | Rejected]:
        text = value if isinstance(value, str | bytes) else json.dumps(value)
        (tmp_path / "x.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_source(level(**options), tmp_path, 0, "source", notes))

    return make


@pytest.fixture
def documents(two_atoms, document):
    """Two documents as MPtrj has them."""
    return [document(two_atoms, mp_id="mp-1"), document(two_atoms, mp_id="mp-2", bandgap=1.0)]


@pytest.fixture
def matpes(two_atoms, document):
    """A document as MatPES has it."""

    def make(**fields) -> dict:
        made = document(two_atoms, force=..., energy_per_atom=..., mp_id=...)
        whole = {key: made[key] for key in ("structure",)} | {
            "matpes_id": "a",
            "energy": two_atoms.energy,
            "forces": two_atoms.forces.tolist(),
            "stress": (-10 * two_atoms.stress).tolist(),
            "provenance": {"original_mp_id": "mp-1"},
            **fields,
        }
        return {key: value for key, value in whole.items() if value is not ...}

    return make


def lines(*values, **style) -> str:
    return "".join(json.dumps(value, **style) + "\n" for value in values)


CONTAINERS = {
    "nested": (lambda a, b: {"mp-1": {"f1": a}, "mp-2": {"f2": b}}, ["f1", "f2"]),
    "list": (lambda a, b: [a, b], ["x:0", "x:1"]),
    "by name": (lambda a, b: {"f1": a, "f2": b}, ["f1", "f2"]),
    "lists by material": (lambda a, b: {"mp-1": [a], "mp-2": [b]}, ["mp-1:0", "mp-2:0"]),
    "list in a wrapper": (lambda a, b: {"data": [a, b]}, ["x:0", "x:1"]),
    "lines of documents": (lines, ["x:0", "x:1"]),
    "lines of materials": (
        lambda a, b: lines({"mp-1": {"f1": a}}, {"mp-2": {"f2": b}}),
        ["f1", "f2"],
    ),
    "lines of names": (lambda a, b: lines({"f1": a}, {"f2": b}), ["f1", "f2"]),
    "values on several lines": (lambda a, b: lines(a, b, indent=1), ["x:0", "x:1"]),
    "a list of lists": (lambda a, b: [[a], [b]], ["0:0", "1:0"]),
}


@pytest.mark.parametrize("how", CONTAINERS)
def test_documents_are_found_whatever_stands_around_them(read, documents, how):
    make, ids = CONTAINERS[how]
    frames = read(make(*documents))
    assert [frame.frame_id for frame in frames] == ids
    assert [frame.material_id for frame in frames] == ["mp-1", "mp-2"]


def test_a_file_of_one_document(read, documents):
    (frame,) = read(documents[0])
    assert (frame.frame_id, frame.material_id) == ("x:0", "mp-1")


@pytest.mark.parametrize("how", ["lines of documents", "list"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_such_a_file_cut_short_is_an_error(read, documents, how, share):
    made = CONTAINERS[how][0](*documents)
    text = made if isinstance(made, str) else json.dumps(made)
    with pytest.raises(StudyError, match="ends before its JSON does"):
        read(text[: int(share * len(text))])


def test_two_values_on_one_line_are_no_lines(read, documents):
    with pytest.raises(StudyError, match="is no valid JSON"):
        read(json.dumps(documents[0]) * 2)


KEYS = st.text(alphabet='ab{}[]":,\\ é', max_size=4)
INNER = st.recursive(
    st.none() | st.integers(-9, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)


@given(
    around=st.lists(st.sampled_from("{["), max_size=3),
    before=st.dictionaries(KEYS, INNER, max_size=2),
    indent=st.sampled_from([None, 1]),
)
@settings(max_examples=200, deadline=None)
def test_containers_are_told_by_the_first_document(around, before, indent):
    value = {**before, "structure": {"energy": 5, "lattice": []}}
    for container in reversed(around):
        value = {"k": value, "l": value} if container == "{" else [value, value]
    head = json.dumps(value, indent=indent).encode()
    assert containers_around(head, {"structure", "energy"}) == tuple(around)
    assert containers_around(head, {"no such"}) is None


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("whatever.json", data)
    return packed.getvalue()


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zipped,
        lambda data: pa.compress(data, codec="zstd", asbytes=True),
        lambda data: data.decode().encode("utf-16"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
    ],
)
def test_packings_and_encodings(read, documents, pack):
    text = json.dumps({"mp-1": {"f1": documents[0]}}, indent=1).encode()
    (frame,) = read(pack(text))
    assert frame.frame_id == "f1"


def test_latin_1_is_read_and_told(read, documents):
    made = {"Größe": {"f1": documents[0] | {"note": "Universität"}}}
    notes = Notes()
    (frame,) = read(json.dumps(made, ensure_ascii=False).encode("latin-1"), notes)
    assert frame.material_id == "Größe"
    (line,) = notes.lines()
    assert "x.json: is no UTF-8, so what is not was read as Latin-1" in line


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html><html><body>403 Forbidden", "is a web page, where JSON is expected"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\n", "git lfs pull"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"PAR1" + bytes(50), "is a Parquet file, where JSON is expected; it is read by `kind: p"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9), "is an HDF5 file"),
        (b"4\nLattice=", "is not an object in JSON"),
        (b"<?xml version='1.0'?><modeling>", "JSON"),
        (b"{}", "holds no frames"),
        (b"", "ends before its JSON does"),
    ],
)
def test_other_files_are_called_what_they_are(read, data, words):
    with pytest.raises(StudyError) as error:
        read(data)
    assert words in str(error.value)


def test_forces_under_their_other_name_and_none(read, two_atoms, document, same):
    nested = {
        "mp-1": {"mp-1-0-3": document(two_atoms, force=..., forces=two_atoms.forces.tolist())}
    }
    (frame,) = read(nested, energy="uncorrected")
    same(frame, two_atoms)
    forces = two_atoms.forces.tolist()
    bare = {"mp-1": {"a": document(two_atoms, force=...)}}
    assert read(bare, forces_key=None)[0].labels == ("energy", "stress", "magmoms")
    other = {"mp-1": {"a": document(two_atoms, force=..., f=forces)}}
    assert "forces" in read(other, forces_key="f")[0].labels


def test_a_label_that_a_document_lacks_is_missing_there(read, documents, two_atoms):
    bare = {"force": None, "energy_per_atom": None, "corrected_total_energy": None, "stress": None}
    whole, poor, energy_only = read(
        [documents[0], documents[1] | bare, {**documents[0], "force": None}]
    )
    assert whole.labels == ("energy", "forces", "stress", "magmoms")
    assert poor.labels == ("magmoms",)
    assert energy_only.labels == ("energy", "stress", "magmoms")
    assert np.array_equal(whole.forces, two_atoms.forces)


@pytest.mark.parametrize("energy", ["corrected", "uncorrected"])
def test_energies_per_atom_alone(read, two_atoms, document, energy):
    totals = {"uncorrected_total_energy": ..., "corrected_total_energy": ...}
    notes = Notes()
    made = [document(two_atoms, energy_per_atom=-6.0, **totals)] * 2
    frames = read(made, notes, energy=energy)
    assert [frame.energy for frame in frames] == [-12.0, -12.0]
    assert list(notes.lines()) == [
        f"2 documents have energy_per_atom alone, which was taken for the {energy} energy "
        "(x:0, x:1)"
    ]


def test_a_corrected_total_alone(read, two_atoms, document):
    (frame,) = read([document(two_atoms, energy_per_atom=..., corrected_total_energy=-13.0)])
    assert frame.energy == -13.0


@pytest.mark.parametrize(
    ("stress", "order"),
    [
        ([-10, -20, -30, -40, -50, -60], "xx yy zz yz xz xy"),
        ([-10, -20, -30, -60, -40, -50], "xx yy zz xy yz zx"),
        ([[-10, -60, -50], [-60, -20, -40], [-50, -40, -30]], "xx yy zz xy yz zx"),
        ([-10, -60, -50, -60, -20, -40, -50, -40, -30], "xx yy zz yz xz xy"),
    ],
)
@pytest.mark.parametrize("kind", ["mp_json", "matpes_json"])
def test_stresses_of_six_and_nine_numbers(read, documents, matpes, stress, order, kind):
    made = documents[0] | {"stress": stress} if kind == "mp_json" else matpes(stress=stress)
    (frame,) = read([made], kind=kind, stress_order=order)
    assert frame.stress.tolist() == pytest.approx([1, 2, 3, 4, 5, 6])


def test_matpes_documents_without_a_material_are_their_own(read, matpes):
    made = [matpes(), matpes(matpes_id="b", provenance=None), matpes(matpes_id="c", provenance={})]
    notes = Notes()
    frames = read(made, notes, kind="matpes_json")
    assert [frame.material_id for frame in frames] == ["mp-1", "b", "c"]
    assert list(notes.lines()) == [
        "2 documents have no 'provenance.original_mp_id': each is a material of its own (b, c)"
    ]


def test_matpes_documents_without_an_id_go_by_their_place(read, matpes):
    frames = read([matpes(matpes_id=...), matpes(matpes_id=None)], kind="matpes_json")
    assert [frame.frame_id for frame in frames] == ["x:0", "x:1"]


@pytest.mark.parametrize("declared", ["r2SCAN", "R2SCAN", "r2scan"])
def test_functionals_in_any_capitals(read, matpes, declared):
    made = [matpes(functional="r2SCAN"), matpes(functional="PBE"), matpes(functional="r2scan")]
    kept, refused, other = read(made, kind="matpes_json", functional=declared)
    assert isinstance(kept, Frame)
    assert isinstance(other, Frame)
    assert refused.reason == f"is of functional PBE, not {declared}"


def test_matpes_energies_per_atom_alone(read, matpes):
    (frame,) = read([matpes(energy=..., energy_per_atom=-6.0)], kind="matpes_json")
    assert frame.energy == -12.0


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("12", "12"),
        ('"0012"', "0012"),
        ("1e5", "1e5"),
        ("12.0", "12.0"),
        ("5e1234", "5e1234"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        ('"T"', "T"),
        ('""', None),
        ("null", None),
    ],
)
def test_ids_are_what_is_written(read, matpes, written, found):
    text = json.dumps([matpes(provenance={"original_mp_id": "?"})]).replace('"?"', written)
    (frame,) = read(text, kind="matpes_json")
    assert frame.material_id == (found or frame.frame_id)


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=100, deadline=None)
def test_any_number_is_the_id_that_it_is_written_as(number):
    from rungs.sources.json_document import JSONDocument
    from rungs.sources.structures import parse_document

    text = json.dumps({"a": {"b": number}})
    document = JSONDocument((0,), parse_document(text.encode()), text.encode(), "x")
    assert document.written_id("a.b") == json.dumps(number)


def test_structures_in_a_vacuum(tmp_path, two_atoms, document):
    made = document(two_atoms)
    made["structure"]["lattice"]["pbc"] = [True, True, False]
    (tmp_path / "x.json").write_text(json.dumps([made]))
    (refused,) = read_source(level(), tmp_path, 0)
    assert refused.kind == "not periodic"
    (frame,) = read_source(level().model_copy(update={"vacuum": 20.0}), tmp_path, 0)
    assert frame.stress is None
    assert frame.volume > two_atoms.volume
