import numpy as np
import pandas as pd
import pytest

from rungs.errors import StudyError
from rungs.scaling import Law, fit_learning_curves
from rungs.scaling.answers.plan import (
    CATCH_UP,
    ERROR,
    FRAMES,
    GAIN,
    Price,
    make_plan,
    usual_questions,
    write_plan,
)
from rungs.scaling.answers.plan_text import plan_text

ENERGY = "energy_mae_mev_per_atom"
FORCE = "force_mae_mev_per_angstrom"
LAWS = {"scratch": Law(900, 0.45), "transfer": Law(300, 0.25)}
CROSSING = 3 ** (1 / 0.2)  # 900 N^-0.45 = 300 N^-0.25


def ask(rows, error=60.0, floor=True, **options):
    laws = fit_learning_curves(rows, floor=floor)
    found = make_plan(rows, laws, errors={ENERGY: error}, **options)
    return {(answer.method, answer.question): answer for answer in found}


def test_answers_follow_from_the_laws(learning_curve):
    found = ask(learning_curve(LAWS, scatter=0.0), budget=200, more=300)
    frames = found["scratch", FRAMES]
    assert frames.answer == pytest.approx((900 / 60) ** (1 / 0.45), rel=1e-3)
    assert (frames.reaches_from, frames.reaches_to) == (10, 1000)
    assert found["transfer", ERROR].answer == pytest.approx(300 * 200**-0.25)
    gain = 900 * (200**-0.45 - 500**-0.45)
    assert found["scratch", GAIN].answer == pytest.approx(gain)
    assert found["transfer", CATCH_UP].answer == pytest.approx(CROSSING, rel=1e-3)
    assert ("scratch", CATCH_UP) not in found


def test_answers_lie_within_their_intervals_and_these_widen_with_scatter(learning_curve):
    width = {}
    for scatter in (0.01, 0.04):
        found = ask(learning_curve(LAWS, scatter=scatter), budget=100, more=100)
        for key, answer in found.items():
            assert answer.low < answer.answer < answer.high, key
        width[scatter] = found["scratch", FRAMES].high - found["scratch", FRAMES].low
    assert width[0.04] > 2 * width[0.01]


def intervals_that_hold(learning_curve, n):
    rng = np.random.default_rng(11)
    truth = {
        ("scratch", FRAMES): (900 / 60) ** (1 / 0.45),
        ("transfer", FRAMES): (300 / 60) ** 4,
        ("scratch", ERROR): 900 * 100**-0.45,
        ("scratch", GAIN): 900 * (100**-0.45 - 400**-0.45),
        ("transfer", CATCH_UP): CROSSING,
    }
    held = dict.fromkeys(truth, 0)
    rows = learning_curve(LAWS, scatter=0.0)
    for _ in range(n):
        noisy = [row | {ENERGY: row[ENERGY] * np.exp(0.05 * rng.normal())} for row in rows]
        found = ask(noisy, floor=False, budget=100, more=300)
        for key, true in truth.items():
            low, high = found[key].low, found[key].high
            held[key] += (low is None or low < true) and (high is None or true < high)
    return {key: count / n for key, count in held.items()}


def test_intervals_hold_the_truth(learning_curve):
    for key, share in intervals_that_hold(learning_curve, 120).items():
        assert share == pytest.approx(0.9, abs=0.08), key


@pytest.mark.slow
def test_coverage_of_the_answers(learning_curve):
    for key, share in intervals_that_hold(learning_curve, 1500).items():
        assert 0.85 < share < 0.95, key


def test_nothing_is_read_off_beyond_the_curve(learning_curve):
    rows = learning_curve(LAWS, scatter=0.01)
    found = ask(rows, error=20.0, budget=900, more=300)
    assert found["scratch", FRAMES].answer is None
    assert "out of range: at 1000 frames the error is still 4" in found["scratch", FRAMES].note
    assert found["scratch", ERROR].answer is not None
    assert found["scratch", GAIN].note == "out of range: the curve ends at 1000 frames"
    assert ask(rows, budget=5)["scratch", ERROR].note == (
        "out of range: the curve begins at 10 frames"
    )
    already = ask(rows, error=500.0)["scratch", FRAMES]
    assert already.answer is None
    assert "at 10 frames the error is already 3" in already.note


def test_an_interval_may_reach_into_the_curve_from_beyond(learning_curve):
    rows = learning_curve({"scratch": Law(900, 0.45)}, scatter=0.15)
    end = fit_learning_curves(rows, floor=False)[0].law(1000)
    answer = ask(rows, error=0.98 * float(end), floor=False)["scratch", FRAMES]
    assert answer.answer is None
    assert 300 < answer.low < 1000
    assert "the interval reaches down to" in answer.note


def test_scratch_ahead_and_behind_throughout(learning_curve):
    laws = {"scratch": Law(900, 0.45), "good": Law(200, 0.45), "bad": Law(3000, 0.45)}
    found = ask(learning_curve(laws, scatter=0.01))
    assert "still behind at 1000" in found["good", CATCH_UP].note
    assert "ahead from 10 frames on" in found["bad", CATCH_UP].note
    assert found["good", CATCH_UP].answer is found["bad", CATCH_UP].answer is None


def test_the_pretrained_model_may_be_enough(learning_curve):
    rows = learning_curve(LAWS, zero={"transfer": 50.0})
    answer = ask(rows)["transfer", FRAMES]
    assert answer.answer == 0
    assert "without a frame, and loses it again when trained on 10" in answer.note
    assert ask(rows, error=40.0)["transfer", FRAMES].answer != 0


def test_luck_that_both_share_cancels_in_the_crossing(learning_curve):
    rows = learning_curve(LAWS, scatter=0.0)
    for row in rows:
        row[ENERGY] *= np.exp(0.1 * (row["seed"] - 1))
    answer = ask(rows, floor=False)["transfer", CATCH_UP]
    assert answer.high / answer.low < 1.05


def test_one_seed_and_too_few_sizes_are_said(learning_curve):
    one = ask(learning_curve(LAWS, seeds=(0,)), budget=100, more=100)
    for answer in one.values():
        assert answer.answer is not None
        assert answer.low is answer.high is None
        assert "one seed: no interval" in answer.note
    lone = ask(learning_curve(LAWS, sizes=(10,)), budget=10)
    assert all("no law: one size only" in answer.note for answer in lone.values())
    rising = ask(learning_curve({"scratch": Law(20, -0.2)}, scatter=0.0))["scratch", FRAMES]
    assert rising.answer is None


def test_a_law_that_misses_its_points_is_said(learning_curve):
    rows = learning_curve({"scratch": Law(900, 0.45)}, scatter=0.01)
    for row in rows:
        row[ENERGY] *= 0.6 if row["size"] == 100 else 1.0
    answer = ask(rows, floor=False, budget=100)["scratch", ERROR]
    assert "above the mean error at 100 frames" in answer.note


def test_prices(learning_curve):
    rows = learning_curve(LAWS, scatter=0.01)
    found = ask(rows, budget=200, more=300, price=Price(12, "core-hours"))
    frames = found["scratch", FRAMES]
    assert frames.cost == pytest.approx(12 * frames.answer)
    assert frames.cost_high == pytest.approx(12 * frames.high)
    assert found["scratch", ERROR].cost == 2400
    assert found["scratch", GAIN].cost == 3600
    assert ask(rows)["scratch", FRAMES].cost_unit == "calculations"
    assert ask(rows, error=1.0)["scratch", FRAMES].cost is None


def test_usual_questions_are_those_of_the_baseline(learning_curve):
    rows = learning_curve(LAWS, scatter=0.0)
    errors, budget, more = usual_questions(rows, [ENERGY, "absent"])
    assert (budget, more) == (320, 680)
    assert errors == {ENERGY: 41.0}  # 900 · 1000^−0.45 = 40.2, rounded up so that it is reached
    without = usual_questions(rows, [ENERGY], None)
    assert without[0] == errors  # the first method stands in


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"error": 0.0}, "an error of 0 cannot be asked for"),
        ({"error": float("nan")}, "an error of nan"),
        ({"budget": 0}, "budget: 0 frames"),
        ({"baseline": "nobody"}, "method nobody: not in the learning curve"),
    ],
)
def test_impossible_questions_are_refused(learning_curve, options, words):
    with pytest.raises(StudyError, match=words):
        ask(learning_curve(LAWS), **options)


def test_table_and_text(learning_curve, tmp_path):
    rows = learning_curve(LAWS, scatter=0.01)
    laws = fit_learning_curves(rows)
    price = Price(12, "core-hours")
    answers = make_plan(
        rows, laws, errors={ENERGY: 60.0, FORCE: 10.0}, budget=200, more=50, price=price
    )
    write_plan(tmp_path / "plan.csv", answers)
    assert len(pd.read_csv(tmp_path / "plan.csv")) == 14
    text = plan_text(answers, "A study", "r2SCAN")
    assert "r2SCAN frames for a MAE of energy of 60 meV/atom:" in text
    assert "Fall of the MAE of energy from 50 frames on top of 200, in meV/atom:" in text
    assert "core-hours (" in text
    assert "out of range: at 1000 frames the error is still" in text
    assert not any(line.endswith(" ") for line in text.splitlines())
