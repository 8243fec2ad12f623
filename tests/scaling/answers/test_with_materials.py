"""Intervals from seeds and test materials: in the laws, in data efficiency, in the answer."""

import numpy as np
import pytest

from rungs.scaling import Law, data_efficiency, fit_learning_curves, learning_curve_means
from rungs.scaling.answers.plan import CATCH_UP, FRAMES, Price, make_plan
from rungs.scaling.answers.plan_text import plan_text
from rungs.scaling.answers.sentences import pretraining_answer
from rungs.scaling.answers.words import rounded
from rungs.scaling.intervals.material_draws import draw_materials

SIZES = np.array([10, 32, 100, 320, 1000])
LAWS = {"scratch": Law(900, 0.45), "transfer": Law(350, 0.32)}
ENERGY = "energy_mae_mev_per_atom"


def study(
    rng,
    n_seeds=3,
    n_materials=40,
    *,
    laws=LAWS,
    sizes=SIZES,
    seeds=0.05,
    material=0.6,
    tilt=0.08,
    own=0.3,
    noise=0.2,
):
    """Learning curve and errors by material of a study that was drawn at random.

    Standard deviations on log errors: ``seeds`` of a seed's curve and again of each of its runs;
    ``material`` of what a material does to all runs, ``tilt`` of the exponents of the materials,
    half of it common to both methods, ``own`` of what a material does to one method, ``noise`` of
    what it does to one run. Over all materials that there are, the mean error of a method follows
    its law.
    """
    x = np.log(sizes) - np.log(sizes).mean()
    common = material * rng.normal(size=n_materials)
    common_tilt = tilt * rng.normal(size=n_materials)
    curve, errors = [], []
    for method, law in laws.items():
        level = common + own * rng.normal(size=n_materials)
        tilts = common_tilt + tilt * rng.normal(size=n_materials)
        for seed in range(n_seeds):
            of_seed = seeds * rng.normal()
            for i, size in enumerate(sizes):
                variance = material**2 + own**2 + 2 * (tilt * x[i]) ** 2 + noise**2
                z = level + tilts * x[i] + noise * rng.normal(size=n_materials) - 0.5 * variance
                mae = law(size) * np.exp(of_seed + seeds * rng.normal() + z)
                run = {"method": method, "size": int(size), "seed": seed}
                curve.append({**run, ENERGY: mae.mean()})
                errors += [
                    {**run, "material_id": k, "property": "energy", "mae": e, "n": 1}
                    for k, e in enumerate(mae)
                ]
    return curve, errors


def tables(curve, errors, *, floor=False, n_draws=200):
    materials = draw_materials(errors, n_draws=n_draws)
    laws = fit_learning_curves(curve, floor=floor, materials=materials)
    return laws, data_efficiency(curve, laws, materials=materials)


def coverage(n_studies, rng_seed=0, **scatter):
    """Share of studies whose intervals hold the exponent and the equivalent frames of all
    materials: [exponent, equivalent] from seeds and materials, then from the seeds alone."""
    rng = np.random.default_rng(rng_seed)
    true = LAWS["scratch"].size_for(float(LAWS["transfer"](100)))
    held = np.zeros((2, 2))
    for _ in range(n_studies):
        laws, efficiency = tables(*study(rng, **scatter))
        law = next(row for row in laws if row.method == "scratch")
        row = next(row for row in efficiency if row.size == 100)
        for i, suffix in enumerate(("_with_materials", "")):
            low, high = (getattr(law, f"exponent_{end}{suffix}") for end in ("low", "high"))
            held[i, 0] += low < 0.45 < high
            low, high = (getattr(row, f"equivalent_{end}{suffix}") for end in ("low", "high"))
            held[i, 1] += (low is None or low < true) and (high is None or true < high)
    return held / n_studies


def test_intervals_hold_the_truth_of_all_materials():
    with_materials, seeds_alone = coverage(120, n_materials=20)
    # 120 studies: a share of 0.9 scatters by 0.027.
    assert with_materials == pytest.approx([0.9, 0.9], abs=0.07)
    assert (seeds_alone < 0.8).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_seeds", "n_materials", "scatter"),
    [
        (3, 5, {}),
        (3, 10, {}),
        (3, 40, {}),
        (5, 40, {}),
        (3, 40, {"seeds": 0.15}),
        (3, 40, {"seeds": 0.02}),
        (3, 40, {"tilt": 0.02, "own": 0.05}),
    ],
)
def test_coverage_over_many_studies(n_seeds, n_materials, scatter):
    with_materials, _ = coverage(
        1000, rng_seed=11, n_seeds=n_seeds, n_materials=n_materials, **scatter
    )
    assert (with_materials > 0.85).all(), with_materials
    assert (with_materials < 0.95).all(), with_materials


def test_materials_that_both_methods_find_hard_cancel():
    rng = np.random.default_rng(4)
    laws, efficiency = tables(*study(rng, tilt=0.0, own=0.0, noise=0.0))
    for law in laws:
        assert law.n_materials == 40
        assert law.exponent_low_with_materials == pytest.approx(law.exponent_low)
        assert law.exponent_high_with_materials == pytest.approx(law.exponent_high)
        # The height of a curve does not cancel.
        assert law.prefactor_high_with_materials > 1.02 * law.prefactor_high
    row = next(row for row in efficiency if row.size == 100)
    assert row.equivalent_low_with_materials == pytest.approx(row.equivalent_low)
    assert row.equivalent_high_with_materials == pytest.approx(row.equivalent_high)


def test_what_materials_do_to_one_method_widens():
    laws, efficiency = tables(*study(np.random.default_rng(4), tilt=0.2, own=0.6, seeds=0.02))
    for law in laws:
        assert law.exponent_low_with_materials < law.exponent_low < law.exponent
        assert law.exponent < law.exponent_high < law.exponent_high_with_materials
    row = next(row for row in efficiency if row.size == 100)
    assert row.equivalent_low_with_materials < 0.9 * row.equivalent_low
    assert row.n_materials == 40


def test_no_interval_is_narrower_than_from_the_seeds():
    for rng_seed in range(20):
        laws, efficiency = tables(
            *study(np.random.default_rng(rng_seed), n_materials=60, noise=0.4)
        )
        pairs = [
            (row, name)
            for rows, name in ((laws, "exponent"), (efficiency, "equivalent"))
            for row in rows
        ]
        for row, name in pairs:
            low, high = (getattr(row, f"{name}_{end}") for end in ("low", "high"))
            both = [getattr(row, f"{name}_{end}_with_materials") for end in ("low", "high")]
            assert both[0] is None or both[0] <= low * (1 + 1e-9)
            assert both[1] is None or both[1] >= high * (1 - 1e-9)


def test_all_ends_of_a_row_are_one_interval():
    _, efficiency = tables(*study(np.random.default_rng(1)))
    row = next(row for row in efficiency if row.size == 32)
    for suffix in ("", "_with_materials"):
        for end in ("low", "high"):
            equivalent = getattr(row, f"equivalent_{end}{suffix}")
            assert getattr(row, f"per_frame_{end}{suffix}") == pytest.approx(equivalent / 32)
            assert getattr(row, f"transferred_{end}{suffix}") == pytest.approx(equivalent - 32)
    assert row.per_frame_low < row.frames_per_frame < row.per_frame_high


@pytest.mark.parametrize(
    ("law", "columns"),
    [
        (Law(300, 0.6, 15), ("exponent", "prefactor", "floor")),
        (
            Law(300, 0.05, break_size=150, exponent_after=0.6),
            ("exponent", "prefactor", "break", "exponent_after"),
        ),
    ],
)
def test_every_interval_of_a_law_has_one_with_materials(law, columns):
    sizes = np.array([10, 32, 100, 320, 1000, 3200])
    found, _ = tables(
        *study(
            np.random.default_rng(2),
            laws={"scratch": law},
            sizes=sizes,
            seeds=0.02,
            tilt=0.02,
            noise=0.02,
        ),
        floor=True,
    )
    assert found[0].law.form == law.form
    for name in ("exponent", "prefactor", "floor", "break", "exponent_after"):
        ends = [getattr(found[0], f"{name}_{end}") for end in ("low", "high")]
        both = [getattr(found[0], f"{name}_{end}_with_materials") for end in ("low", "high")]
        if name in columns:
            assert both[0] <= ends[0] < ends[1] <= both[1]
        else:
            assert [*ends, *both] == [None] * 4


def sentence(curve, errors):
    laws, efficiency = tables(curve, errors)
    return pretraining_answer(
        learning_curve_means(curve), laws, efficiency, pretrained=["transfer"], baseline="scratch"
    )[0]


def test_the_answer_says_what_its_interval_is_over():
    curve, errors = study(np.random.default_rng(1))
    both = sentence(curve, errors)
    assert "over seeds and 40 test materials" in both
    few = [row for row in errors if row["material_id"] < 3]
    alone = sentence(curve, few)
    assert "over the seeds alone" in alone
    assert alone.replace("over the seeds alone", "") != both
    one_seed = sentence(*study(np.random.default_rng(1), n_seeds=1))
    assert "one seed: no interval" in one_seed


def test_runs_that_the_table_of_materials_lacks_leave_the_seeds_alone():
    curve, errors = study(np.random.default_rng(1))
    fewer = [row for row in errors if (row["method"], row["size"]) != ("scratch", 320)]
    laws, efficiency = tables(curve, fewer)
    found = {row.method: row.n_materials for row in laws}
    assert found == {"scratch": None, "transfer": 40}
    assert all(row.n_materials is None for row in efficiency)
    assert any(row.equivalent_low is not None for row in efficiency)


def plan_of(curve, errors, error=100.0):
    materials = draw_materials(errors, n_draws=200)
    laws = fit_learning_curves(curve, floor=False, materials=materials)
    price = Price(2.0, "core-hours")
    found = make_plan(
        curve, laws, errors={ENERGY: error}, budget=100, more=200, price=price, materials=materials
    )
    return {(answer.method, answer.question): answer for answer in found}


def test_a_plan_has_intervals_with_materials():
    found = plan_of(*study(np.random.default_rng(3)))
    for answer in found.values():
        assert answer.n_materials == 40
        if answer.answer is None:
            # The curve ends before; the wider interval may reach into it all the same.
            assert "with the test materials: " in answer.note
            continue
        for end, sign in (("low", 1), ("high", -1)):
            alone = getattr(answer, end)
            both = getattr(answer, f"{end}_with_materials")
            if both is not None:
                assert sign * both <= sign * alone * (1 + sign * 1e-9)
            else:
                assert f"{'lower' if end == 'low' else 'upper'} end" in answer.note
    frames = found["scratch", FRAMES]
    assert frames.low_with_materials < 0.9 * frames.low
    assert frames.cost_low_with_materials == pytest.approx(2 * frames.low_with_materials)
    assert frames.cost_high_with_materials == pytest.approx(2 * frames.high_with_materials)


def test_where_scratch_catches_up_materials_that_both_find_hard_cancel():
    laws = {"scratch": Law(900, 0.45), "transfer": Law(450, 0.30)}
    curve, errors = study(np.random.default_rng(4), laws=laws, tilt=0, own=0, noise=0, seeds=0.02)
    found = plan_of(curve, errors)
    crossing, frames = found["transfer", CATCH_UP], found["transfer", FRAMES]
    assert crossing.low_with_materials == pytest.approx(crossing.low)
    assert crossing.high_with_materials == pytest.approx(crossing.high)
    assert frames.low_with_materials < 0.9 * frames.low
    # Without the baseline's errors by material there is nothing to cancel against.
    fewer = [row for row in errors if row["method"] != "scratch"]
    alone = plan_of(curve, fewer)
    assert alone["transfer", CATCH_UP].n_materials is None
    assert alone["transfer", CATCH_UP].low == crossing.low
    assert alone["scratch", FRAMES].n_materials is None
    assert alone["transfer", FRAMES].n_materials == 40


def test_the_text_of_a_plan_says_what_its_intervals_are_over():
    curve, errors = study(np.random.default_rng(3))
    found = plan_of(curve, errors)
    text = plan_text(list(found.values()), "A study")
    assert "Intervals: 90 %, over seeds and 40 test materials." in text
    frames = found["scratch", FRAMES]
    low, high = frames.low_with_materials, frames.high_with_materials
    assert f"{rounded(low, 2)} to {rounded(high, 2)}" in text
    assert f"core-hours ({rounded(2 * low, 2)} to {rounded(2 * high, 2)})" in text
    alone = plan_text(list(plan_of(curve, []).values()), "A study")
    assert "Intervals: 90 %, over the seeds alone." in alone


def test_the_ratio_to_scratch_is_paired_by_seed_and_holds_the_truth():
    rng = np.random.default_rng(5)
    held = {"seeds": 0, "both": 0}
    n_studies = 60
    truth = LAWS["transfer"](100) / LAWS["scratch"](100)
    for _ in range(n_studies):
        curve, errors = study(rng, n_seeds=3, n_materials=30)
        laws = fit_learning_curves(curve)
        for name, materials in (("seeds", None), ("both", draw_materials(errors, n_draws=200))):
            rows = data_efficiency(curve, laws, materials=materials)
            (row,) = [r for r in rows if r.size == 100]
            assert row.scratch_ratio_low < row.scratch_ratio < row.scratch_ratio_high
            held[name] += row.scratch_ratio_low < truth < row.scratch_ratio_high
    assert 0.82 * n_studies <= held["both"] <= n_studies
    assert held["seeds"] < held["both"]
    by_hand = [
        np.log(a[ENERGY] / b[ENERGY])
        for a in curve
        for b in curve
        if (a["method"], a["size"]) == ("transfer", 100)
        and (b["method"], b["size"], b["seed"]) == ("scratch", 100, a["seed"])
    ]
    assert row.scratch_ratio == pytest.approx(np.exp(np.mean(by_hand)))


def test_without_the_same_seeds_at_a_size_there_is_no_ratio_to_scratch():
    curve, _ = study(np.random.default_rng(0))
    kept = [
        row for row in curve if (row["method"], row["size"], row["seed"]) != ("scratch", 100, 2)
    ]
    kept.append({"method": "transfer", "size": 0, "seed": 0, ENERGY: 500.0})
    rows = {row.size: row for row in data_efficiency(kept, fit_learning_curves(kept))}
    assert rows[100].scratch_ratio is None
    assert rows[0].scratch_ratio is None
    assert rows[10].scratch_ratio is not None
    one = [row for row in curve if row["seed"] == 0]
    first = data_efficiency(one, fit_learning_curves(one))[0]
    assert first.scratch_ratio > 0
    assert first.scratch_ratio_low is None
