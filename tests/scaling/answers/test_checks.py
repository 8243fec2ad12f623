import numpy as np
import pandas as pd
import pytest

from rungs.scaling import Law, fit_learning_curves
from rungs.scaling.answers.checks import check_laws, write_checks

ENERGY = "energy_mae_mev_per_atom"


def check(rows, **options):
    found = check_laws(rows, fit_learning_curves(rows), **options)
    return next(row for row in found if row.metric == ENERGY)


def test_a_power_law_foretells_its_largest_size(learning_curve):
    row = check(learning_curve({"scratch": Law(900, 0.45)}, scatter=0.01))
    assert row.largest_size == 1000
    assert row.predicted_error == pytest.approx(900 * 1000**-0.45, rel=0.05)
    assert abs(row.prediction_error) < 0.05
    assert row.predicted_low < row.predicted_error < row.predicted_high
    assert row.exponent_without_smallest == pytest.approx(row.line_exponent, abs=0.02)
    assert (row.line_from, row.note) == (100, "")
    assert row.aicc_line < row.aicc_break


def test_a_plateau_is_seen_by_every_check(learning_curve):
    law = Law(200, 0.02, break_size=100.0, exponent_after=0.6)
    row = check(learning_curve({"scratch": law}, scatter=0.02))
    assert row.form == "broken power law"
    assert row.prediction_error > 0.15
    assert "lies above what was found, beyond its interval" in row.note
    assert row.exponent_without_smallest > row.line_exponent + 0.04
    assert row.exponent_above > row.exponent_without_smallest
    assert row.aicc_break < row.aicc_line - 2
    assert abs(row.worst_misfit) < 0.1


def test_misfit_names_the_worst_size(learning_curve):
    rows = learning_curve({"scratch": Law(900, 0.45)}, scatter=0.0, sizes=(10, 32, 100, 320))
    for row in rows:
        row[ENERGY] *= 1.5 if row["size"] == 100 else 1.0
    row = check(rows)
    assert row.worst_size == 100
    assert row.worst_misfit == pytest.approx(-0.25, abs=0.08)


def test_line_above_a_chosen_size(learning_curve):
    rows = learning_curve({"scratch": Law(900, 0.45)})
    assert check(rows, line_from=320).line_from == 320
    none = check(rows, line_from=1000)
    assert none.exponent_above is None
    assert "fewer than two sizes from 1000 on" in none.note


@pytest.mark.parametrize("n_sizes", [1, 2])
def test_too_few_sizes_are_said(learning_curve, n_sizes):
    row = check(learning_curve({"scratch": Law(900, 0.45)}, sizes=(10, 100)[:n_sizes]))
    assert row.predicted_error is None
    assert "size" in row.note


def test_one_seed_has_no_interval(learning_curve):
    row = check(learning_curve({"scratch": Law(900, 0.45)}, seeds=(0,)))
    assert row.predicted_error is not None
    assert row.predicted_low is None
    assert row.note == "one seed: no interval"


def test_intervals_of_predictions_hold_the_truth(learning_curve):
    rng, held, rows = np.random.default_rng(3), 0, learning_curve({"a": Law(900, 0.45)}, scatter=0)
    for _ in range(60):
        noisy = [row | {ENERGY: row[ENERGY] * np.exp(0.05 * rng.normal())} for row in rows]
        row = check(noisy, n_resamples=50)
        held += row.predicted_low < 900 * 1000**-0.45 < row.predicted_high
    assert held > 46


def test_table_is_written(learning_curve, tmp_path):
    rows = learning_curve({"scratch": Law(900, 0.45)})
    write_checks(tmp_path / "checks.csv", check_laws(rows, fit_learning_curves(rows)))
    assert len(pd.read_csv(tmp_path / "checks.csv")) == 2
