import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rungs.errors import StudyError
from rungs.scaling import Law, fit_floor_law, fit_power_law
from rungs.scaling.laws.floor import fit_floor_laws
from rungs.scaling.laws.line import HUBER_DELTA, fit_lines, huber, huber_weights

SIZES = np.repeat([10.0, 32, 100, 320, 1000], 3)
size_sets = st.sets(st.integers(1, 10**6), min_size=2, max_size=8)


@given(
    sizes=size_sets,
    prefactor=st.floats(1e-3, 1e4),
    exponent=st.floats(-1.0, 2.0),
)
@settings(deadline=None)
def test_exact_power_law_is_recovered(sizes, prefactor, exponent):
    sizes = sorted(sizes)
    fit = fit_power_law(sizes, Law(prefactor, exponent)(sizes))
    assert fit.converged
    # Two neighbouring large sizes fix the exponent only to rounding divided by their distance.
    lever = np.ptp(np.log(sizes))
    slack = 1e-12 * (1 + abs(np.log(prefactor)) + np.log(sizes[-1])) / lever
    assert fit.law.exponent == pytest.approx(exponent, abs=slack)
    assert np.log(fit.law(sizes)) == pytest.approx(
        np.log(Law(prefactor, exponent)(sizes)), abs=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(
    floor_share=st.floats(0.2, 0.9),
    exponent=st.floats(0.15, 1.5),
    scale=st.floats(1e-2, 1e3),
)
def test_exact_law_with_floor_is_recovered(floor_share, exponent, scale):
    sizes = np.array([10.0, 30, 100, 300, 1000, 3000])
    falling = 100.0**exponent * scale
    floor = floor_share / (1 - floor_share) * falling * 3000.0**-exponent
    fit = fit_floor_law(sizes, floor + falling * sizes**-exponent)
    assert fit.converged
    assert fit.law.exponent == pytest.approx(exponent, rel=1e-5)
    assert fit.law.floor == pytest.approx(floor, rel=1e-5)
    assert fit.law.prefactor == pytest.approx(falling, rel=1e-5)
    assert fit.share == pytest.approx(floor_share, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), energy_unit=st.floats(1e-3, 1e3), size_unit=st.floats(0.1, 50))
def test_units_change_neither_exponent_nor_share_of_floor(seed, energy_unit, size_unit):
    noise = 0.1 * np.random.default_rng(seed).normal(size=SIZES.size)
    errors = Law(300, 0.6, 8)(SIZES) * np.exp(noise)
    for fit in (fit_power_law, fit_floor_law):
        one, other = fit(SIZES, errors), fit(SIZES * size_unit, errors * energy_unit)
        assert other.law.exponent == pytest.approx(one.law.exponent, rel=1e-6)
        assert other.share == pytest.approx(one.share, rel=1e-6, abs=1e-9)
        assert other.law.floor == pytest.approx(one.law.floor * energy_unit, rel=1e-6, abs=1e-9)
        assert other.r2 == pytest.approx(one.r2, rel=1e-6)


def test_line_is_at_the_minimum_of_huber_loss():
    rng = np.random.default_rng(3)
    x, y = np.log(SIZES), rng.standard_t(2, size=SIZES.size)
    weights = rng.integers(1, 4, size=(5, SIZES.size)).astype(float)
    lines = fit_lines(x, y, weights)
    assert lines.converged.all()
    residuals = y - lines.intercept[:, None] - lines.slope[:, None] * x
    # Stationary point of the convex loss: influence adds up to nothing, alone and along x.
    influence = weights * np.clip(residuals, -HUBER_DELTA, HUBER_DELTA)
    assert influence.sum(axis=1) == pytest.approx(np.zeros(5), abs=1e-9)
    assert influence @ x == pytest.approx(np.zeros(5), abs=1e-9)
    assert np.abs(residuals).max() > HUBER_DELTA
    assert lines.loss == pytest.approx((weights * huber(residuals)).sum(axis=1))


def test_huber_is_smooth_where_it_turns_and_weights_are_its_slope():
    r = np.linspace(-1, 1, 2001)
    slope = np.gradient(huber(r), r)
    assert slope[1:-1] == pytest.approx((huber_weights(r) * r)[1:-1], abs=1e-3)
    assert huber(np.array([HUBER_DELTA])) == pytest.approx([0.5 * HUBER_DELTA**2])


def test_one_failed_run_does_not_bend_the_line():
    errors = Law(300, 0.3)(SIZES)
    errors[-1] *= 10
    least_squares = -np.polyfit(np.log(SIZES), np.log(errors), 1)[0]
    assert abs(least_squares - 0.3) > 0.1
    assert fit_power_law(SIZES, errors).law.exponent == pytest.approx(0.3, abs=0.03)


def test_floor_fit_is_no_worse_than_a_general_optimiser():
    rng = np.random.default_rng(11)
    for _ in range(8):
        law = Law(rng.uniform(100, 2000), rng.uniform(0.3, 1.0), rng.uniform(5, 30))
        log_errors = np.log(law(SIZES)) + 0.1 * rng.standard_t(3, size=SIZES.size)

        def loss(p, log_errors=log_errors):
            return huber(
                log_errors - np.log(np.exp(p[0]) + np.exp(p[1] - p[2] * np.log(SIZES)))
            ).sum()

        found = fit_floor_laws(SIZES, log_errors, np.ones((1, SIZES.size)))
        starts = [[np.log(law.floor), np.log(law.prefactor), b] for b in (0.3, 1.0)]
        options = {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-13}
        general = min(minimize(loss, s, method="Nelder-Mead", options=options).fun for s in starts)
        assert found.loss[0] <= general + 1e-9 or found.at_edge[0]
        # The loss it reports is that of the law it reports.
        if found.floor[0] > 0:
            p = [np.log(found.floor[0]), np.log(found.prefactor[0]), found.exponent[0]]
            assert loss(p) == pytest.approx(found.loss[0], rel=1e-9)


def test_weights_are_multiplicities():
    rng = np.random.default_rng(5)
    errors = Law(300, 0.6, 8)(SIZES) * np.exp(0.1 * rng.normal(size=SIZES.size))
    counts = rng.integers(0, 3, size=SIZES.size).astype(float)
    counts[:3] = 1
    repeated = np.repeat(np.arange(SIZES.size), counts.astype(int))
    by_weight = fit_floor_laws(SIZES, np.log(errors), counts[None])
    by_copies = fit_floor_law(SIZES[repeated], errors[repeated])
    assert by_weight.exponent[0] == pytest.approx(by_copies.law.exponent, rel=1e-7)
    assert by_weight.loss[0] == pytest.approx(by_copies.loss, rel=1e-9)


def test_aicc_prefers_the_true_form():
    rng = np.random.default_rng(2)
    noise = np.exp(0.03 * rng.normal(size=SIZES.size))
    with_floor, without = Law(300, 0.7, 10)(SIZES) * noise, Law(300, 0.4)(SIZES) * noise
    assert fit_floor_law(SIZES, with_floor).aicc < fit_power_law(SIZES, with_floor).aicc - 2
    assert fit_floor_law(SIZES, without).aicc > fit_power_law(SIZES, without).aicc - 2


def test_errors_that_do_not_vary_have_no_r2():
    fit = fit_power_law([10, 100, 1000], [5.0, 5.0, 5.0])
    assert fit.law.exponent == pytest.approx(0, abs=1e-12)
    assert fit.r2 is None


@pytest.mark.parametrize(
    ("sizes", "errors", "message"),
    [
        ([10, 100], [1.0, 0.0], "point 1 has error 0"),
        ([10, 0], [1.0, 2.0], "point 1 has size 0"),
        ([10, 100], [1.0, np.nan], "error nan"),
        ([10, 10], [1.0, 2.0], "needs 2 distinct sizes, the points have 1"),
        ([10, 100], [1.0], "not two equal columns"),
    ],
)
def test_bad_points_are_named(sizes, errors, message):
    with pytest.raises(StudyError, match=message):
        fit_power_law(sizes, errors)


def test_inverse_of_a_law():
    law = Law(300, 0.5, 4)
    assert law(law.size_for(20.0)) == pytest.approx(20.0)
    assert law.size_for(4.0) is None
    assert Law(300, -0.1).size_for(20.0) is None
