"""Tables with everything that goes wrong, through every table and both sentences."""

import math
from dataclasses import asdict

import pytest

from rungs.scaling import Law, data_efficiency, fit_learning_curves, learning_curve_means, make_plan
from rungs.scaling.answers.checks import check_laws
from rungs.scaling.answers.sentences import pretraining_answer

ENERGY = "energy_mae_mev_per_atom"
LAWS = {"scratch": Law(900, 0.45), "transfer": Law(300, 0.25)}


def everything(rows):
    """All tables of a learning curve, and the sentences."""
    laws = fit_learning_curves(rows)
    efficiency = data_efficiency(rows, laws)
    means = learning_curve_means(rows)
    sentences = pretraining_answer(
        means, laws, efficiency, pretrained=["transfer"], baseline="scratch"
    )
    tables = {
        "laws": laws,
        "efficiency": efficiency,
        "plan": make_plan(rows, laws, errors={ENERGY: 60.0}, budget=100, more=100),
        "checks": check_laws(rows, laws),
    }
    for table in tables.values():
        for row in table:
            numbers = [value for value in asdict(row).values() if isinstance(value, float)]
            assert all(math.isfinite(value) for value in numbers), row
    return tables, sentences


def scratch(tables, name="laws"):
    return next(r for r in tables[name] if (r.method, r.metric) == ("scratch", ENERGY))


def spoil(rows, value, size=100, seed=1):
    for row in rows:
        if (row["method"], row["size"], row["seed"]) == ("scratch", size, seed):
            row[ENERGY] = value
    return rows


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "left out: size 100 seed 1 (error is NaN)"),
        (0.0, "left out: size 100 seed 1 (error is 0, which has no logarithm)"),
        (-3.0, "left out: size 100 seed 1 (error is negative, -3)"),
        (float("inf"), "left out: size 100 seed 1 (error is infinite)"),
        ("", "left out: size 100 seed 1 (no value)"),
    ],
)
def test_errors_that_cannot_be_used_are_left_out_by_name(learning_curve, value, words):
    tables, _ = everything(spoil(learning_curve(LAWS), value))
    row = scratch(tables)
    assert words in row.note
    assert "no run at" not in row.note
    assert row.exponent == pytest.approx(0.45, abs=0.05)


def test_a_missing_run_is_named(learning_curve):
    rows = [
        row
        for row in learning_curve(LAWS)
        if (row["method"], row["size"], row["seed"]) != ("scratch", 320, 2)
    ]
    tables, _ = everything(rows)
    assert "no run at: size 320 seed 2" in scratch(tables).note
    assert scratch(tables).exponent_low is not None


def test_one_seed_has_no_intervals_anywhere(learning_curve):
    tables, sentences = everything(learning_curve(LAWS, seeds=(0,)))
    for table in tables.values():
        for row in table:
            values = asdict(row)
            assert not any(values[k] for k in values if k.endswith(("_low", "_high"))), row
    assert "one seed: no interval" in scratch(tables).note
    assert "one seed: no interval" in sentences[0]


def test_two_sizes(learning_curve):
    tables, _ = everything(learning_curve(LAWS, sizes=(10, 1000)))
    assert "two sizes: a line passes through any two" in scratch(tables).note
    assert "2 sizes: nothing to predict" in scratch(tables, "checks").note


def test_equal_sizes(learning_curve):
    tables, sentences = everything(learning_curve(LAWS, sizes=(100,)))
    assert "one size only (100), a law needs two" in scratch(tables).note
    assert all(answer.answer is None for answer in tables["plan"])
    assert "nothing can be said: scratch has no scaling law (one size only" in sentences[0]


def test_sizes_that_shrink_are_sorted(learning_curve):
    rows = learning_curve(LAWS)
    tables, sentences = everything(rows)
    again, same = everything(rows[::-1])
    assert scratch(again).exponent == pytest.approx(scratch(tables).exponent, rel=1e-9)
    assert sentences == same


def test_errors_that_rise(learning_curve):
    tables, sentences = everything(learning_curve({**LAWS, "scratch": Law(50, -0.2)}))
    assert "the error does not fall with size" in scratch(tables).note
    assert "does not fall between 10 and 1,000 frames" in sentences[0]


def test_no_usable_error_at_all(learning_curve):
    rows = learning_curve(LAWS)
    for row in rows:
        row[ENERGY] = float("nan") if row["method"] == "scratch" else row[ENERGY]
    tables, sentences = everything(rows)
    assert scratch(tables).form == "not fitted"
    assert "has no scaling law" in sentences[0]


def test_equal_errors(learning_curve):
    rows = learning_curve(LAWS)
    for row in rows:
        row[ENERGY] = 50.0
    tables, sentences = everything(rows)
    assert scratch(tables).exponent == pytest.approx(0, abs=1e-9)
    assert "does not fall" in sentences[0]
