"""Screening: what is refused, with which words, and where it is written."""

import csv
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.screening import (
    ScreenedFrames,
    judge,
    reason_to_reject,
    screen_to_file,
    shortest_distance,
)
from rungs.frames.table import read_frames

LIMITS = Screening()


def test_sound_frames_pass(sound_frame, altered):
    assert reason_to_reject(sound_frame, LIMITS) is None
    assert reason_to_reject(altered(stress=None, magmoms=None), LIMITS) is None
    assert reason_to_reject(altered(cell=sound_frame.cell[[1, 0, 2]]), LIMITS) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "field", ["energy", "cell", "cart_coords", "forces", "stress", "magmoms", "temperature"]
)
def test_numbers_that_are_none_are_refused_in_every_field(sound_frame, altered, field, bad):
    sound_frame = altered(temperature=300.0)
    value = np.array(getattr(sound_frame, field), dtype=float)
    value.flat[-1] = bad
    refused = judge(altered(**{field: value if value.ndim else float(value)}), LIMITS)
    assert refused.kind == "not finite"
    assert refused.reason == f"{field} has 1 of {value.size} values that are no finite number"


BROKEN = {
    "no forces": ({"forces": None}, "shape", "forces are missing"),
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


@given(
    cell=st.lists(st.floats(-4, 4), min_size=9, max_size=9),
    coords=st.lists(st.floats(-30, 30), min_size=9, max_size=9),
    limit=st.floats(0.1, 3),
)
@settings(max_examples=150, deadline=None)
def test_shortest_distance_is_that_of_all_images(cell, coords, limit):
    """Against every image within reach, counted out."""
    cell = np.reshape(cell, (3, 3))
    heights = np.abs(np.linalg.det(cell)) / np.linalg.norm(
        [np.cross(cell[1], cell[2]), np.cross(cell[2], cell[0]), np.cross(cell[0], cell[1])], axis=1
    ).clip(1e-12)
    assume(heights.min() > 0.7)
    coords = np.reshape(coords, (3, 3))
    frame = Frame("x", "x", "x", cell, [1, 2, 3], coords, 0.0, np.zeros((3, 3)))
    reach = int(np.ceil(limit / heights.min())) + 1
    images = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    fractional = np.linalg.solve(cell.T, coords.T).T
    wrapped = fractional - np.floor(fractional)
    between = (wrapped[:, None, None] - wrapped[None, :, None] + images) @ cell
    distances = np.linalg.norm(between, axis=-1)
    for i in range(3):
        distances[i, i, len(images) // 2] = np.inf
    expected = distances.min()
    assume(abs(expected - limit) > 1e-6)
    found = shortest_distance(frame, limit)
    if expected > limit:
        assert found is None
    else:
        assert found[0] == pytest.approx(expected, abs=1e-6)


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
