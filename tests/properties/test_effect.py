"""The ratio of errors and what may be said of it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.properties.effect import effects_in_words, property_rows, ratio

BASELINES = dict.fromkeys(("scratch", "copied", "better", "worse"), "scratch")

ERRORS = st.lists(st.floats(0.01, 100), min_size=2, max_size=6)


def make_runs(errors, name="c44", size=10, **extra):
    """Rows as they are read from CSV: method → errors of its seeds, None for a failed one."""
    return [
        {
            "method": method,
            "size": str(size),
            "seed": str(seed),
            "property": name,
            "temperature_k": "",
            "value": "" if error is None else str(50 + error),
            "unit": "GPa",
            "reference": "50.0",
            "error": "" if error is None else str(error),
            "failed": str(int(error is None)),
            "note": "why" if error is None else "",
            **extra,
        }
        for method, values in errors.items()
        for seed, error in enumerate(values)
    ]


def of(rows, method):
    return next(row for row in rows if row["method"] == method)


def test_both_directions_are_told():
    errors = {"scratch": [10.0, 11.0, 9.0], "better": [1.0, 1.2, 0.9], "worse": [30.0, 33.0, 29.0]}
    rows = property_rows(make_runs(errors), BASELINES)
    assert of(rows, "better")["effect"] == "helps"
    assert of(rows, "worse")["effect"] == "hurts"
    assert of(rows, "worse")["transfer_over_scratch"] == pytest.approx(92 / 30)
    assert "transfer_over_scratch" not in of(rows, "scratch")
    assert effects_in_words(rows) == [
        "better, 10 frames: transfer helps 1 properties, hurts 0, undecided 0",
        "worse, 10 frames: transfer helps 0 properties, hurts 1, undecided 0",
    ]


def test_signs_of_errors_do_not_cancel():
    rows = property_rows(make_runs({"scratch": [10.0, -10.0]}), BASELINES)
    assert rows[0]["mean_absolute_error"] == 10.0
    assert rows[0]["mean_value"] == 50.0
    assert (rows[0]["lowest_error"], rows[0]["highest_error"]) == (10.0, 10.0)


def test_a_failed_seed_is_counted_and_left_out_of_both():
    errors = {"scratch": [10.0, 20.0, 30.0], "copied": [None, 10.0, 15.0]}
    row = of(property_rows(make_runs(errors), BASELINES), "copied")
    assert (row["n_seeds"], row["n_failed"], row["n_compared"]) == (3, 1, 2)
    assert row["transfer_over_scratch"] == pytest.approx(0.5)
    assert row["mean_absolute_error"] == 12.5
    assert row["note"] == "why"


def test_nothing_to_compare():
    nothing = {"scratch": [None, None], "copied": [1.0, 2.0]}
    row = of(property_rows(make_runs(nothing), BASELINES), "copied")
    assert row["n_compared"] == 0
    assert "transfer_over_scratch" not in row
    alone = property_rows(make_runs({"copied": [1.0]}), {})
    assert alone[0]["mean_absolute_error"] == 1.0
    assert ratio([0.0, 0.0], [1.0, 2.0]) == ratio([1.0], [0.0]) == ratio([], []) == {}
    assert ratio([1.0], [2.0]) == {"transfer_over_scratch": 0.5}


def test_sizes_and_temperatures_are_not_mixed():
    runs = [
        *make_runs({"scratch": [1.0]}, size=10),
        *make_runs({"scratch": [2.0]}, size=50),
        *make_runs({"scratch": [3.0]}, name="radial_distribution", temperature_k="300.0"),
        *make_runs({"scratch": [4.0]}, name="radial_distribution", temperature_k="1000.0"),
    ]
    rows = property_rows(runs, BASELINES)
    assert [row["mean_absolute_error"] for row in rows] == [1.0, 2.0, 3.0, 4.0]


@given(ERRORS, st.floats(0.1, 10))
@settings(deadline=None)
def test_a_common_factor_is_certain(scratch, factor):
    """Where every seed improves by the same factor, nothing scatters."""
    found = ratio([factor * error for error in scratch], scratch)
    assert found["transfer_over_scratch"] == pytest.approx(factor)
    assert found["ratio_low"] == pytest.approx(factor, rel=1e-6)
    assert found["ratio_high"] == pytest.approx(factor, rel=1e-6)


@given(ERRORS, st.randoms())
@settings(deadline=None)
def test_exchanging_the_two_inverts_everything(errors, random):
    other = random.sample(errors, len(errors))
    one, inverse = ratio(errors, other), ratio(other, errors)
    assert one["ratio_low"] == pytest.approx(1 / inverse["ratio_high"])
    assert one["ratio_low"] <= one["transfer_over_scratch"] <= one["ratio_high"]
    swap = {"helps": "hurts", "hurts": "helps", "undecided": "undecided"}
    if abs(math.log(one["ratio_high"])) > 1e-9 and abs(math.log(one["ratio_low"])) > 1e-9:
        assert inverse["effect"] == swap[one["effect"]]


def test_one_seed_without_any_error_decides_nothing():
    found = ratio([0.0, 1.0], [5.0, 5.0])
    assert found == {"transfer_over_scratch": 0.1, "effect": "undecided"}


@pytest.mark.parametrize("scatter", [0.1, 0.5, 1.0])
def test_intervals_hold_the_truth_as_often_as_they_say(scatter):
    """Three seeds of log-normal errors; the truth is the ratio of the means."""
    rng = np.random.default_rng(0)
    held, n = 0, 2000
    for _ in range(n):
        common = rng.normal(0, scatter / 2, 3)  # frames that both share
        scratch = np.exp(common + rng.normal(0, scatter, 3))
        transfer = 0.5 * np.exp(common + rng.normal(0, scatter, 3))
        found = ratio(transfer.tolist(), scratch.tolist())
        held += found["ratio_low"] <= 0.5 <= found["ratio_high"]
    assert 0.85 < held / n < 0.93
