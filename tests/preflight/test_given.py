"""What files and folders turn out to be, and the sentence where they are no data."""

import sqlite3

import pytest

from rungs.errors import StudyError
from rungs.preflight.given import look_at


def test_a_model_is_a_source_only():
    assert look_at("0.3.0", "SOURCE").kind == "published"
    with pytest.raises(StudyError, match=r"TARGET 0\.3\.0: is a published model"):
        look_at("0.3.0", "TARGET")


def test_a_missing_file_comes_with_its_neighbour(write, tmp_path, gold):
    write.xyz(tmp_path / "gold.xyz", gold[:2])
    with pytest.raises(StudyError, match=r"glod\.xyz.*did you mean gold\.xyz"):
        look_at(str(tmp_path / "glod.xyz"), "TARGET")


def test_names_are_not_asked(write, tmp_path, gold):
    path = write.parquet(tmp_path / "target.xyz", gold[:2])
    assert look_at(str(path), "TARGET").kind == "parquet"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty, it has 0 bytes"),
        (bytes(range(256)) * 20, "is a binary file of an unknown kind"),
        (b"<!DOCTYPE html><html><body>403</body></html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer file of Git LFS"),
        (b"some words\n", "no extended XYZ, whose first line is a number of atoms"),
        (b'{"a": {"b": 1}}', "its documents have no 'structure'"),
    ],
)
def test_what_is_no_data_is_said(tmp_path, content, words):
    path = tmp_path / "target"
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        look_at(str(path), "TARGET")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_data(tmp_path):
    (tmp_path / "notes.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(StudyError, match="no file in this folder holds frames"):
        look_at(str(tmp_path), "TARGET")


def test_a_folder_of_several_kinds(write, tmp_path, gold):
    write.xyz(tmp_path / "a.xyz", gold[:2])
    write.parquet(tmp_path / "b.parquet", gold[:2])
    with pytest.raises(StudyError, match="files of several kinds"):
        look_at(str(tmp_path), "TARGET")


def test_a_file_for_training_finds_its_test_file(write, tmp_path, gold):
    training = write.xyz(tmp_path / "Au-train.xyz", gold[:2])
    test = write.xyz(tmp_path / "Au-test.xyz", gold[2:4])
    write.xyz(tmp_path / "Cu-test.xyz", gold[2:4])
    assert look_at(str(training), "TARGET").test == [test]


def test_nothing_is_written_into_a_database(tmp_path):
    path = tmp_path / "empty.db"
    sqlite3.connect(path).executescript("create table t (x); drop table t;")
    before = path.read_bytes()
    look_at(str(path), "TARGET")
    assert path.read_bytes() == before
