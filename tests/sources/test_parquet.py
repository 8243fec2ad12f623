"""Parquet files: declared columns, units, signs and orders, and files with faults."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rungs.config.bulk import ParquetFiles
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
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


def test_empty_labels_are_not_labelled(read, two_atoms):
    rows = [row(two_atoms), row(two_atoms, stress=None, magmoms=None)]
    labelled, bare = read(rows)
    assert labelled.stress is not None
    assert bare.stress is None
    assert bare.magmoms is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"energy": None}, "column 'energy' is empty"),
        ({"forces": None}, "column 'forces' is empty"),
        ({"forces": [[1, 2, None], [1, 2, 3]]}, "has 1 empty values"),
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
