"""What the disk says of a study's files before any of them is read."""

import copy

import pytest
import yaml

from rungs.config import load_study
from rungs.config.first_look import faults, file_fault, remarks


@pytest.fixture(scope="module")
def values(repository):
    return yaml.safe_load((repository / "config/si_to_ge.yaml").read_text())


@pytest.fixture
def study(values, tmp_path):
    """A study of two files that are there; the function's arguments replace its lists of files."""

    def make(target=("target.xyz",), test=(), **changes):
        changed = copy.deepcopy(values) | {"data_folder": str(tmp_path)} | changes
        changed["source"]["data"] |= {"train": ["source.xyz"], "test": []}
        changed["target"]["data"] |= {"train": list(target), "test": list(test)}
        return load_study(changed)

    for name in ("source.xyz", "target.xyz"):
        (tmp_path / name).touch()
    return make


def test_files_that_are_there_have_no_fault(study, tmp_path):
    assert faults(study()) == []
    assert remarks(study()) == []
    assert file_fault(tmp_path / "source.xyz") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sorce.xyz", "did you mean source.xyz?"),
        ("nothing", "no such file"),
        ("*.xyz", "patterns are not expanded; name source.xyz, target.xyz one by one"),
        ("folder", "is a folder"),
        ("link.xyz", "is a link to elsewhere.xyz, which is not there"),
        ("absent/source.xyz", "there is no folder"),
    ],
)
def test_what_is_not_there_is_said(study, tmp_path, name, words):
    study()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.xyz").symlink_to("elsewhere.xyz")
    assert words in file_fault(tmp_path / name)


def test_a_name_with_signs_of_a_pattern_is_a_file_first(tmp_path):
    (tmp_path / "a[1].xyz").touch()
    assert file_fault(tmp_path / "a[1].xyz") is None


@pytest.mark.parametrize("second", ["./target.xyz", "link.xyz"])
def test_a_file_is_listed_once_however_it_is_spelt(study, tmp_path, second):
    study()
    (tmp_path / "link.xyz").symlink_to("target.xyz")
    for listed in (study(["target.xyz", second]), study(["target.xyz"], [second])):
        (fault,) = faults(listed)
        assert fault.startswith("target.data: ")
        assert "are one file" in fault


def test_one_file_for_both_levels_is_remarked(study):
    (remark,) = remarks(study(["source.xyz"]))
    assert "source and target both read" in remark


def test_a_model_that_is_not_there_is_a_fault(study, tmp_path):
    values = {"pretraining": {"initial": str(tmp_path / "model.pt"), "training": None}}
    made = study(architecture=None, **values)
    (fault,) = faults(made)
    assert fault.startswith("pretraining.initial: ")
    (tmp_path / "model.pt").touch()
    assert faults(made) == []


def test_paths_are_what_a_shell_makes_of_them(study, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", "somewhere")
    made = study(["~/a.xyz", "$WHERE/b.xyz", "${WHERE}/c.xyz", "$NOWHERE_AT_ALL/d.xyz"])
    assert made.target.data.train == [
        f"{tmp_path}/a.xyz",
        "somewhere/b.xyz",
        "somewhere/c.xyz",
        "$NOWHERE_AT_ALL/d.xyz",
    ]
    assert study(data_folder="~/data").data_folder == f"{tmp_path}/data"
