"""Parquet files: declared columns, units, signs and orders, and files with faults."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rungs.config.bulk import ParquetFiles
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import LABELS, Frame, Rejected
from rungs.sources import read_source

DECLARED = {
    "kind": "parquet",
    "train": ["x.parquet"],
    "frame_column": "id",
    "material_column": "provenance.mp_id",
    "energy_unit": "eV",
    "forces_unit": "eV/Å",
    "stress_column": "stress",
    "stress_unit": "GPa",
    "stress_sign": "tension_positive",
    "magmoms_column": "magmoms",
}


def level(**options) -> Level:
    data = ParquetFiles.model_validate(DECLARED | options)
    return Level(label="GGA", functional="GGA", data=data)


def row(frame: Frame, **fields) -> dict:
    return {
        "id": frame.frame_id,
        "provenance": {"mp_id": frame.material_id},
        "cell": frame.cell.tolist(),
        "atomic_numbers": frame.atomic_numbers.tolist(),
        "cart_coords": frame.cart_coords.tolist(),
        "energy": frame.energy,
        "forces": frame.forces.tolist(),
        "stress": None if frame.stress is None else frame.stress.tolist(),
        "magmoms": None if frame.magmoms is None else (-frame.magmoms).tolist(),
        "functional": frame.functional,
    } | fields


@pytest.fixture
def read(tmp_path):
    def make(rows, schema=None, **options):
        pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "x.parquet", row_group_size=3)
        return list(read_source(level(**options), tmp_path, 0))

    return make


def test_labels(read, two_atoms, same):
    (frame,) = read([row(two_atoms)])
    same(frame, two_atoms)


def test_real_frames_come_back_equal(read, mptrj, same):
    for frame, wanted in zip(read([row(f) for f in mptrj]), mptrj, strict=True):
        same(frame, wanted)


def test_fixed_and_large_lists_are_read(read, two_atoms, same):
    vector = pa.list_(pa.float64(), 3)
    schema = pa.schema(
        [
            ("id", pa.large_string()),
            ("provenance", pa.struct([("mp_id", pa.string())])),
            ("cell", pa.list_(vector, 3)),
            ("atomic_numbers", pa.large_list(pa.uint8())),
            ("cart_coords", pa.large_list(vector)),
            ("energy", pa.float64()),
            ("forces", pa.list_(pa.large_list(pa.float64()))),
            ("stress", pa.list_(pa.float64(), 6)),
            ("magmoms", pa.list_(pa.float64())),
        ]
    )
    for frame in read([row(two_atoms)] * 2, schema):
        same(frame, two_atoms)


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ([1, 2, 3, 4, 5, 6], "xx yy zz yz xz xy"),
        ([1, 2, 3, 6, 4, 5], "xx yy zz xy yz zx"),
        ([[1, 6, 5], [6, 2, 4], [5, 4, 3]], "xx yy zz yz xz xy"),
    ],
)
def test_orders_units_and_signs_of_the_stress(read, two_atoms, numbers, order):
    options = {"stress_order": order, "stress_unit": "kbar", "stress_sign": "compression_positive"}
    (frame,) = read([row(two_atoms, stress=numbers)], **options)
    assert frame.stress.tolist() == pytest.approx([-0.1, -0.2, -0.3, -0.4, -0.5, -0.6])


def test_units_of_energy_and_forces(read, two_atoms):
    (frame,) = read([row(two_atoms)], energy_unit="eV/atom", forces_unit="meV/Å")
    assert frame.energy == pytest.approx(-24)
    assert frame.forces[0, 2] == pytest.approx(0.3e-3)


def test_rows_are_numbered_where_there_are_no_ids(read, two_atoms):
    frames = read([row(two_atoms)] * 5, frame_column=None, material_column=None)
    assert [f.frame_id for f in frames] == [f"x:{i}" for i in range(5)]
    assert [f.material_id for f in frames] == [f"x:{i}" for i in range(5)]


def test_other_functionals_are_set_aside(read, two_atoms):
    rows = [row(two_atoms), row(two_atoms, functional="r2SCAN")]
    kept, refused = read(rows, functional_column="functional", functionals=["GGA", "GGA+U"])
    assert isinstance(kept, Frame)
    assert refused.reason == "is of functional r2SCAN, not GGA, GGA+U"
    with pytest.raises(ValueError, match="together or not at all"):
        level(functional_column="functional")


@pytest.mark.parametrize("names", [("stress", "magmoms"), ("energy",), ("forces", "stress")])
def test_empty_labels_are_not_labelled(read, two_atoms, names):
    labelled, bare = read([row(two_atoms), row(two_atoms, **dict.fromkeys(names))])
    assert labelled.labels == LABELS
    assert bare.labels == tuple(label for label in LABELS if label not in names)


def test_single_numbers_that_are_empty_are_none(read, two_atoms):
    (frame,) = read([row(two_atoms, forces=[[1, 2, None], [1, 2, 3]])])
    assert np.isnan(frame.forces).sum() == 1


def test_a_level_of_energies_alone(read, two_atoms):
    options = {"forces_column": None, "forces_unit": None, "stress_column": None}
    (frame,) = read([row(two_atoms)], magmoms_column=None, **options)
    assert frame.labels == ("energy",)


@pytest.mark.parametrize("option", ["energy", "forces"])
def test_a_label_that_no_row_has_is_an_error(read, two_atoms, option):
    schema = pa.Table.from_pylist([row(two_atoms)]).schema
    with pytest.raises(StudyError, match=rf"column '{option}' is empty in every row; mend source"):
        read([row(two_atoms, **{option: None})] * 2, schema)


def test_what_is_declared_must_fit():
    for label in ("energy", "forces"):
        with pytest.raises(ValueError, match=f"{label}_column is '{label}', so {label}_unit is"):
            level(**{f"{label}_unit": None})
    with pytest.raises(ValueError, match="declares no label"):
        level(energy_column=None, forces_column=None, stress_column=None)


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        (pa.string(), ["0012", "12", "5e1234"], ["0012", "12", "5e1234"]),
        (pa.large_string(), ["T", "1e5", "NaN"], ["T", "1e5", "NaN"]),
        (pa.int32(), [12, 0, -3], ["12", "0", "-3"]),
        (pa.uint64(), [2**64 - 1, 2**63, 1], ["18446744073709551615", "9223372036854775808", "1"]),
        (pa.float64(), [12.0, 100000.0, 0.5], ["12", "100000", "0.5"]),
        (pa.float32(), [12.0, 3.0, 0.5], ["12", "3", "0.5"]),
        (pa.binary(), [b"mp-1", b"mp-2", b"mp-3"], ["mp-1", "mp-2", "mp-3"]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"], ["a", "b", "a"]),
    ],
)
def test_ids_of_any_type_are_one_text(tmp_path, two_atoms, kind, values, wanted):
    """Whole numbers are written as such, also where missing ones made a column floating-point."""
    table = pa.Table.from_pylist([row(two_atoms, id=str(i)) for i in range(3)])
    table = table.append_column("mat", pa.array(values, kind))
    pq.write_table(table, tmp_path / "x.parquet")
    frames = read_source(level(material_column="mat", group_column="mat"), tmp_path, 0)
    assert [(frame.material_id, frame.group) for frame in frames] == [(x, x) for x in wanted]


def test_ids_that_are_not_there_among_numbers(tmp_path, two_atoms):
    table = pa.Table.from_pylist([row(two_atoms, id=str(i)) for i in range(3)])
    table = table.append_column("mat", pa.array([7.0, float("nan"), None]))
    pq.write_table(table, tmp_path / "x.parquet")
    frame, *refused = read_source(level(material_column="mat"), tmp_path, 0)
    assert frame.material_id == "7"
    assert [item.reason for item in refused] == [
        f"row {i}: cannot be read: column 'mat' is empty" for i in (1, 2)
    ]


def test_functionals_in_any_capitals(read, two_atoms):
    rows = [row(two_atoms, functional="r2scan"), row(two_atoms, functional="PBE")]
    kept, refused = read(rows, functional_column="functional", functionals=["R2SCAN"])
    assert isinstance(kept, Frame)
    assert refused.reason == "is of functional PBE, not R2SCAN"


def test_dots_in_the_name_of_a_column(tmp_path, two_atoms):
    table = pa.Table.from_pylist([row(two_atoms)])
    table = table.append_column("info.mat", pa.array(["a"]))
    pq.write_table(table, tmp_path / "x.parquet")
    (frame,) = read_source(level(material_column="info.mat"), tmp_path, 0)
    assert frame.material_id == "a"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>403", "is a web page, where a plain Parquet file is expected"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (gzip.compress(b"PAR1", mtime=0), "is a Parquet file, packed by gzip, where a plain"),
        (b'{"a": 1}', "is JSON, where"),
        (b"4\nLattice", "is a text"),
        (b"", "cut short, damaged"),
        (bytes(range(256)), "cut short, damaged"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, data, words):
    (tmp_path / "x.parquet").write_bytes(data)
    with pytest.raises(StudyError) as error:
        list(read_source(level(), tmp_path, 0))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cart_coords": None}, "column 'cart_coords' is empty"),
        ({"cart_coords": [[1, 2, None], [1, 2, 3]]}, "has 1 empty values"),
        ({"forces": [[1, 2, 3], None]}, "column 'forces' has empty rows"),
        ({"cell": [[1, 0, 0], [0, 1, 0]]}, "cannot reshape"),
        ({"atomic_numbers": []}, "no atoms"),
        ({"stress": [1.0, 2.0]}, "has 2 numbers, not 6 or 9"),
        ({"provenance": None}, "column 'provenance.mp_id' is empty"),
        ({"id": None}, "column 'id' is empty"),
    ],
)
def test_a_bad_row_is_set_aside(read, two_atoms, fields, words):
    good, bad = read([row(two_atoms), row(two_atoms, **fields)])
    assert isinstance(good, Frame)
    assert isinstance(bad, Rejected)
    assert words in bad.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"energy_column": "e"}, r"no column 'e', declared as source\.data\.energy_column"),
        ({"material_column": "provenance.id"}, r"no column 'provenance\.id'"),
        ({"frame_column": "energy.id"}, r"no column 'energy\.id'"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(read, two_atoms, options, words):
    with pytest.raises(StudyError, match=words) as error:
        read([row(two_atoms)], **options)
    assert "cart_coords, energy, forces" in str(error.value)


def test_a_stress_without_its_unit_is_refused():
    with pytest.raises(ValueError, match="stress_unit and stress_sign are needed"):
        level(stress_unit=None)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_file_cut_short_is_an_error(read, two_atoms, tmp_path, share):
    read([row(two_atoms)] * 50)
    path = tmp_path / "x.parquet"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(StudyError, match="cut short, damaged"):
        list(read_source(level(), tmp_path, 0))


def test_a_changed_byte_is_an_error(two_atoms, tmp_path):
    """Where the file's pages carry checksums, as those of careful writers do."""
    path = tmp_path / "x.parquet"
    table = pa.Table.from_pylist([row(two_atoms)] * 50)
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    assert len(list(read_source(level(), tmp_path, 0))) == 50
    data = bytearray(path.read_bytes())
    # in the column of energies, not in the page's header, which repeats the extremes
    data[data.index(50 * np.float64(two_atoms.energy).tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(StudyError, match="cut short, damaged"):
        list(read_source(level(), tmp_path, 0))


def test_missing_and_empty_files(read, tmp_path, two_atoms):
    with pytest.raises(StudyError, match=r"nowhere\.parquet: cannot be read .*source\.data\.train"):
        list(read_source(level(train=["nowhere.parquet"]), tmp_path, 0))
    schema = pa.Table.from_pylist([row(two_atoms)]).schema
    with pytest.raises(StudyError, match="holds no frames"):
        read([], schema)
