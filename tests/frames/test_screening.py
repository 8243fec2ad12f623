"""Screening: what is refused, with which words, and where it is written."""

import csv
import math

import numpy as np
import pytest

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.frame import LABELS, Rejected
from rungs.frames.labels import label_words
from rungs.frames.screening import (
    ScreenedFrames,
    judge,
    reason_to_reject,
    screen_to_file,
)
from rungs.frames.table import read_frames, read_label_counts

LIMITS = Screening()


def test_sound_frames_pass(sound_frame, altered):
    assert reason_to_reject(sound_frame, LIMITS) is None
    for kept in ("energy", "forces", "stress", "magmoms"):
        others = dict.fromkeys({"energy", "forces", "stress", "magmoms"} - {kept})
        assert reason_to_reject(altered(**others), LIMITS) is None
    assert reason_to_reject(altered(cell=sound_frame.cell[[1, 0, 2]]), LIMITS) is None


def with_bad_number(frame, field, bad):
    value = np.array(getattr(frame, field), dtype=float)
    value.flat[-1] = bad
    return value if value.ndim else float(value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["cell", "cart_coords", "temperature"])
def test_numbers_that_are_none_are_refused_where_they_are_no_label(
    sound_frame, altered, field, bad
):
    sound_frame = altered(temperature=300.0)
    value = with_bad_number(sound_frame, field, bad)
    refused = judge(altered(**{field: value}), LIMITS)
    assert refused.kind == "not finite"
    assert refused.reason == f"{field} has 1 of {np.size(value)} values that are no finite number"


BROKEN = {
    "no label": (
        {"energy": None, "forces": None, "stress": None, "magmoms": None},
        "no label",
        "the frame has no label at all",
    ),
    "wrong shape": ({"forces": np.zeros((3, 3))}, "shape", "forces has shape (3, 3)"),
    "no atoms": (
        {"atomic_numbers": [], "cart_coords": np.zeros((0, 3)), "forces": np.zeros((0, 3))},
        "no atoms",
        "no atoms",
    ),
    "element 0": ({"atomic_numbers": [12, 0]}, "element", "atomic number 0 is outside 1 to 94"),
    "element 95": ({"atomic_numbers": [95, 8]}, "element", "atomic number 95"),
    "negative": ({"atomic_numbers": [-8, 8]}, "element", "atomic number -8"),
    "zero cell": ({"cell": np.zeros((3, 3))}, "cell", "flat"),
    "singular cell": ({"cell": [[1, 0, 0], [0, 1, 0], [1, 1, 0]]}, "cell", "volume 0 Å³"),
    "thin cell": ({"cell": np.diag([50, 50, 0.05])}, "cell", "0.05 Å across"),
    "tiny cell": ({"cell": 0.4 * np.eye(3)}, "cell", "0.032 Å³ an atom"),
    "below 0 K": ({"temperature": -5.0}, "temperature", "temperature is -5 K, below 0 K"),
    "spread": (
        {"cart_coords": [[0, 0, 0], [1e5, 0, 0]]},
        "spread",
        "cells, more than the 1000 that a crystal graph can hold; wrap",
    ),
    "own image": (
        {"cell": np.diag([0.45, 20, 20])},
        "overlap",
        "and its own image are 0.45 Å apart, closer than screening.min_distance = 0.5 Å",
    ),
    "overlap": (
        {"cart_coords": [[0, 0, 0], [0.3, 0, 0]]},
        "overlap",
        "atoms 0 and 1 are 0.3 Å apart",
    ),
    "same place": ({"cart_coords": np.zeros((2, 3))}, "overlap", "atoms 0 and 1 are 0 Å apart"),
    "across the border": (
        {"cell": 4.2 * np.eye(3), "cart_coords": [[0.1, 0, 0], [4.1 + 42, 0, 0]]},
        "overlap",
        "atoms 0 and 1 are 0.2 Å apart",
    ),
    "energy": (
        {"energy": 401.0},
        "energy",
        "200.5 eV/atom, beyond ± screening.max_abs_energy = 200",
    ),
    "low energy": ({"energy": -401.0}, "energy", "-200.5 eV/atom"),
    "force": (
        {"forces": [[0, 0, 0], [0, -100.5, 0]]},
        "forces",
        "100.5 eV/Å, beyond screening.max_force = 100 eV/Å",
    ),
    "stress": (
        {"stress": [0, 0, 0, 0, 0, -1001]},
        "stress",
        "1001 GPa, beyond screening.max_stress = 1000 GPa",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_reasons_name_the_number_found_and_the_limit(altered, name):
    fields, kind, words = BROKEN[name]
    refused = judge(altered(**fields), LIMITS)
    assert refused is not None
    assert refused.frame_id == "MgO:0"
    assert refused.kind == kind
    assert words in refused.reason


def test_numbers_at_the_limits_pass(altered):
    frame = altered(
        energy=400.0,
        forces=[[100, 0, 0], [-100, 0, 0]],
        stress=[-1000, 0, 0, 0, 0, 1000],
        cell=10 * np.eye(3),
        cart_coords=[[0, 0, 0], [0.5, 0, 0]],
    )
    assert reason_to_reject(frame, LIMITS) is None


def test_a_limit_of_zero_distance_asks_nothing(altered):
    frame = altered(cart_coords=np.zeros((2, 3)))
    assert reason_to_reject(frame, Screening(min_distance=0)) is None


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
    items = [altered(energy=1e9), altered()]
    assert len(list(ScreenedFrames(items, LIMITS, tmp_path / "rejects.csv"))) == 1


def test_rejects_file_is_written_when_nothing_was_refused(tmp_path, sound_frame):
    list(ScreenedFrames([sound_frame], LIMITS, tmp_path / "rejects.csv"))
    assert (tmp_path / "rejects.csv").read_text() == "frame_id,kind,reason\n"


def test_no_sound_frame_stops_the_study_and_says_why(tmp_path, altered):
    items = [altered(frame_id=str(i), energy=1e9) for i in range(5)]
    path, rejects = tmp_path / "frames.parquet", tmp_path / "rejects.csv"
    with pytest.raises(StudyError, match=r"5 were refused \(energy: 5\)") as error:
        screen_to_file(items, LIMITS, path, rejects, {})
    assert "5e+08 eV/atom" in str(error.value)
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
