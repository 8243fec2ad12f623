"""Ratios of two methods' errors: what both share cancels."""

import numpy as np
import pytest

from rungs.scaling.intervals.paired import paired_ratio, ratio_of_seeds


def table(random, n_seeds=3, n_materials=40, ratio=1.0, scatter=0.05):
    """Errors that vary much from material to material and from seed to seed, for both alike."""
    common = np.exp(
        random.normal(0, 0.8, (1, n_materials)) + random.normal(0, 0.4, (n_seeds, 1)) + 3.0
    )
    own = np.exp(random.normal(0, scatter, (n_seeds, n_materials)))
    return ratio * common * own, common, np.full(common.shape, 6)


def test_what_both_share_cancels():
    one, other, counts = table(np.random.default_rng(0), ratio=1.2)
    found = paired_ratio(one, other, counts)
    assert found.value == pytest.approx(1.2, rel=0.03)
    assert 1.1 < found.low < found.value < found.high < 1.3
    assert found.n_materials == 40


def test_a_method_against_itself_is_1():
    one, _, counts = table(np.random.default_rng(1))
    assert paired_ratio(one, one, counts)[:3] == (1.0, 1.0, 1.0)


def test_the_ratio_turns_round():
    one, other, counts = table(np.random.default_rng(2), ratio=0.7)
    there, back = paired_ratio(one, other, counts), paired_ratio(other, one, counts)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


def test_materials_without_a_number_count_for_nothing():
    one, other, counts = table(np.random.default_rng(3), n_materials=12)
    counts[:, 5:] = 0
    one[:, 5:] = np.nan
    few = paired_ratio(one[:, :5], other[:, :5], counts[:, :5])
    found = paired_ratio(one, other, counts)
    assert found.value == pytest.approx(few.value)
    assert found.n_materials == 5
    assert found.low < found.value < found.high


def test_no_interval_of_one_seed_or_few_materials():
    one, other, counts = table(np.random.default_rng(4), n_seeds=1)
    assert paired_ratio(one, other, counts)[1:3] == (None, None)
    one, other, counts = table(np.random.default_rng(4), n_materials=4)
    assert paired_ratio(one, other, counts)[1:3] == (None, None)


def test_an_error_of_0_has_no_ratio():
    one, other, counts = table(np.random.default_rng(5))
    assert paired_ratio(0 * one, other, counts) is None
    assert paired_ratio(one, other, 0 * counts) is None


@pytest.mark.slow
def test_the_interval_holds_the_truth_as_often_as_it_says():
    """With scatter from seeds and from materials that differ between the two methods."""
    random, inside = np.random.default_rng(6), 0
    for _ in range(400):
        shape = (3, 30)
        _, other, counts = table(random, *shape)
        effect = random.normal(0, 0.1, (3, 1)) + random.normal(0, 0.3, (1, 30))
        found = paired_ratio(other * np.exp(effect), other, counts, n_draws=200)
        # the truth is that of infinitely many seeds and materials
        truth = np.exp(0.5 * 0.3**2)
        inside += found.low < truth < found.high
    assert 0.85 < inside / 400 < 0.97


def test_ratios_of_seeds():
    value, low, high = ratio_of_seeds(np.array([2.0, 2.2, 1.8]), np.ones(3))
    assert low < value < high
    assert value == pytest.approx((2.0 * 2.2 * 1.8) ** (1 / 3))
    assert ratio_of_seeds(np.array([2.0]), np.array([4.0])) == (0.5, None, None)
