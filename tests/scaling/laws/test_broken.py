import math

import numpy as np
import pytest

from rungs.errors import StudyError
from rungs.scaling import Law, fit_curve
from rungs.scaling.laws.fit import fit_broken_law, fit_power_law

SIZES = [10, 32, 100, 320, 1000, 3200]
BROKEN = Law(300, 0.05, break_size=100.0, exponent_after=0.5)
LOW = {"offset": 0.03, "tilt": 0.01, "noise": 0.03}


def reason(found):
    return next(note for note in found.notes if note.startswith(("no break", "break taken")))


def test_law_turns_from_one_exponent_into_the_other():
    def slope(size):
        low, high = BROKEN([size, size * 1.001])
        return -math.log(high / low) / math.log(1.001)

    assert slope(1.0) == pytest.approx(0.05, abs=1e-4)
    assert slope(1e5) == pytest.approx(0.5, abs=1e-4)
    assert slope(100.0) == pytest.approx(0.275, abs=2e-3)
    assert BROKEN(1.0) == pytest.approx(300)
    assert BROKEN.form == "broken power law"


def test_law_is_inverted():
    for size in (3.0, 80.0, 120.0, 1e6):
        assert BROKEN.size_for(float(BROKEN(size))) == pytest.approx(size, rel=1e-9)
    rising_first = Law(100, -0.2, break_size=100.0, exponent_after=0.5)
    size = rising_first.size_for(150.0)
    assert rising_first(size) == pytest.approx(150.0)
    assert rising_first(2 * size) < 150 < rising_first(0.7 * size)
    assert rising_first.size_for(1000.0) is None
    assert Law(100, 0.2, break_size=100.0, exponent_after=-0.1).size_for(10.0) is None


@pytest.mark.parametrize("after", [0.5, 0.2])
def test_known_parameters_come_back(after):
    law = Law(500, 0.3, break_size=150.0, exponent_after=after)
    fit = fit_broken_law(SIZES, law(SIZES))
    assert fit.converged
    assert fit.law.exponent == pytest.approx(0.3, rel=1e-4)
    assert fit.law.exponent_after == pytest.approx(after, rel=1e-4)
    assert fit.law.break_size == pytest.approx(150, rel=1e-3)
    assert fit.law.prefactor == pytest.approx(500, rel=1e-3)


def test_one_run_gone_wrong_does_not_bend_it():
    sizes = np.tile(SIZES, 3)
    errors = BROKEN(sizes) * np.exp(0.01 * np.random.default_rng(0).normal(size=18))
    errors[4] *= 20
    fit = fit_broken_law(sizes, errors)
    assert fit.law.exponent_after == pytest.approx(0.5, abs=0.06)


def test_break_is_taken_where_the_data_show_it(curves):
    found = fit_curve(*curves(np.random.default_rng(5), 3, SIZES, BROKEN, **LOW))
    assert found.law.form == "broken power law"
    assert found.exponent[0] < 0.05 < found.exponent[1]
    assert found.exponent_after[0] < 0.5 < found.exponent_after[1]
    assert found.break_size[0] < 100 < found.break_size[1]
    assert "the exponent turns from" in reason(found)


@pytest.mark.parametrize("law", [Law(300, 0.3), Law(300, 0.6, 15)])
def test_no_break_in_curves_without(curves, law):
    rng, taken = np.random.default_rng(2), 0
    for _ in range(40):
        found = fit_curve(*curves(rng, 3, SIZES, law, **LOW))
        taken += found.break_size is not None
    assert taken <= 4


def test_each_refusal_says_why(curves):
    rng = np.random.default_rng(1)
    few = fit_curve(*curves(rng, 3, SIZES[:4], BROKEN, **LOW))
    assert reason(few) == "no break: 4 sizes, a break needs 5"
    one = fit_curve(*curves(rng, 1, SIZES, BROKEN, **LOW))
    assert "one seed" in reason(one)
    straight = fit_curve(*curves(rng, 3, SIZES, Law(300, 0.3), **LOW))
    assert "AICc" in reason(straight)
    # Two seeds that bend by different amounts cannot say that there is a bend.
    sizes = np.array(SIZES)
    bent, plain = BROKEN(sizes), Law(300, 0.05, break_size=100.0, exponent_after=0.1)(sizes)
    open_ = fit_curve(
        np.tile(sizes, 2), np.repeat([0, 1], len(sizes)), np.concatenate([bent, plain])
    )
    assert open_.break_size is None


def coverage(curves, n):
    rng, held, taken = np.random.default_rng(4), np.zeros(3), 0
    for _ in range(n):
        found = fit_curve(*curves(rng, 3, SIZES, BROKEN, **LOW))
        if found.break_size is None:
            continue
        taken += 1
        held += [
            low < true < high
            for (low, high), true in (
                (found.exponent, 0.05),
                (found.exponent_after, 0.5),
                (found.break_size, 100.0),
            )
        ]
    return held / taken, taken / n


def test_intervals_hold_the_truth(curves):
    shares, taken = coverage(curves, 50)
    assert taken > 0.9
    assert (shares > 0.75).all()


@pytest.mark.slow
def test_coverage_of_broken_laws(curves):
    shares, taken = coverage(curves, 600)
    assert taken > 0.9
    assert (shares > 0.85).all()
    assert (shares < 0.95).all()


def test_line_above_a_size_is_that_of_these_points():
    errors = BROKEN(SIZES)
    assert fit_power_law(SIZES, errors, above=320).law.exponent == pytest.approx(0.5, abs=0.01)
    assert fit_power_law(SIZES, errors, above=320).n_points == 3
    assert fit_power_law(SIZES, errors, above=320).r2 > 0.999
    with pytest.raises(StudyError, match="needs 2 distinct sizes"):
        fit_power_law(SIZES, errors, above=3000)


def test_four_sizes_are_too_few():
    with pytest.raises(StudyError, match="needs 5 distinct sizes"):
        fit_broken_law(SIZES[:4], [4.0, 3, 2, 1])
