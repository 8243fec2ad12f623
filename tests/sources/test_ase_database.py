"""ASE databases: labels in ASE's units, keys, and rows with faults."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.units import GPa

from rungs.config.bulk import ASEDatabase
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import LABELS, Frame, Rejected
from rungs.sources import read_source


def level(**options) -> Level:
    data = {"kind": "ase_db", "train": ["x.db"], "material_key": "mp_id"} | options
    return Level(label="GGA", functional="GGA", data=ASEDatabase.model_validate(data))


def atoms(frame: Frame, without=(), pbc=True) -> Atoms:
    made = Atoms(frame.atomic_numbers, frame.cart_coords, cell=frame.cell, pbc=pbc)
    labels = {
        "energy": frame.energy,
        "forces": frame.forces,
        "stress": None if frame.stress is None else frame.stress * GPa,
        "magmoms": None if frame.magmoms is None else -frame.magmoms,
    }
    kept = {k: v for k, v in labels.items() if v is not None and k not in without}
    made.calc = SinglePointCalculator(made, **kept)
    return made


@pytest.fixture
def write(tmp_path):
    def make(rows, name="x.db"):
        with connect(tmp_path / name) as database:
            for made, keys in rows:
                database.write(made, **keys)

    return make


@pytest.mark.parametrize("name", ["x.db", "x.json"])
def test_real_frames_come_back_equal(write, tmp_path, mptrj, same, name):
    chosen = mptrj[:20]
    write([(atoms(f), {"mp_id": f.material_id, "run": f.frame_id}) for f in chosen], name)
    found = list(read_source(level(train=[name], group_key="run"), tmp_path, 0))
    for number, (frame, wanted) in enumerate(zip(found, chosen, strict=True), start=1):
        changed = {"frame_id": f"x:{number}", "group": wanted.frame_id}
        same(frame, dataclasses.replace(wanted, **changed))


@pytest.mark.parametrize(
    ("without", "pbc", "keys", "words"),
    [
        ((), True, {}, "has no 'mp_id', declared as material_key"),
        ((), (True, True, False), {"mp_id": "a"}, "is periodic as T T F, expected T T T"),
    ],
)
def test_a_bad_row_is_set_aside(write, tmp_path, two_atoms, without, pbc, keys, words):
    write([(atoms(two_atoms), {"mp_id": "a"}), (atoms(two_atoms, without, pbc), keys)])
    good, bad = read_source(level(), tmp_path, 0)
    assert good.material_id == "a"
    assert isinstance(bad, Rejected)
    assert words in bad.reason


def test_a_slab_in_a_vacuum_is_a_frame_without_a_stress(write, tmp_path, two_atoms):
    write([(atoms(two_atoms, pbc=(True, False, True)), {"mp_id": "a"})])
    (frame,) = read_source(level().model_copy(update={"vacuum": 20.0}), tmp_path, 0)
    assert frame.stress is None
    assert frame.cell[[0, 2]].tolist() == two_atoms.cell[[0, 2]].tolist()
    assert np.linalg.norm(frame.cell[1]) == pytest.approx(25)


@pytest.mark.parametrize("names", [("stress", "magmoms"), ("energy",), ("forces", "stress")])
def test_labels_that_a_row_lacks_are_missing(write, tmp_path, two_atoms, names):
    write([(atoms(two_atoms, without=lacking), {"mp_id": "a"}) for lacking in ((), names)])
    whole, poor = read_source(level(), tmp_path, 0)
    assert whole.labels == LABELS
    assert poor.labels == tuple(label for label in LABELS if label not in names)


def test_selected_rows_only(write, tmp_path, two_atoms):
    write([(atoms(two_atoms), {"mp_id": "a", "step": i}) for i in range(4)])
    frames = list(read_source(level(select="step>1"), tmp_path, 0))
    assert [f.frame_id for f in frames] == ["x:3", "x:4"]
    with pytest.raises(StudyError, match="no rows that are asked for"):
        list(read_source(level(select="step>7"), tmp_path, 0))


def test_a_key_that_no_row_has_is_named(write, tmp_path, two_atoms):
    write([(atoms(two_atoms), {"step": 1})])
    with pytest.raises(StudyError, match=r"'mp_id' declared as source\.data\.material_key.*step"):
        list(read_source(level(), tmp_path, 0))


@pytest.mark.parametrize("name", ["x.db", "x.json"])
def test_a_file_cut_short_is_an_error(write, tmp_path, two_atoms, name):
    write([(atoms(two_atoms), {"mp_id": "a"}) for _ in range(25)], name)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    with pytest.raises(StudyError, match="cut short, damaged"):
        list(read_source(level(train=[name]), tmp_path, 0))


def test_missing_files_and_other_kinds(tmp_path):
    with pytest.raises(StudyError, match=r"nowhere\.db: cannot be read .*source\.data\.train"):
        list(read_source(level(train=["nowhere.db"]), tmp_path, 0))
    (tmp_path / "x.db").write_text("no database at all, but long enough to be looked at" * 50)
    with pytest.raises(StudyError, match="is a text, where an ASE database or trajectory is exp"):
        list(read_source(level(), tmp_path, 0))
