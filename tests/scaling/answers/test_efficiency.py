from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rungs.errors import StudyError
from rungs.scaling import Law, data_efficiency, fit_learning_curves, write_efficiency
from rungs.scaling.answers.efficiency import EfficiencyRow

SCRATCH = Law(900, 0.45)
ENERGY = "energy_mae_mev_per_atom"


def table(rows, floor=True, **options):
    found = data_efficiency(rows, fit_learning_curves(rows, floor=floor), **options)
    return {(row.method, row.size): row for row in found if row.metric == ENERGY}


def test_equivalent_frames_follow_from_both_laws(learning_curve):
    # With equal exponents the gain is the same factor at every size: (900/450)^(1/0.45) = 4.67.
    laws = {"scratch": SCRATCH, "transfer": Law(450, 0.45)}
    rows = table(learning_curve(laws, scatter=0.0))
    assert {method for method, _ in rows} == {"transfer"}
    gain = 2 ** (1 / 0.45)
    for size in (10, 32, 100):
        row = rows["transfer", size]
        assert row.scratch_equivalent_frames == pytest.approx(gain * size)
        assert row.frames_per_frame == pytest.approx(gain)
        assert row.mean_error == pytest.approx(450 * size**-0.45)
    assert rows["transfer", 1000].scratch_equivalent_frames is None
    assert rows["transfer", 1000].note == "out of range: scratch needs more than 1000 frames"


def test_zero_frames_and_both_ends_of_the_range(learning_curve):
    laws = {"scratch": SCRATCH, "good": Law(20, 0.01), "bad": Law(1500, 0.1)}
    rows = table(learning_curve(laws, zero={"good": float(SCRATCH(50)), "bad": 1600.0}))
    zero = rows["good", 0]
    assert zero.scratch_equivalent_frames == pytest.approx(50, rel=0.1)
    assert zero.frames_per_frame is None
    assert "one pretrained model" in zero.note
    assert zero.equivalent_low < zero.scratch_equivalent_frames < zero.equivalent_high
    assert rows["bad", 0].note == (
        "out of range: scratch needs fewer than 10 frames; "
        "one pretrained model: the interval is that of the baseline's law"
    )
    assert rows["bad", 10].scratch_equivalent_frames is None
    assert "more than 1000" in rows["good", 100].note


def test_beyond_the_range_the_interval_says_on_which_side_for_certain(learning_curve):
    laws = {"scratch": SCRATCH, "good": Law(20, 0.01), "bad": Law(1500, 0.1)}
    rows = table(learning_curve(laws))
    good, bad = rows["good", 10], rows["bad", 10]
    assert (good.equivalent_low, good.equivalent_high) == (1000, None)
    assert good.transferred_interval == (990, None)
    assert good.note == "out of range: scratch needs more than 1000 frames"
    assert (bad.equivalent_low, bad.equivalent_high) == (None, 10)
    assert bad.note == "out of range: scratch needs fewer than 10 frames"
    assert rows["good", 1000].saves is True
    assert (bad.saves, rows["bad", 1000].saves) == (False, False)


def test_a_mean_beyond_the_range_within_its_interval_decides_nothing(learning_curve, at_odds):
    rows = learning_curve({"scratch": Law(90, 0.02), "transfer": Law(75, 0.0)}, scatter=0.0)
    at_odds(rows, 0.3)
    beyond = [row for row in table(rows).values() if row.note.startswith("out of range: scratch")]
    assert beyond
    for row in beyond:
        assert row.scratch_equivalent_frames is None
        assert row.saves is None


def test_materials_that_leave_it_open_are_not_passed_over():
    row = EfficiencyRow("a", "b", ENERGY, 10, 1.0, equivalent_low=1000.0)
    assert row.saves is True
    assert replace(row, n_materials=9).saves is None


def test_interval_holds_the_truth(learning_curve):
    rng = np.random.default_rng(5)
    gain, held = 2 ** (1 / 0.45), 0
    for _ in range(150):
        rows = learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)}, scatter=0.0)
        for row in rows:
            row[ENERGY] *= np.exp(0.08 * rng.normal())
        row = table(rows, floor=False)["transfer", 100]
        low, high = row.equivalent_low, row.equivalent_high
        held += (low is None or low < 100 * gain) and (high is None or 100 * gain < high)
    assert held / 150 == pytest.approx(0.9, abs=0.07)


def test_luck_that_both_curves_share_cancels(learning_curve):
    # The same seeds with the same factors on both curves: only the common size of the factor is
    # uncertain, not the gain.
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)}, scatter=0.0)
    for row in rows:
        row[ENERGY] *= np.exp(0.05 * (row["seed"] - 1))
    row = table(rows)["transfer", 100]
    assert row.equivalent_high / row.equivalent_low < 1.02
    # Without the pairing there would be nothing to cancel.
    for row in rows:
        if row["method"] == "transfer":
            row[ENERGY] *= np.exp(-0.1 * (row["seed"] - 1))
    row = table(rows)["transfer", 100]
    assert row.equivalent_high / row.equivalent_low > 1.5


def test_ends_of_the_interval_are_not_extrapolated(learning_curve):
    rows = table(
        learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)}, scatter=0.3), level=0.99
    )
    row = rows["transfer", 32]
    assert row.scratch_equivalent_frames is not None
    assert row.equivalent_low is None or row.equivalent_low >= 10
    assert row.equivalent_high is None or row.equivalent_high <= 1000
    assert (row.equivalent_high is None) == ("upper end out of range" in row.note)
    assert (row.equivalent_low is None) == ("lower end out of range" in row.note)
    assert None in (row.equivalent_low, row.equivalent_high)


def test_cases_without_interval_or_law_say_so(learning_curve):
    laws = {"scratch": SCRATCH, "transfer": Law(450, 0.45)}
    one_seed = table(learning_curve(laws, seeds=(0,)))["transfer", 32]
    assert one_seed.scratch_equivalent_frames is not None
    assert (one_seed.equivalent_low, one_seed.note) == (None, "one seed: no interval")
    rows = [row for row in learning_curve(laws) if row["method"] == "scratch" or row["seed"] < 2]
    assert "not the same seeds" in table(rows)["transfer", 32].note
    one_size = [
        row for row in learning_curve(laws) if row["method"] != "scratch" or row["size"] == 10
    ]
    assert "scratch has no law" in table(one_size)["transfer", 32].note
    flat = learning_curve({"scratch": Law(100, -0.1), "transfer": Law(90, 0.1)})
    assert "does not fall" in table(flat)["transfer", 32].note


def test_baseline_with_floor(learning_curve):
    laws = {"scratch": Law(900, 0.7, 40), "transfer": Law(450, 0.7, 38)}
    rows = learning_curve(laws, sizes=(10, 32, 100, 320, 1000, 3200), scatter=0.01)
    fitted = fit_learning_curves(rows)
    assert fitted[0].form == "power law with floor"
    row = table(rows)["transfer", 32]
    assert row.scratch_equivalent_frames == pytest.approx(
        Law(900, 0.7, 40).size_for(row.mean_error), rel=0.1
    )
    assert row.equivalent_low < row.scratch_equivalent_frames < row.equivalent_high


def test_unknown_baseline_is_refused(learning_curve):
    rows = learning_curve({"transfer": SCRATCH})
    with pytest.raises(StudyError, match="method scratch: not in the learning curve"):
        data_efficiency(rows, fit_learning_curves(rows))


def test_table_is_written(learning_curve, tmp_path):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)})
    found = data_efficiency(rows, fit_learning_curves(rows))
    write_efficiency(tmp_path / "efficiency.csv", found)
    back = pd.read_csv(tmp_path / "efficiency.csv")
    assert len(back) == 10
    assert back["scratch_equivalent_frames"].isna().sum() == 4
