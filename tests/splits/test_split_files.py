"""The CSV files of splits and subsets."""

import pytest

from rungs.errors import StudyError
from rungs.splits.files import (
    frame_ids,
    read_order,
    read_split,
    read_summary,
    write_order,
    write_split,
    write_summary,
)
from rungs.splits.split import SplitRow
from rungs.splits.summary import PartSummary

ROWS = [
    SplitRow("source", "MgO, cubic", "a", "train"),
    SplitRow("source", "m", "b", "test"),
    SplitRow("target", "m", 'c"quoted"', "test"),
]


def test_split_comes_back(tmp_path):
    path = tmp_path / "splits" / "split.csv"
    write_split(path, ROWS)
    assert path.read_text().splitlines()[0] == "level,material_id,frame_id,part"
    assert read_split(path) == ROWS
    assert frame_ids(ROWS, "source", "test") == ["b"]


def test_order_comes_back(tmp_path):
    path = tmp_path / "seed_0.csv"
    write_order(path, ["x:1", "y,2"])
    assert path.read_text() == 'rank,frame_id\n0,x:1\n1,"y,2"\n'
    assert read_order(path) == ["x:1", "y,2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "level,material_id,frame_id\nsource,m,a\n",
        "level,material_id,frame_id,part\nsource,m,a\n",
        "level,material_id,frame_id,part\nsource,m,a,training\n",
        "level,material_id,frame_id,part\nGGA,m,a,train\n",
    ],
)
def test_damaged_split_is_refused(tmp_path, text):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=r"split\.csv.*delete the file"):
        read_split(path)


@pytest.mark.parametrize(
    "text", ["", "rank,frame_id\n0,a\n2,b\n", "frame_id\na\n", "rank,frame_id\n0\n"]
)
def test_damaged_order_is_refused(tmp_path, text):
    path = tmp_path / "seed_0.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=r"seed_0\.csv.*delete the file"):
        read_order(path)


def test_missing_files(tmp_path):
    for read in (read_split, read_order):
        with pytest.raises(StudyError, match="cannot be read"):
            read(tmp_path / "none.csv")


def test_summary_comes_back(tmp_path):
    path = tmp_path / "split_summary.csv"
    parts = [PartSummary("target", "test", 3, 14, 2, 1, 0, 14, 7, 0, 5)]
    write_summary(path, parts)
    assert read_summary(path) == parts
    assert parts[0].labelled == {"energy": 14, "forces": 7, "stress": 0, "magmoms": 5}
    path.write_text(path.read_text().replace("14", "many"))
    with pytest.raises(StudyError, match=r"split_summary\.csv: a count is no number"):
        read_summary(path)
