"""What is refused of a single frame, with the number found and the limit."""

import math

import numpy as np
import pytest

from rungs.config.data import Screening
from rungs.frames.faults import judge, reason_to_reject

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
        forces=[[100, 0, 0], [-100, 0, 0]],
        stress=[-1000, 0, 0, 0, 0, 1000],
        cell=10 * np.eye(3),
        cart_coords=[[0, 0, 0], [0.5, 0, 0]],
    )
    assert reason_to_reject(frame, LIMITS) is None


def test_a_limit_of_zero_distance_asks_nothing(altered):
    frame = altered(cart_coords=np.zeros((2, 3)))
    assert reason_to_reject(frame, Screening(min_distance=0)) is None
