import csv

import numpy as np
import pandas as pd
import pytest

from rungs.errors import StudyError
from rungs.scaling import Law, fit_learning_curves, learning_curve_means, write_laws, write_means
from rungs.scaling.answers.law_table import COLUMNS

LAWS = {"scratch": Law(900, 0.45), "target_reference": Law(180, 0.3)}
METRICS = ["energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"]


def test_one_row_per_method_and_metric(learning_curve):
    rows = learning_curve(LAWS, zero={"target_reference": 190.0})
    laws = fit_learning_curves(rows)
    assert [(law.method, law.metric) for law in laws] == [
        (method, metric) for method in LAWS for metric in METRICS
    ]
    for law in laws:
        true = LAWS[law.method]
        assert law.form == "power law"
        assert law.exponent_low < true.exponent < law.exponent_high
        assert law.exponent == pytest.approx(true.exponent, abs=0.03)
        assert 0.9 < law.r2 < 1
        assert (law.n_sizes, law.smallest_size, law.largest_size, law.n_seeds) == (5, 10, 1000, 3)
        assert law.converged
        assert law.floor is None
    # Twice the error: twice the prefactor, the same exponent.
    assert laws[1].prefactor == pytest.approx(2 * laws[0].prefactor)
    assert laws[1].exponent == pytest.approx(laws[0].exponent)


def test_zero_frames_are_no_part_of_a_law(learning_curve):
    without = fit_learning_curves(learning_curve(LAWS))
    with_zero = fit_learning_curves(learning_curve(LAWS, zero={"target_reference": 1500.0}))
    assert with_zero == without


def test_text_numbers_and_pandas_give_the_same(learning_curve):
    rows = learning_curve(LAWS)
    text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
    expected = fit_learning_curves(rows)
    assert fit_learning_curves(text) == expected
    table = pd.DataFrame(rows).replace("", None)
    assert fit_learning_curves(table) == expected
    table["seed"] = table["seed"].astype(float)
    assert fit_learning_curves(table) == expected


def test_written_laws_read_back_in_full_precision(learning_curve, tmp_path):
    laws = fit_learning_curves(learning_curve(LAWS))
    write_laws(tmp_path / "scaling_laws.csv", laws)
    with open(tmp_path / "scaling_laws.csv", newline="") as handle:
        back = list(csv.DictReader(handle))
    assert tuple(back[0]) == COLUMNS
    assert [float(row["exponent"]) for row in back] == [law.exponent for law in laws]
    assert [float(row["prefactor_high"]) for row in back] == [law.prefactor_high for law in laws]
    assert back[0]["floor"] == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "size 32 seed 1 (error is NaN)"),
        ("nan", "size 32 seed 1 (error is NaN)"),
        ("", "size 32 seed 1 (no value)"),
        (0.0, "size 32 seed 1 (error is 0, which has no logarithm)"),
        (float("inf"), "size 32 seed 1 (error is infinite)"),
        (-3.0, "size 32 seed 1 (error is negative, -3)"),
    ],
)
def test_invalid_runs_are_left_out_and_named(learning_curve, value, words):
    rows = learning_curve(LAWS)
    for row in rows:
        if (row["method"], row["size"], row["seed"]) == ("scratch", 32, 1):
            row["energy_mae_mev_per_atom"] = value
    energy, force, *others = fit_learning_curves(rows)
    assert f"left out: {words}" in energy.note
    assert energy.exponent == pytest.approx(0.45, abs=0.03)
    assert all("left out" not in law.note for law in (force, *others))


def test_a_method_whose_runs_all_failed_has_a_row_that_says_so(learning_curve):
    rows = learning_curve(LAWS)
    for row in rows:
        if row["method"] == "scratch":
            row["energy_mae_mev_per_atom"] = float("nan")
    failed = fit_learning_curves(rows)[0]
    assert (failed.method, failed.form, failed.exponent) == ("scratch", "not fitted", None)
    assert "no size above 0 with an error" in failed.note
    assert "and 10 more" in failed.note
    assert failed.law is None


def test_one_size_and_one_seed(learning_curve):
    law = fit_learning_curves(learning_curve(LAWS, sizes=(32,)))[0]
    assert law.form == "not fitted"
    assert law.note == "one size only (32), a law needs two"
    assert (law.n_sizes, law.smallest_size, law.largest_size, law.n_seeds) == (1, 32, 32, 3)
    law = fit_learning_curves(learning_curve(LAWS, seeds=(0,)))[0]
    assert law.exponent is not None
    assert law.exponent_low is None
    assert law.exponent_high is None
    assert "one seed: no interval" in law.note


def test_two_sizes_are_a_law_with_a_warning(learning_curve):
    law = fit_learning_curves(learning_curve(LAWS, sizes=(10, 100)))[0]
    assert law.form == "power law"
    assert law.n_sizes == 2
    assert "two sizes" in law.note


def test_metrics_without_labels_have_no_rows(learning_curve):
    assert {law.metric for law in fit_learning_curves(learning_curve(LAWS))} == set(METRICS)
    only = fit_learning_curves(learning_curve(LAWS), metrics=[METRICS[1]])
    assert [law.metric for law in only] == [METRICS[1]] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.append(dict(rows[0])), "method scratch, size 10, seed 0: two rows"),
        (lambda rows: rows.clear(), "no rows"),
        (lambda rows: [row.pop("seed") for row in rows], "lacks the column seed"),
        (lambda rows: rows[0].update(size=3.5), "size is 3.5, not a whole number"),
        (lambda rows: rows[0].update(size="many"), "size is 'many'"),
        (
            lambda rows: rows[0].update(energy_mae_mev_per_atom="low"),
            "size 10, seed 0: energy_mae_mev_per_atom is 'low', which is not a number",
        ),
    ],
)
def test_tables_that_cannot_be_read_are_refused(learning_curve, change, message):
    rows = learning_curve(LAWS)
    change(rows)
    with pytest.raises(StudyError, match=message):
        fit_learning_curves(rows)


def test_means_are_geometric_and_hold_size_zero(learning_curve, tmp_path):
    rows = learning_curve(LAWS, zero={"target_reference": 190.0})
    means = learning_curve_means(rows)
    assert len(means) == 2 * (5 + 5 + 1)
    first = means[0]
    errors = [row[METRICS[0]] for row in rows if row["method"] == "scratch" and row["size"] == 10]
    assert first.mean == pytest.approx(np.prod(errors) ** (1 / 3))
    assert (first.lowest, first.highest, first.n_seeds) == (min(errors), max(errors), 3)
    zero = [mean for mean in means if mean.size == 0]
    assert [(m.method, m.mean, m.n_seeds) for m in zero] == [
        ("target_reference", 190.0, 1),
        ("target_reference", 380.0, 1),
    ]
    write_means(tmp_path / "means.csv", means)
    assert len(pd.read_csv(tmp_path / "means.csv")) == len(means)
