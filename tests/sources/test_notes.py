"""Remarks of readers: once each, counted, with a few examples."""

from rungs.config.data import Screening
from rungs.frames.screening import screen_to_file
from rungs.frames.table import read_provenance
from rungs.sources.notes import Notes


def test_remarks_are_told_once_and_counted():
    notes = Notes()
    notes.add("first")
    for number in range(5):
        notes.add("{n} steps", f"a:{number}")
    notes.add("first")
    notes.add("{n} files", count=3)
    notes.add("{n} links", "x")
    notes.add("{n} links", "x")
    assert list(notes.lines()) == [
        "first",
        "5 steps (a:0, a:1, a:2, …)",
        "3 files",
        "2 links (x)",
    ]


def test_remarks_are_kept_with_the_frames(tmp_path, two_atoms):
    path, notes = tmp_path / "frames.parquet", Notes()

    def items():
        yield two_atoms
        notes.add("told at the end: größer")

    screen_to_file(items(), Screening(), path, tmp_path / "r.csv", {"kind": "x"}, None, notes.lines)
    assert read_provenance(path) == {"kind": "x", "remarks": ["told at the end: größer"]}
    screen_to_file([two_atoms], Screening(), path, tmp_path / "r.csv", {"kind": "x"})
    assert read_provenance(path) == {"kind": "x"}
