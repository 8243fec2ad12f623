"""Survival curves against scipy's, and intervals that hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from rungs.scaling.intervals.survival import (
    Lifetimes,
    kaplan_meier,
    restricted_means,
    stable_share,
    survival_curve,
    wilson_interval,
)


def of(times, broken, seeds=None, **more):
    n = len(times)
    seeds = np.zeros(n, dtype=int) if seeds is None else np.asarray(seeds)
    return Lifetimes(np.asarray(times, float), np.asarray(broken, bool), seeds, **more)


@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=20).filter(
        lambda rows: any(broken for _, broken in rows)
    )
)
@settings(deadline=None)
def test_kaplan_meier_is_scipys(rows):
    times, broken = np.array([t for t, _ in rows], float), np.array([b for _, b in rows])
    events, survival = kaplan_meier(times, broken)
    theirs = ecdf(CensoredData.right_censored(times, ~broken)).sf
    assert survival[0] == 1
    assert events[0] == 0
    assert np.allclose(survival[1:], theirs.evaluate(events[1:]))


def test_a_weight_of_two_is_a_simulation_twice():
    times, broken = np.array([1.0, 2, 3, 4]), np.array([True, True, False, True])
    _, weighted = kaplan_meier(times, broken, np.array([[2.0, 1, 1, 0], [1, 1, 1, 1]]))
    _, twice = kaplan_meier(np.array([1.0, 1, 2, 3]), np.array([True, True, True, False]))
    assert np.allclose(weighted[0][:3], twice)
    assert np.allclose(weighted[1], kaplan_meier(times, broken)[1])


def test_median_and_what_the_plan_does_not_reach():
    half = survival_curve(of([1, 2, 5, 5], [1, 1, 0, 0]))
    assert half.median() == (2.0, None, None)
    most = survival_curve(of([1, 5, 5, 5], [1, 0, 0, 0], [0, 0, 1, 1]))
    assert most.median()[0] is None
    assert (most.low[0], most.high[0]) == (1, 1)
    assert most.low[1] < most.survival[1] < most.high[1] <= 1


def test_a_restricted_mean_is_the_mean_of_clipped_times():
    lifetimes = of([1, 2, 6, 6], [1, 1, 0, 0], [0, 0, 1, 1])
    mean, replicates = restricted_means(lifetimes, 6.0)
    assert mean == pytest.approx(15 / 4)
    assert sorted(replicates) == pytest.approx([1.5, 3.75, 6.0])
    assert restricted_means(lifetimes, 4.0)[0] == pytest.approx(11 / 4)


def test_simulations_of_one_model_are_not_independent():
    """Models that are all good or all bad: as many observations as models."""
    seeds = np.repeat([0, 1, 2, 3], 25)
    alike = of(np.full(100, 5.0), seeds % 2 == 0, seeds)
    mixed = of(np.full(100, 5.0), np.tile([True, False], 50), seeds)
    share, low, high = stable_share(alike)
    assert (share, low, high) == pytest.approx((0.5, *wilson_interval(0.5, 4)))
    assert stable_share(mixed)[1:] == pytest.approx(wilson_interval(0.5, 100))
    alone = of(np.full(100, 5.0), np.zeros(100), seeds)
    assert stable_share(alone)[1:] == pytest.approx(wilson_interval(1.0, 4))
    free = of(np.full(100, 5.0), np.zeros(100), np.full(100, -1), independent=True)
    assert stable_share(free)[1:] == pytest.approx(wilson_interval(1.0, 100))


def test_the_curve_ends_in_the_stable_share():
    """And where models do not differ by chance, the interval does not vanish."""
    lifetimes = of([1, 5, 2, 5, 5, 5], [1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 2, 2])
    curve = survival_curve(lifetimes)
    ends = curve.survival[-1], curve.low[-1], curve.high[-1]
    assert ends == pytest.approx(stable_share(lifetimes))
    alike = survival_curve(of([1, 5, 1, 5], [1, 0, 1, 0], [0, 0, 1, 1]))
    assert (alike.low[1], alike.high[1]) == pytest.approx(wilson_interval(0.5, 4))
    free = survival_curve(of([1, 5, 5, 5], [1, 0, 0, 0], independent=True))
    assert (free.low[1], free.high[1]) == pytest.approx(wilson_interval(0.75, 4))
    assert survival_curve(of([1, 5], [1, 0])).low is None


def test_wilsons_interval_of_a_textbook():
    """Newcombe, Stat. Med. 17, 857 (1998), Table I: 81 of 263 and 0 of 20, 95 %."""
    assert wilson_interval(81 / 263, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0.0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=1e-4)


@pytest.mark.parametrize(("share", "correlation"), [(0.5, 0.3), (0.8, 0.1), (0.95, 0.6)])
def test_coverage_of_the_share(share, correlation):
    random = np.random.default_rng(3)
    scale = 1 / correlation - 1
    seeds = np.repeat(np.arange(3), 6)
    held = naive = 0
    for _ in range(400):
        of_model = random.beta(share * scale, (1 - share) * scale, 3)
        broken = random.random(18) > of_model[seeds]
        found, low, high = stable_share(of(np.ones(18), broken, seeds))
        held += low <= share <= high
        low, high = wilson_interval(found, 18)
        naive += low <= share <= high
    assert held / 400 > 0.85
    assert held > naive
