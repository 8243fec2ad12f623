"""ASE's files: opened for reading only, labels under any name, trajectories, ids of numbers."""

import gzip
import shutil
import sqlite3

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.db import connect
from ase.io.trajectory import Trajectory
from ase.units import GPa

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import LABELS, Rejected
from rungs.sources import read_source


def level(**options) -> Level:
    data = {"kind": "ase_db", "train": ["x.db"], "material_key": "mat"} | options
    return Level.model_validate({"label": "a", "functional": "GGA", "data": data})


def read(folder, **options) -> list:
    return list(read_source(level(**options), folder, 0))


@pytest.fixture
def labelled(two_atoms):
    """The frame as ASE has it, with its results."""
    made = Atoms(two_atoms.atomic_numbers, two_atoms.cart_coords, cell=two_atoms.cell, pbc=True)
    made.calc = SinglePointCalculator(
        made,
        energy=two_atoms.energy,
        forces=two_atoms.forces,
        stress=two_atoms.stress * GPa,
        magmoms=-two_atoms.magmoms,
    )
    return made


@pytest.fixture
def write(tmp_path, labelled):
    def make(name="x.db", n=2, **keys):
        with connect(tmp_path / name) as database:
            for _ in range(n):
                database.write(labelled, **({"mat": "m"} | keys))
        return tmp_path / name

    return make


def seen(folder) -> dict:
    """All files of a folder with what they hold and when they were changed."""
    paths = sorted(folder.rglob("*"))
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_nothing_is_written_beside_a_database(write, tmp_path):
    write()
    before = seen(tmp_path)
    assert len(read(tmp_path)) == 2
    assert seen(tmp_path) == before


def test_an_empty_file_stays_empty(tmp_path):
    (tmp_path / "x.db").touch()
    before = seen(tmp_path)
    with pytest.raises(StudyError, match=r"x\.db: is empty, it has 0 bytes"):
        read(tmp_path)
    assert seen(tmp_path) == before


def test_another_database_is_named_and_left_as_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as other:
        other.execute("CREATE TABLE things (a INT)")
    other.close()
    before = seen(tmp_path)
    with pytest.raises(StudyError, match="an SQLite database without ASE's tables"):
        read(tmp_path)
    assert seen(tmp_path) == before


def test_a_database_with_a_write_ahead_log_is_read_whole_and_left_as_it_is(write, tmp_path):
    """The last rows stand in the log only, as long as a program has the database open."""
    path = write(n=1)
    with sqlite3.connect(path) as settled:
        settled.execute("PRAGMA journal_mode=WAL")
    settled.close()
    (alone := tmp_path / "alone").mkdir()
    shutil.copy(path, alone)
    before = seen(alone)
    assert len(read(alone)) == 1
    assert seen(alone) == before

    writing = sqlite3.connect(path)
    writing.execute("PRAGMA wal_autocheckpoint=0")
    columns = ", ".join(c[1] for c in writing.execute("PRAGMA table_info(systems)") if c[1] != "id")
    chosen = columns.replace("unique_id", "'other' || unique_id")
    writing.execute(f"INSERT INTO systems ({columns}) SELECT {chosen} FROM systems")
    writing.commit()
    (copied := tmp_path / "copied").mkdir()
    for file in tmp_path.glob("x.db*"):
        shutil.copy(file, copied)
    writing.close()
    assert (copied / "x.db-wal").stat().st_size > 0
    before = seen(copied)
    assert len(read(copied)) == 2
    assert seen(copied) == before


def test_a_write_that_was_broken_off_is_undone_in_a_copy(write, tmp_path):
    path = write(n=20)
    writing = sqlite3.connect(path, isolation_level=None)
    writing.execute("PRAGMA cache_size=1")
    writing.execute("BEGIN")
    writing.execute("UPDATE systems SET energy = 0, positions = zeroblob(5000)")
    (copied := tmp_path / "copied").mkdir()
    for file in tmp_path.glob("x.db*"):
        shutil.copy(file, copied)
    writing.execute("ROLLBACK")
    writing.close()
    assert (copied / "x.db-journal").stat().st_size > 0
    assert (copied / "x.db").read_bytes() != path.read_bytes()
    before = seen(copied)
    assert [frame.energy for frame in read(copied)] == [-12.0] * 20
    assert seen(copied) == before


def test_a_database_that_is_locked_is_named(write, tmp_path, monkeypatch):
    path = write()
    monkeypatch.setattr("rungs.sources.ase_files.TIMEOUT", 0.1)
    writing = sqlite3.connect(path, isolation_level=None)
    writing.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StudyError, match="another program is writing to it"):
        read(tmp_path)
    writing.close()


def test_a_database_whatever_its_name_and_packing(write, tmp_path):
    path = write()
    path.rename(tmp_path / "x.dat")
    wanted = read(tmp_path, train=["x.dat"])
    (tmp_path / "y").write_bytes(gzip.compress((tmp_path / "x.dat").read_bytes()))
    found = read(tmp_path, train=["y"])
    assert [frame.frame_id for frame in found] == ["y:1", "y:2"]
    assert [f.energy for f in found] == [f.energy for f in wanted]
    write("x.json")
    (tmp_path / "z").write_bytes(gzip.compress((tmp_path / "x.json").read_bytes()))
    assert len(read(tmp_path, train=["z"])) == 2


NAMES = {"energy_key": "REF_energy", "forces_key": "REF_forces", "stress_key": "REF_stress"}


@pytest.mark.parametrize("name", ["x.db", "x.json"])
def test_labels_among_pairs_and_data(tmp_path, labelled, two_atoms, same, name):
    """In units and an order of their own."""
    bare = labelled.copy()
    xx, yy, zz, yz, xz, xy = two_atoms.stress
    data = {
        "REF_forces": two_atoms.forces * 1000,
        "REF_stress": -10 * np.array([xx, yy, zz, xy, yz, xz]),
        "moments": -two_atoms.magmoms,
    }
    with connect(tmp_path / name) as database:
        database.write(bare, mat="mp-1", REF_energy=two_atoms.energy / 2, data=data)
    options = {
        "train": [name],
        **NAMES,
        "magmoms_key": "moments",
        "energy_unit": "eV/atom",
        "forces_unit": "meV/Å",
        "stress_unit": "kbar",
        "stress_sign": "compression_positive",
        "stress_order": "xx yy zz xy yz zx",
    }
    (frame,) = read(tmp_path, **options)
    assert frame.frame_id == "x:1"
    object.__setattr__(frame, "frame_id", two_atoms.frame_id)
    same(frame, two_atoms)
    with pytest.raises(StudyError, match=r"'energy' declared as source\.data\.energy_key") as error:
        read(tmp_path, train=[name])
    assert "rows have mat, REF_energy, REF_forces, REF_stress, moments" in str(error.value)
    assert "or declare it null" in str(error.value)


def test_energies_alone(write, tmp_path):
    write()
    options = dict.fromkeys(("forces_key", "stress_key", "magmoms_key"))
    assert {frame.labels for frame in read(tmp_path, **options)} == {("energy",)}


def test_constraints_change_no_forces(tmp_path, labelled, two_atoms):
    labelled.set_constraint(FixAtoms([0, 1]))
    with connect(tmp_path / "x.db") as database:
        database.write(labelled, mat="m")
    with Trajectory(tmp_path / "x.traj", "w") as trajectory:
        trajectory.write(labelled)
    for options in ({}, {"train": ["x.traj"], "material_key": None}):
        (frame,) = read(tmp_path, **options)
        assert np.array_equal(frame.forces, two_atoms.forces)


def test_numbers_are_the_ids_that_their_texts_are(tmp_path, labelled):
    values = [12, 0, 12.0, 1e5, 0.5, "mp-149", "T", True]
    with connect(tmp_path / "x.db") as database:
        for value in values:
            database.write(labelled, mat=value, run=value)
    frames = read(tmp_path, group_key="run")
    wanted = ["12", "0", "12", "100000", "0.5", "mp-149", "T", "True"]
    assert [frame.material_id for frame in frames] == wanted
    assert [frame.group for frame in frames] == wanted


@pytest.fixture
def trajectory(tmp_path, labelled):
    with Trajectory(tmp_path / "x.traj", "w") as made:
        for step in range(3):
            image = labelled.copy()
            image.info["mat"] = f"m{step}"
            image.calc = SinglePointCalculator(image, **labelled.calc.results)
            made.write(image)
    return tmp_path / "x.traj"


@pytest.mark.usefixtures("trajectory")
def test_a_trajectory(tmp_path, two_atoms):
    before = seen(tmp_path)
    frames = read(tmp_path, train=["x.traj"], material_key=None)
    assert [frame.frame_id for frame in frames] == ["x:0", "x:1", "x:2"]
    assert [frame.material_id for frame in frames] == ["x:0", "x:1", "x:2"]
    assert {frame.labels for frame in frames} == {LABELS}
    assert np.array_equal(frames[2].forces, two_atoms.forces)
    np.testing.assert_allclose(frames[0].stress, two_atoms.stress)
    by_material = read(tmp_path, train=["x.traj"])
    assert [frame.material_id for frame in by_material] == ["m0", "m1", "m2"]
    assert seen(tmp_path) == before


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_trajectory_cut_short_is_an_error(trajectory, tmp_path, share):
    trajectory.write_bytes(trajectory.read_bytes()[: int(share * trajectory.stat().st_size)])
    with pytest.raises(StudyError, match="cut short, damaged"):
        read(tmp_path, train=["x.traj"], material_key=None)


@pytest.mark.usefixtures("trajectory")
def test_a_trajectory_has_no_rows_to_select(tmp_path):
    with pytest.raises(StudyError, match=r"no rows to select from; leave out source\.data\.select"):
        read(tmp_path, train=["x.traj"], select="mat=m0")


@pytest.mark.parametrize("select", ["formula==", "natoms=many", "a=b=c"])
def test_a_selection_that_is_none_is_named(write, tmp_path, select):
    write()
    with pytest.raises(StudyError, match=r"source\.data\.select: .* selects nothing that ASE und"):
        read(tmp_path, select=select)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>403", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (bytes(16) + b"\xde\xc0\xef\xbe" + bytes(20), "is an LMDB database"),
        (b"\x80\x04\x95\x0e\0\0\0\0\0\0\0\x8c", "a pickle runs code"),
        (b'{"a": 1}', "Does not resemble ASE JSON database"),
        (b"- of UlmGPAW            " + bytes(30), "cannot be read as an ASE database or traj"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, data, words):
    (tmp_path / "x.db").write_bytes(data)
    with pytest.raises(StudyError) as error:
        read(tmp_path)
    assert words in str(error.value)


def test_a_row_that_is_no_frame_is_set_aside(tmp_path, labelled):
    odd = labelled.copy()
    with connect(tmp_path / "x.db") as database:
        database.write(labelled, mat="m")
        database.write(odd, mat="m", data={"energy": "low"})
        database.write(odd, mat="m", data={"stress": [1, 2]})
    kept, *refused = read(tmp_path)
    assert kept.labels == LABELS
    assert all(isinstance(item, Rejected) for item in refused)
    assert "row 2: cannot be read" in refused[0].reason
    assert "has 2 numbers, not 6 or 9" in refused[1].reason
