"""Screening: what is refused, with which words, and where it is written."""

import csv
import math

import numpy as np
import pytest

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.frame import LABELS, Rejected
from rungs.frames.labelled import read_label_counts
from rungs.frames.labels import label_words
from rungs.frames.screening import ScreenedFrames, screen_to_file
from rungs.frames.table import read_frames

LIMITS = Screening()


def with_bad_number(frame, field, bad):
    value = np.array(getattr(frame, field), dtype=float)
    value.flat[-1] = bad
    return value if value.ndim else float(value)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_rejects_are_written_with_reasons_and_counted(tmp_path, altered):
    items = [
        altered(),
        Rejected("broken:1", 'line 3: cannot be parsed, "quoted"'),
        altered(frame_id="hot", forces=[[0, 0, 0], [0, 0, 500.0]]),
        altered(frame_id="hotter", forces=[[0, 0, 0], [0, 0, 900.0]]),
        altered(energy=-1.0),
        altered(frame_id="good"),
    ]
    path, rejects = tmp_path / "frames.parquet", tmp_path / "rejects.csv"
    screened = screen_to_file(items, LIMITS, path, rejects, {})
    assert [frame.frame_id for frame in read_frames(path)] == ["MgO:0", "good"]
    assert read_frames(path)[0].energy == -11.9  # the first of two with one id
    assert screened.n_passed == 2
    assert screened.counts == {"forces": 2, "unreadable": 1, "duplicate id": 1}
    rows = read_csv(rejects)
    assert [row["frame_id"] for row in rows] == ["broken:1", "hot", "hotter", "MgO:0"]
    assert rows[0]["reason"] == 'line 3: cannot be parsed, "quoted"'
    assert "occurs more than once" in rows[3]["reason"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", LABELS)
def test_a_label_with_a_number_that_is_none_is_missing_and_counted(
    tmp_path, sound_frame, altered, field, bad
):
    items = [
        altered(frame_id="other"),
        altered(**{field: with_bad_number(sound_frame, field, bad)}),
    ]
    path, rejects = tmp_path / "frames.parquet", tmp_path / "rejects.csv"
    screened = screen_to_file(items, LIMITS, path, rejects, {})
    assert screened.n_rejected == 0
    kept = read_frames(path)[1]
    assert set(kept.labels) == set(LABELS) - {field}
    size = np.size(getattr(sound_frame, field))
    fault = f"{field} has 1 of {size} values that are no finite number"
    assert read_csv(rejects) == [
        {
            "frame_id": "MgO:0",
            "kind": "label not finite",
            "reason": f"{fault}; the frame stays without this label",
        }
    ]
    counts = read_label_counts(path)
    assert counts.not_finite == {field: 1}
    assert counts.labelled == {name: 2 - (name == field) for name in LABELS}
    assert list(screened.labels.lines())[1] == f"1 {field} taken for missing: not finite"


def test_a_frame_that_loses_all_its_labels_is_refused_with_what_they_were(tmp_path, altered):
    bare = {"stress": None, "magmoms": None, "frame_id": "bare"}
    items = [altered(), altered(energy=math.nan, forces=np.full((2, 3), np.inf), **bare)]
    screened = ScreenedFrames(items, LIMITS, tmp_path / "rejects.csv")
    assert len(list(screened)) == 1
    assert screened.counts == {"no label": 1}
    assert screened.labels.not_finite == {}
    assert screened.rejects[0].reason == (
        "the frame has no label at all: energy has 1 of 1 values that are no finite number; "
        "forces has 6 of 6 values that are no finite number"
    )


def test_a_label_of_wrong_shape_is_refused_even_where_its_numbers_are_none(tmp_path, altered):
    items = [altered(), altered(frame_id="bad", forces=np.full((3, 3), np.nan))]
    screened = ScreenedFrames(items, LIMITS, tmp_path / "rejects.csv")
    list(screened)
    assert screened.counts == {"shape": 1}


def test_labels_are_told_in_words():
    labelled = {"energy": 48, "forces": 40, "stress": 0, "magmoms": 48}
    assert label_words(labelled, 48) == "energy, forces on 40 of 48, no stress, magnetic moments"


def test_a_refused_frame_does_not_take_its_id(tmp_path, altered):
    """A sound frame with the id of a refused one is let in."""
    far = altered(forces=np.full((2, 3), 1e9))
    others = [altered(frame_id=str(i)) for i in range(3)]
    items = [altered(energy=1e9), far, altered(), *others]
    screened = ScreenedFrames(items, LIMITS, tmp_path / "rejects.csv")
    assert [frame.frame_id for frame in screened] == ["MgO:0", "0", "1", "2"]
    assert screened.counts == {"energy": 1, "forces": 1}


def test_rejects_file_is_written_when_nothing_was_refused(tmp_path, sound_frame):
    list(ScreenedFrames([sound_frame], LIMITS, tmp_path / "rejects.csv"))
    assert (tmp_path / "rejects.csv").read_text() == "frame_id,kind,reason\n"


def test_no_sound_frame_stops_the_study_and_says_why(tmp_path, altered):
    items = [altered(frame_id=str(i), forces=np.full((2, 3), 1e9)) for i in range(5)]
    path, rejects = tmp_path / "frames.parquet", tmp_path / "rejects.csv"
    with pytest.raises(StudyError, match=r"5 were refused \(forces: 5\)") as error:
        screen_to_file(items, LIMITS, path, rejects, {})
    assert "1e+09 eV/Å" in str(error.value)
    assert not path.exists()
    assert len(read_csv(rejects)) == 5
    with pytest.raises(StudyError, match="holds no frames"):
        screen_to_file([], LIMITS, path, rejects, {})


def test_many_rejects_are_in_the_file_and_not_in_memory(tmp_path, sound_frame):
    items = [Rejected(str(i), "cut short") for i in range(1500)]
    screened = ScreenedFrames([*items, sound_frame], LIMITS, tmp_path / "rejects.csv")
    assert len(list(screened)) == 1
    assert screened.n_rejected == len(read_csv(tmp_path / "rejects.csv")) == 1500
    assert screened.counts == {"unreadable": 1500}
    assert len(screened.rejects) == 1000


@pytest.mark.parametrize("section", ["source", "target"])
@pytest.mark.parametrize("n", [0, 1])
def test_a_level_with_nothing_left_is_called_by_its_name(tmp_path, altered, section, n):
    items = [altered(cell=np.zeros((3, 3)))] * n
    screened = ScreenedFrames(items, LIMITS, tmp_path / "rejects.csv", section=section)
    with pytest.raises(StudyError, match=rf"{section}\.data") as error:
        list(screened)
    others = {"source", "target"} - {section}
    assert others.isdisjoint(str(error.value).replace(".", " ").split())
