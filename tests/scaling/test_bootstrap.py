import math
import time

import numpy as np
import pytest
from scipy.stats import t as student_t

from rungs.scaling import Law, fit_curve
from rungs.scaling.bootstrap import resample_seeds, seed_interval
from rungs.scaling.laws.floor import fit_floor_laws
from rungs.scaling.laws.line import fit_lines

SIZES = [10, 32, 100, 320, 1000]
LAW = Law(300.0, 0.3)


def coverage(curves, n_seeds, n_studies, rng_seed, law=LAW, sizes=SIZES, floor=False, **scatter):
    """Share of synthetic studies whose intervals hold the true exponent, prefactor and floor."""
    rng = np.random.default_rng(rng_seed)
    held, fitted = np.zeros(3), 0
    for _ in range(n_studies):
        found = fit_curve(*curves(rng, n_seeds, sizes, law, **scatter), floor=floor)
        if floor and found.floor is None:
            continue
        fitted += 1
        held += [
            low < true < high
            for (low, high), true in zip(
                (found.exponent, found.prefactor, found.floor or (-1, 1)),
                (law.exponent, law.prefactor, law.floor),
                strict=True,
            )
        ]
    return held / fitted, fitted / n_studies


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_intervals_hold_the_truth_as_often_as_they_say(curves, n_seeds):
    # 600 studies: the share scatters by 1.2 %.
    (exponent, prefactor, _), _ = coverage(curves, n_seeds, 600, rng_seed=n_seeds)
    assert exponent == pytest.approx(0.90, abs=0.035)
    assert prefactor == pytest.approx(0.90, abs=0.035)


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [3, 5])
@pytest.mark.parametrize(
    ("scatter", "too_wide"),
    [
        ({}, 0.02),
        ({"offset": 0.0, "tilt": 0.0}, 0.02),
        # Seeds further apart than Huber's delta: the intervals are on the safe side.
        ({"offset": 0.2, "tilt": 0.1, "noise": 0.02}, 0.045),
    ],
)
def test_coverage_over_many_studies(curves, n_seeds, scatter, too_wide):
    (exponent, prefactor, _), _ = coverage(curves, n_seeds, 4000, rng_seed=17, **scatter)
    assert 0.88 < exponent < 0.90 + too_wide
    assert 0.88 < prefactor < 0.90 + too_wide


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [3, 5])
def test_coverage_of_laws_with_floor(curves, n_seeds):
    law = Law(300.0, 0.6, 15.0)
    (exponent, prefactor, floor), taken = coverage(
        curves,
        n_seeds,
        300,
        rng_seed=4,
        law=law,
        sizes=[*SIZES, 3200],
        floor=True,
        offset=0.03,
        tilt=0.01,
        noise=0.03,
    )
    assert taken > 0.95
    for share in (exponent, prefactor, floor):
        assert share == pytest.approx(0.90, abs=0.05)


def test_percentiles_of_three_seeds_would_hold_it_far_less_often(curves):
    # Why the intervals are not percentiles.
    rng = np.random.default_rng(0)
    resamples, held = resample_seeds(3), 0
    for _ in range(300):
        sizes, seeds, errors = curves(rng, 3, SIZES, LAW)
        exponents = -fit_lines(np.log(sizes), np.log(errors), resamples.counts[:, seeds]).slope
        order = np.argsort(exponents)
        total = np.cumsum(resamples.probabilities[order])
        low = exponents[order][np.searchsorted(total, 0.05)]
        high = exponents[order][min(np.searchsorted(total, 0.95), len(order) - 1)]
        held += low < LAW.exponent < high
    assert held / 300 < 0.75


@pytest.mark.parametrize("n_seeds", [1, 2, 3, 5])
def test_all_resamples_are_enumerated_with_their_probabilities(n_seeds):
    resamples = resample_seeds(n_seeds)
    assert len(resamples.counts) == math.comb(2 * n_seeds - 1, n_seeds)
    assert len(np.unique(resamples.counts, axis=0)) == len(resamples.counts)
    assert (resamples.counts.sum(axis=1) == n_seeds).all()
    assert (resamples.counts >= 0).all()
    for counts, probability in zip(*resamples, strict=True):
        ways = math.factorial(n_seeds) / math.prod(math.factorial(int(c)) for c in counts)
        assert probability == pytest.approx(ways / n_seeds**n_seeds)


def test_many_seeds_are_drawn_the_same_way_for_the_same_seed():
    one, same, other = (resample_seeds(9, 500, seed) for seed in (0, 0, 1))
    assert one.counts.shape == (500, 9)
    assert (one.counts == same.counts).all()
    assert (one.counts != other.counts).any()
    assert one.counts.mean(axis=0) == pytest.approx(np.ones(9), abs=0.2)


@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_interval_of_a_mean_is_students(n_seeds):
    values = np.random.default_rng(n_seeds).normal(size=n_seeds)
    resamples = resample_seeds(n_seeds)
    low, high = seed_interval(
        values.mean(), resamples.counts @ values / n_seeds, resamples.probabilities, n_seeds, 0.9
    )
    half = student_t.ppf(0.95, n_seeds - 1) * values.std(ddof=1) / np.sqrt(n_seeds)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_one_seed_has_no_interval():
    assert seed_interval(1.0, np.ones(1), np.ones(1), 1) is None


def test_two_thousand_refits_are_quick(curves):
    sizes, seeds, errors = curves(np.random.default_rng(0), 8, SIZES, Law(300, 0.6, 10))
    resamples = resample_seeds(8, 2000)
    weights = resamples.counts[:, seeds]
    start = time.process_time()
    lines = fit_lines(np.log(sizes), np.log(errors), weights)
    laws = fit_floor_laws(sizes, np.log(errors), weights)
    assert time.process_time() - start < 20
    assert len(lines.slope) == len(laws.exponent) == 2000
    assert lines.converged.all()
