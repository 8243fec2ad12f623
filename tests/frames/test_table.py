"""Frames in Parquet: round trips, metadata, damage."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.frames import table
from rungs.frames.columns import read_groups, read_temperatures
from rungs.frames.frame import Frame
from rungs.frames.labelled import read_label_counts, read_labelled
from rungs.frames.table import FrameWriter, count_frames, iter_frames, read_frames, read_provenance

FIELDS = [field.name for field in dataclasses.fields(Frame)]
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def frames(draw) -> Frame:
    n = draw(st.integers(1, 4))

    def array(*shape):
        size = int(np.prod(shape))
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)

    return Frame(
        frame_id="",
        material_id=draw(st.text(max_size=5)),
        functional="GGA",
        cell=array(3, 3),
        atomic_numbers=draw(st.lists(st.integers(1, 94), min_size=n, max_size=n)),
        cart_coords=array(n, 3),
        energy=draw(st.none() | numbers),
        forces=draw(st.none() | st.just(array(n, 3))),
        stress=draw(st.none() | st.just(array(6))),
        magmoms=draw(st.none() | st.just(array(n))),
        group=draw(st.none() | st.text(max_size=5)),
        given_part=draw(st.sampled_from([None, "train", "test"])),
    )


def write(path, items, provenance=None):
    with FrameWriter(path, provenance or {}) as writer:
        for frame in items:
            writer.write(frame)


def same(one: Frame, other: Frame) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=False)
        if isinstance(getattr(one, name), np.ndarray)
        else getattr(one, name) == getattr(other, name)
        for name in FIELDS
    )


@given(items=st.lists(frames(), max_size=7), rows=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_every_field_comes_back_bit_for_bit(tmp_path_factory, items, rows):
    """Whatever the frames, their order and the size of the row groups."""
    items = [dataclasses.replace(f, frame_id=str(i)) for i, f in enumerate(items)]
    path = tmp_path_factory.mktemp("table") / "frames.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "ROWS_IN_GROUP", rows)
        write(path, items)
        back = read_frames(path)
    assert len(back) == count_frames(path) == len(items)
    assert all(same(a, b) for a, b in zip(items, back, strict=True))


def test_arrays_read_back_are_writable_and_apart(tmp_path, sound_frame):
    """PyTorch warns of read-only arrays; a change in one frame must not reach its neighbour."""
    path = tmp_path / "frames.parquet"
    write(path, [dataclasses.replace(sound_frame, frame_id=str(i)) for i in range(2)])
    one, other = read_frames(path)
    one.forces[:] = 7
    assert np.array_equal(other.forces, sound_frame.forces)


def test_columns_are_those_of_the_materials_project(tmp_path, sound_frame):
    path = tmp_path / "frames.parquet"
    write(path, [sound_frame])
    row = pq.read_table(path).to_pylist()[0]
    assert row["cell"] == sound_frame.cell.tolist()
    assert row["cart_coords"] == sound_frame.cart_coords.tolist()
    assert row["stress"] == [1.0, 2.0, 3.0, 0.1, 0.2, 0.3]
    assert row["atomic_numbers"] == [12, 8]
    assert {"energy", "forces", "magmoms", "material_id", "frame_id", "functional"} <= set(row)


def test_groups_of_the_frames_that_have_one(tmp_path, sound_frame):
    named = {"a": "AIMD", "b": None, "c": "elastic"}
    path = tmp_path / "frames.parquet"
    write(
        path,
        [dataclasses.replace(sound_frame, frame_id=i, group=g) for i, g in named.items()],
    )
    assert read_groups(path) == {"a": "AIMD", "c": "elastic"}


def test_units_and_provenance_stand_in_the_metadata(tmp_path, sound_frame):
    path = tmp_path / "frames.parquet"
    write(path, [sound_frame], {"file": "x.xyz", "Å": [1, None]})
    assert read_provenance(path) == {"file": "x.xyz", "Å": [1, None]}
    raw = pq.read_schema(path).metadata[b"rungs"].decode()
    assert "GPa" in raw
    assert "positive under tension" in raw


def test_frames_are_streamed_by_row_groups(tmp_path, sound_frame, monkeypatch):
    monkeypatch.setattr(table, "ROWS_IN_GROUP", 4)
    path = tmp_path / "frames.parquet"
    write(path, [dataclasses.replace(sound_frame, frame_id=str(i)) for i in range(10)])
    assert pq.ParquetFile(path).num_row_groups == 3
    assert next(iter_frames(path)).frame_id == "0"


def test_same_frames_give_the_same_bytes(tmp_path, sound_frame):
    for name in ("a", "b"):
        write(tmp_path / name, [sound_frame], {"x": 1, "y": 2})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_repeated_id_is_refused_and_leaves_no_file(tmp_path, sound_frame):
    path = tmp_path / "frames.parquet"
    with pytest.raises(StudyError, match="'MgO:0' occurs twice"):
        write(path, [sound_frame, sound_frame])
    assert list(tmp_path.iterdir()) == []


def test_failed_writing_leaves_the_old_file(tmp_path, sound_frame, altered):
    path = tmp_path / "frames.parquet"
    write(path, [sound_frame])
    old = path.read_bytes()
    with pytest.raises(ValueError, match="magmoms has shape"):
        write(path, [altered(frame_id="x"), altered(frame_id="y", magmoms=[1.0])])
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path):
    with pytest.raises(StudyError, match="no such file of frames"):
        read_frames(tmp_path / "none.parquet")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_file_is_told_from_a_whole_one(tmp_path, sound_frame, share):
    path = tmp_path / "frames.parquet"
    write(path, [dataclasses.replace(sound_frame, frame_id=str(i)) for i in range(50)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(StudyError, match=r"frames\.parquet.*delete it"):
        read_frames(path)


def test_flipped_byte_is_noticed_or_does_no_harm(tmp_path, sound_frame):
    """Page checksums: a damaged disk does not become a wrong label."""
    path = tmp_path / "frames.parquet"
    rng = np.random.default_rng(0)
    items = [
        dataclasses.replace(sound_frame, frame_id=str(i), forces=rng.normal(size=(2, 3)))
        for i in range(50)
    ]
    write(path, items)
    whole = path.read_bytes()
    noticed = 0
    pages = range(4, len(whole) - 4 - int.from_bytes(whole[-8:-4], "little") - 4, 29)
    for place in pages:
        content = bytearray(whole)
        content[place] ^= 0x55
        path.write_bytes(content)
        try:
            back = read_frames(path)
        except StudyError:
            noticed += 1
        else:
            assert all(same(a, b) for a, b in zip(items, back, strict=True))
    assert noticed > 0.8 * len(pages)


def test_garbage_and_foreign_parquet_are_refused(tmp_path):
    garbage = tmp_path / "garbage.parquet"
    garbage.write_bytes(b"PAR1" + bytes(range(200)) + b"PAR1")
    with pytest.raises(StudyError, match="cannot be read as Parquet"):
        read_frames(garbage)
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), foreign)
    for read in (read_frames, read_provenance, count_frames):
        with pytest.raises(StudyError, match=r"not one of this project's frames \(columns x\)"):
            read(foreign)


def test_file_of_a_newer_format_is_refused(tmp_path, sound_frame, monkeypatch):
    path = tmp_path / "frames.parquet"
    monkeypatch.setattr(table, "FORMAT_VERSION", 99)
    write(path, [sound_frame])
    monkeypatch.undo()
    with pytest.raises(StudyError, match="format version 99"):
        read_frames(path)


def write_as_before(path, frames, version, monkeypatch):
    """A file as an earlier version of this project wrote it."""
    with monkeypatch.context() as earlier:
        earlier.setattr(table, "FORMAT_VERSION", version)
        earlier.setattr(table, "_COLUMNS", table._READABLE[version])
        earlier.setattr(pq.ParquetWriter, "add_key_value_metadata", lambda *_: None)
        write(path, frames)


def test_file_of_the_first_format_has_no_temperatures(tmp_path, sound_frame, monkeypatch):
    path = tmp_path / "frames.parquet"
    write_as_before(path, [sound_frame], 1, monkeypatch)
    assert "temperature" not in pq.read_schema(path).names
    assert read_frames(path)[0].temperature is None
    assert read_temperatures(path) == {}


def test_file_of_the_second_format_is_read_and_its_labels_are_counted(
    tmp_path, sound_frame, altered, monkeypatch
):
    path = tmp_path / "frames.parquet"
    frames = [sound_frame, altered(frame_id="MgO:1", stress=None)]
    write_as_before(path, frames, 2, monkeypatch)
    assert not pq.read_schema(path).field("forces").nullable
    assert all(same(a, b) for a, b in zip(frames, read_frames(path), strict=True))
    counts = {"energy": 2, "forces": 2, "stress": 1, "magmoms": 2}
    assert read_label_counts(path) == (2, counts, {})


def test_which_frames_have_which_label(tmp_path, altered):
    path = tmp_path / "frames.parquet"
    lacking = [("forces", "magmoms"), ("energy", "magmoms"), ("stress", "magmoms")]
    write(path, [altered(frame_id=str(i), **dict.fromkeys(x)) for i, x in enumerate(lacking)])
    assert read_label_counts(path).labelled == {
        "energy": 2,
        "forces": 2,
        "stress": 2,
        "magmoms": 0,
    }
    assert in_each(read_labelled(path)) == {
        "energy": {"0", "2"},
        "forces": {"1", "2"},
        "stress": {"0", "1"},
        "magmoms": set(),
    }
    write(path, [altered(frame_id=i, magmoms=None) for i in "012"])
    whole = {"0", "1", "2"}
    assert in_each(read_labelled(path)) == {
        "energy": whole,
        "forces": whole,
        "stress": whole,
        "magmoms": set(),
    }


def in_each(labelled):
    return {name: {i for i in "012" if i in there} for name, there in labelled.items()}


def test_temperatures_are_kept_and_read_alone(tmp_path, altered):
    path = tmp_path / "frames.parquet"
    frames = [altered(temperature=300), altered(frame_id="MgO:1"), altered(frame_id="MgO:2")]
    frames[2] = altered(frame_id="MgO:2", temperature=1200.5)
    write(path, frames)
    assert [frame.temperature for frame in read_frames(path)] == [300.0, None, 1200.5]
    assert read_temperatures(path) == {"MgO:0": 300.0, "MgO:2": 1200.5}
