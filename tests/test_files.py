"""Whole files or none."""

import math
import subprocess
import sys

import pytest

from rungs.files import folder_with, whole_file, write_json, write_rows


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    write_rows(path, ["a"], [{"a": 1}])
    with pytest.raises(ValueError, match="fields not in fieldnames"):
        write_rows(path, ["a"], [{"a": 2}, {"b": 3}])
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_nothing_under_the_name(tmp_path):
    path = tmp_path / "model.pt"
    code = (
        "import os, sys\nfrom rungs.files import whole_file\n"
        f"with whole_file({str(path)!r}) as partial:\n"
        "    partial.write_text('half')\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert not path.exists()


def test_the_suffix_is_kept_while_writing(tmp_path):
    with whole_file(tmp_path / "figure.png") as partial:
        assert partial.suffix == ".png"
        partial.write_bytes(b"x")


def test_floats_keep_full_precision(tmp_path):
    value = 0.1 + 0.2
    write_rows(tmp_path / "t.csv", ["a"], [{"a": value}])
    assert float((tmp_path / "t.csv").read_text().split()[1]) == value


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "record.json", {"mae": math.nan})
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize(
    ("given", "names", "folder"),
    [
        (["data/a.xyz"], ["a.xyz"], "data"),
        (["a.xyz"], ["a.xyz"], "."),
        ([".storage/s3/mine/data/sub/a.xyz", "x"], ["sub/a.xyz"], ".storage/s3/mine/data"),
        (".storage/s3/mine/data/runs", ["runs"], ".storage/s3/mine/data"),
        (["/own/a.xyz"], ["/own/a.xyz"], "given"),
        (["results/downloads/source.json"], [], "given"),
        ([], ["a.xyz"], "given"),
        (["other.xyz"], ["a.xyz"], "given"),
    ],
)
def test_the_folder_of_the_data_is_where_the_job_finds_them(given, names, folder):
    assert folder_with(given, names, "given") == folder
