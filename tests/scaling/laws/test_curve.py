import numpy as np
import pytest

from rungs.errors import StudyError
from rungs.scaling import Law, fit_curve

SIZES = [10, 32, 100, 320, 1000]
LOW = {"offset": 0.03, "tilt": 0.01, "noise": 0.03}


def reason(found):
    return next(note for note in found.notes if note.startswith(("no floor", "floor taken")))


def test_floor_is_taken_where_the_data_show_it(curves):
    law = Law(300, 0.6, 15)
    rng = np.random.default_rng(1)
    found = fit_curve(*curves(rng, 3, [*SIZES, 3200], law, **LOW))
    assert found.law.form == "power law with floor"
    assert found.floor[0] < 15 < found.floor[1]
    assert found.exponent[0] < 0.6 < found.exponent[1]
    assert found.prefactor[0] < 300 < found.prefactor[1]
    assert "without it the exponent would be" in reason(found)


def test_floor_can_be_forbidden(curves):
    rng = np.random.default_rng(1)
    found = fit_curve(*curves(rng, 3, [*SIZES, 3200], Law(300, 0.6, 15), **LOW), floor=False)
    assert found.law.form == "power law"
    assert found.floor is None
    assert not any("floor" in note for note in found.notes)


@pytest.mark.parametrize("rng_seed", range(10))
def test_no_floor_in_pure_power_laws(curves, rng_seed):
    found = fit_curve(*curves(np.random.default_rng(rng_seed), 3, SIZES, Law(300, 0.3)))
    assert found.law.floor == 0
    assert reason(found).startswith("no floor")


def test_each_refusal_says_why(curves):
    rng = np.random.default_rng(1)
    few_sizes = fit_curve(*curves(rng, 3, SIZES[:3], Law(300, 0.6, 15)))
    assert reason(few_sizes) == "no floor: 3 sizes, a floor needs 4"
    one_seed = fit_curve(*curves(rng, 1, SIZES, Law(300, 0.6, 15)))
    assert "one seed" in reason(one_seed)
    steepening = np.array([300.0, 250, 180, 100, 30])
    no_gain = fit_curve(np.tile(SIZES, 2), np.repeat([0, 1], 5), np.tile(steepening, 2))
    assert "not above 0" in reason(no_gain)
    exact = Law(300, 0.3)(SIZES)
    useless = fit_curve(np.tile(SIZES, 2), np.repeat([0, 1], 5), np.tile(exact, 2))
    assert "AICc" in reason(useless) or "not above 0" in reason(useless)


def test_floor_whose_interval_touches_zero_is_refused():
    # Both curves bend, to floors so different that two seeds cannot say where it is.
    sizes = np.array([10, 32, 100, 320, 1000, 3200])
    low, high = Law(300, 0.7, 12)(sizes), Law(300, 0.7, 18)(sizes)
    found = fit_curve(np.tile(sizes, 2), np.repeat([0, 1], 6), np.concatenate([low, high]))
    assert found.law.floor == 0
    assert "reaches 0" in reason(found)


def test_a_step_function_is_no_floor_law():
    errors = np.array([300.0, 20, 20, 20, 20, 20])
    sizes = np.array([10, 32, 100, 320, 1000, 3200])
    wobble = 1 + 0.01 * np.array([1, -1, 1, -1, 1, -1])
    found = fit_curve(
        np.tile(sizes, 2), np.repeat([0, 1], 6), np.concatenate([errors, errors * wobble])
    )
    assert "end of the searched range" in reason(found)


def test_remarks(curves):
    rng = np.random.default_rng(1)
    one_seed = fit_curve(*curves(rng, 1, SIZES, Law(300, 0.3), noise=0.0))
    assert one_seed.exponent is None
    assert one_seed.prefactor is None
    assert "one seed: no interval" in one_seed.notes
    two_sizes = fit_curve(*curves(rng, 3, [10, 100], Law(300, 0.3)))
    assert any("two sizes" in note for note in two_sizes.notes)
    assert two_sizes.exponent is not None
    rising = fit_curve([10, 25, 50], [0, 0, 0], [165.0, 249.0, 226.0])
    assert "the mean error rises from size 10 to 25" in rising.notes
    assert "the error does not fall with size" in rising.notes
    unsure = fit_curve([10, 100, 10, 100], [0, 0, 1, 1], [100.0, 50.0, 100.0, 99.0])
    assert any("holds 0" in note for note in unsure.notes)


def test_order_of_the_rows_does_not_matter(curves):
    sizes, seeds, errors = curves(np.random.default_rng(1), 4, SIZES, Law(300, 0.3))
    order = np.random.default_rng(2).permutation(len(sizes))
    one, other = (
        fit_curve(sizes, seeds, errors),
        fit_curve(sizes[order], seeds[order], errors[order]),
    )
    assert other.law.exponent == pytest.approx(one.law.exponent, rel=1e-10)
    assert other.exponent == pytest.approx(one.exponent, rel=1e-8)


def test_a_seed_that_lacks_sizes_is_said(curves):
    sizes, seeds, errors = curves(np.random.default_rng(1), 3, SIZES, Law(300, 0.3))
    keep = (seeds < 2) | (sizes == 10)
    found = fit_curve(sizes[keep], seeds[keep], errors[keep], floor=False)
    assert found.exponent[0] < found.law.exponent < found.exponent[1]
    assert any("4% of the resamples had one size only" in note for note in found.notes)


def test_seeds_must_match_the_points():
    with pytest.raises(StudyError, match="2 seeds were given for 3 points"):
        fit_curve([1, 2, 3], [0, 0], [1.0, 2.0, 3.0])


def test_floor_that_leaves_no_exponent_is_refused():
    # A fall of a few per cent above a large floor: the curve bends, but by what power is open.
    rng = np.random.default_rng(3)
    reasons = set()
    for _ in range(12):
        noise = np.exp(0.02 * rng.normal(size=15))
        found = fit_curve(
            np.tile(SIZES, 3), np.repeat([0, 1, 2], 5), Law(40, 0.5, 60)(np.tile(SIZES, 3)) * noise
        )
        reasons.add("interval of the exponent" in reason(found))
        assert found.floor is None or found.exponent[0] > 0
    assert True in reasons


def break_reason(found):
    return next(note for note in found.notes if note.startswith(("no break", "break taken")))


def two_breaks(sizes, first, second):
    """Two seeds on the same law but for the place of the break."""
    errors = [
        Law(300, 0.05, break_size=size, exponent_after=0.6)(sizes) for size in (first, second)
    ]
    return np.tile(sizes, 2), np.repeat([0, 1], len(sizes)), np.concatenate(errors)


def test_a_break_whose_interval_leaves_the_sizes_is_refused():
    # The seeds agree on both exponents and break too far apart for two of them to say where. All
    # else speaks for the break: with the seeds a little closer it is taken.
    sizes = np.array([30, 45, 70, 100, 150, 220, 330, 500, 750])
    apart = fit_curve(*two_breaks(sizes, 110, 190))
    assert break_reason(apart) == "no break: the interval of the best one, 145, leaves the sizes"
    assert apart.law.break_size is None
    assert apart.break_size is None
    close = fit_curve(*two_breaks(sizes, 115, 180))
    assert break_reason(close).startswith("break taken")
    assert 30 < close.break_size[0] < 144 < close.break_size[1] < 750


def test_a_break_that_only_the_sizes_beyond_hold_is_taken():
    # The same seeds, with sizes that reach as far as the interval does.
    sizes = np.array([5, 10, 30, 45, 70, 100, 150, 220, 330, 500, 750, 2000, 5000])
    found = fit_curve(*two_breaks(sizes, 110, 190))
    assert break_reason(found).startswith("break taken")
    assert found.break_size[0] < 30
    assert found.break_size[1] > 750
