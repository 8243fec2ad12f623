"""The table of stability: groups, gains over the baseline, and what is not known."""

import pytest

from rungs.errors import StudyError
from rungs.scaling.answers.stability import SURVIVAL_COLUMNS, stability_rows, survival_rows

BASELINES = dict.fromkeys(("scratch", "copied", "transfer", "target_reference"), "scratch")


def row(method, size, seed, temperature, stable_ps, reason="", planned=5.0):
    return {
        "method": method,
        "size": str(size),
        "seed": str(seed),
        "temperature_k": str(temperature),
        "planned_ps": str(planned),
        "stable_ps": str(stable_ps),
        "stable": str(not reason),
        "reason": reason,
    }


@pytest.fixture
def simulations():
    rows = []
    for seed in (0, 1, 2):
        for temperature in (300.0, 1200.0):
            broke = temperature > 1000 or seed == 0
            rows.append(
                row("scratch", 10, seed, temperature, 1 + seed if broke else 5, "distance" * broke)
            )
            hot = temperature > 1000 and seed == 2
            rows.append(row("transfer", 10, seed, temperature, 2 if hot else 5, "overlap" * hot))
    rows.append(row("transfer", 0, 0, 300.0, 0.5, "temperature"))
    rows += [row("reference", 0, -1, temperature, 5) for temperature in (300.0, 1200.0)]
    return rows


def test_rows_of_points_and_temperatures(simulations):
    table = stability_rows(simulations, BASELINES)
    keys = [(r.method, r.size, r.temperature_k) for r in table]
    assert keys[:3] == [("scratch", 10, None), ("scratch", 10, 300.0), ("scratch", 10, 1200.0)]
    assert len(keys) == len(set(keys)) == 3 + 3 + 2 + 3
    scratch = table[0]
    assert (scratch.n_models, scratch.n_simulations, scratch.n_stable) == (3, 6, 2)
    assert scratch.stable_share == pytest.approx(1 / 3)
    assert scratch.stable_share_low < 1 / 3 < scratch.stable_share_high
    assert scratch.mean_stable_ps == pytest.approx((1 + 1 + 5 + 2 + 5 + 3) / 6)
    assert 0 < scratch.mean_stable_low < scratch.mean_stable_ps < scratch.mean_stable_high <= 5
    assert scratch.median_stable_ps == 2
    assert scratch.reasons == "distance 4"
    assert scratch.gain_share is None


def test_gains_are_paired_by_seed(simulations):
    table = {(r.method, r.size, r.temperature_k): r for r in stability_rows(simulations, BASELINES)}
    transfer = table["transfer", 10, None]
    # seeds 0, 1, 2: stable shares 1, 1, 1/2 against 0, 1/2, 1/2
    assert transfer.gain_share == pytest.approx((1 + 0.5 + 0) / 3)
    assert transfer.gain_share_low < 0 < transfer.gain_share_high
    assert transfer.gain_ps == pytest.approx(((5 - 1) + (5 - 3.5) + (3.5 - 4)) / 3)
    assert transfer.median_stable_ps is None
    assert table["transfer", 0, None].gain_share is None


def test_one_model_has_no_interval_and_the_reference_needs_none(simulations):
    table = {(r.method, r.size, r.temperature_k): r for r in stability_rows(simulations, BASELINES)}
    pretrained = table["transfer", 0, None]
    assert pretrained.stable_share_low is None
    assert pretrained.mean_stable_low is None
    reference = table["reference", 0, None]
    assert reference.stable_share == 1
    assert 0.3 < reference.stable_share_low < 1
    assert reference.gain_ps is None


def test_without_scatter_no_interval_of_times(simulations):
    table = {(r.method, r.size, r.temperature_k): r for r in stability_rows(simulations, BASELINES)}
    cold = table["transfer", 10, 300.0]
    assert (cold.mean_stable_ps, cold.mean_stable_low) == (5.0, None)
    # but the share still says that three models are few
    assert cold.stable_share_low < 0.7


def test_steps_of_the_survival(simulations):
    rows = survival_rows(simulations)
    assert all(tuple(r) == SURVIVAL_COLUMNS for r in rows)
    steps = [r for r in rows if (r["method"], r["temperature_k"]) == ("scratch", None)]
    assert [r["time_ps"] for r in steps] == [0, 1, 2, 3, 5]
    assert [r["survival"] for r in steps] == pytest.approx([1, 4 / 6, 3 / 6, 2 / 6, 2 / 6])
    assert all(0 <= r["low"] <= r["survival"] <= r["high"] <= 1 for r in steps)
    single = [r for r in rows if (r["method"], r["size"]) == ("transfer", 0)]
    assert {r["low"] for r in single} == {None}


def test_a_damaged_row_is_named(simulations):
    simulations[0]["stable_ps"] = ""
    with pytest.raises(StudyError, match="scratch, 10 frames: stable_ps is ''"):
        stability_rows(simulations)
