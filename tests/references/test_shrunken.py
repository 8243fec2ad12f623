"""A shrunken shift: what it tends to, what it leaves alone, and that chance has no part in it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.references.fit import fit_reference
from rungs.references.rules import RULES, reference_by_rule
from rungs.references.shrunken import Shrinkage, choose_shrinkage, fit_shrunken

SHRUNKEN = ("shrunken", "shrunken_residual")


@st.composite
def data(draw, min_frames: int = 1):
    """Compositions of up to four elements out of eight, energies, a source, and materials."""
    n = draw(st.integers(min_frames, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = np.zeros((n, 94))
    for row in counts:
        row[rng.choice(8, size=rng.integers(1, 5), replace=False) * 9] = rng.integers(1, 4)
    x = counts / counts.sum(axis=1, keepdims=True)
    groups = [f"m{i}" for i in rng.integers(0, 6, size=n)]
    return x, rng.normal(scale=5, size=n), rng.normal(scale=5, size=94), groups, rng


def law_of_charge(z):
    return 0.3 - 2.0 * (z / 20) - 1.5 * (z / 20) ** 2


def study_like(rng, n, noise=0.0):
    """Frames of thirty elements whose shift is a law of Z with a little more for each element."""
    source = rng.normal(scale=4, size=94)
    elements = rng.choice(94, size=30, replace=False)
    shift = law_of_charge(np.arange(1, 95)) + 0.3 * rng.normal(size=94)
    x = np.zeros((n, 94))
    for row in x:
        row[rng.choice(elements, size=3, replace=False)] = 1 / 3
    return x, x @ (source + shift) + noise * rng.normal(size=n), source, shift, elements


@given(data(), st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_without_strength_it_is_least_squares(drawn, terms):
    """Where the strength vanishes no other reference energies fit better."""
    x, e, source, _, _ = drawn
    fitted = fit_shrunken(x, e, source, Shrinkage(terms, 1e-9)).energies
    best = fit_reference(x, e, source)
    assert np.abs(e - x @ fitted).mean() == pytest.approx(best.residual_mae, abs=2e-3)


def test_determined_data_without_strength_give_the_least_squares_energies():
    rng = np.random.default_rng(1)
    x, e, source, _, elements = study_like(rng, 300, noise=0.2)
    expected = fit_reference(x, e, source).energies
    for terms in range(4):
        fitted = fit_shrunken(x, e, source, Shrinkage(terms, 1e-10)).energies
        assert np.allclose(fitted[elements], expected[elements], atol=1e-5)


@given(data())
@settings(deadline=None, max_examples=60)
def test_with_all_strength_it_is_the_source_and_its_trend(drawn):
    x, e, source, _, _ = drawn
    for strength in (1e8, math.inf):
        alone = fit_shrunken(x, e, source, Shrinkage(0, strength)).energies
        assert np.allclose(alone, source, atol=1e-5)
        shifted = fit_shrunken(x, e, source, Shrinkage(1, strength)).energies
        assert np.allclose(shifted, source + (e - x @ source).mean(), atol=1e-5)


@given(data(min_frames=6), st.integers(1, 3), st.floats(-6, 1))
@settings(deadline=None, max_examples=60)
def test_the_strengths_in_between_trade_fit_for_departure(drawn, terms, exponent):
    """The fit gets worse with strength, and comes nearer to a trend."""
    x, e, source, _, _ = drawn
    weak, strong = (
        fit_shrunken(x, e, source, Shrinkage(terms, factor * 10**exponent)).energies
        for factor in (1, 10)
    )
    present = np.flatnonzero(x.any(axis=0))
    trend = np.vander((present + 1) / 50, terms, increasing=True)

    def squares(fitted):
        return np.square(e - x @ fitted).mean()

    def departure(fitted):
        shift = (fitted - source)[present]
        return np.square(shift - trend @ np.linalg.lstsq(trend, shift, rcond=None)[0]).sum()

    assert squares(strong) >= squares(weak) - 1e-7
    assert departure(strong) <= departure(weak) + 1e-7


def test_an_absent_element_gets_the_trend_of_the_others():
    """Shift of 50 eV on an element that no frame has: the trend says it to a few per cent."""
    z = np.arange(1, 95)
    source = np.linspace(-10, 0, 94)
    x = np.zeros((12, 94))
    for i, row in enumerate(x):
        row[[3 * i + 2, 7]] = 0.5
    e = x @ (source + law_of_charge(z))
    chosen = choose_shrinkage(x, e, source)
    assert chosen.terms == 3
    fitted = fit_shrunken(x, e, source, chosen)
    assert fitted.n_frames[81] == 0
    assert fitted.energies[81] - source[81] == pytest.approx(law_of_charge(82), rel=0.01)
    assert fitted.n_elements == 13


def test_few_frames_of_many_elements_are_better_shrunken_than_not():
    rng = np.random.default_rng(0)
    x, e, source, *_ = study_like(rng, 400, noise=0.3)
    few, rest = slice(12), slice(100, None)
    errors = {
        rule: np.abs(e - x @ reference_by_rule(rule, x[few], e[few], source).energies)[rest].mean()
        for rule in ("target", "shrunken")
    }
    assert errors["shrunken"] < 0.25 * errors["target"]


def test_one_frame_shifts_every_element_as_least_squares_does():
    source = np.linspace(-10, 0, 94)
    x = np.zeros((1, 94))
    x[0, [10, 16]] = 0.5
    for rule in RULES:
        fitted = reference_by_rule(rule, x, [-50.0], source, interaction=np.array([-1.0]))
        left = -49.0 if "residual" in rule else -50.0
        assert np.allclose(fitted.energies, source + left - source[[10, 16]].mean())


def test_one_material_says_nothing_but_a_common_shift():
    x = np.zeros((5, 94))
    x[:, [10, 16]] = 0.5
    e = np.array([-3.0, -3.1, -2.9, -3.0, -2.8])
    assert choose_shrinkage(x, e, np.zeros(94), ["a"] * 5) == Shrinkage(1, math.inf)
    fitted = reference_by_rule("shrunken", x, e, np.zeros(94), groups=["a"] * 5).energies
    assert np.allclose(fitted, e.mean())


@given(data(), st.floats(-50, 50))
@settings(deadline=None, max_examples=25)
def test_a_constant_per_atom_shifts_every_element(drawn, constant):
    x, e, source, groups, _ = drawn
    for rule in RULES:
        given = {"groups": groups, "interaction": np.zeros(len(e))}
        before = reference_by_rule(rule, x, e, source, **given).energies
        after = reference_by_rule(rule, x, e + constant, source, **given).energies
        assert np.allclose(after, before + constant, atol=1e-4)


@given(data())
@settings(deadline=None, max_examples=25)
def test_what_source_and_energies_share_does_not_count(drawn):
    """Shifts of single elements in the source and in the labels move the fit with them."""
    x, e, source, groups, rng = drawn
    shifts = rng.normal(size=94)
    before = reference_by_rule("shrunken", x, e, source, groups=groups).energies
    after = reference_by_rule("shrunken", x, e + x @ shifts, source + shifts, groups=groups)
    assert np.allclose(after.energies, before + shifts, atol=1e-4)


@given(data(min_frames=3))
@settings(deadline=None, max_examples=25)
def test_order_of_frames_and_copies_of_materials_do_not_matter(drawn):
    x, e, source, groups, rng = drawn
    order = np.tile(rng.permutation(len(e)), 2)
    before = choose_shrinkage(x, e, source, groups)
    after = choose_shrinkage(x[order], e[order], source, [groups[i] for i in order])
    assert after == before
    assert np.allclose(
        fit_shrunken(x[order], e[order], source, after).energies,
        fit_shrunken(x, e, source, before).energies,
        atol=1e-6,
    )


def test_whole_materials_are_left_out():
    """Ten copies of each of thirty frames look like much data, unless copies stay together."""
    x, e, source, _, _ = study_like(np.random.default_rng(5), 30, noise=1.0)
    x, e = np.repeat(x, 10, axis=0), np.repeat(e, 10)
    materials = [f"m{i // 10}" for i in range(300)]
    together = choose_shrinkage(x, e, source, materials)
    apart = choose_shrinkage(x, e, source)
    assert together.strength > apart.strength


def test_residuals_are_what_the_pretrained_model_leaves():
    """A network that knows the interaction leaves the shift alone."""
    rng = np.random.default_rng(2)
    x, e, source, shift, elements = study_like(rng, 120)
    interaction = rng.normal(scale=0.5, size=120)
    for rule in ("residual", "shrunken_residual"):
        fitted = reference_by_rule(rule, x, e + interaction, source, interaction=interaction)
        assert np.allclose(fitted.energies[elements], (source + shift)[elements], atol=0.02)
        with pytest.raises(ValueError, match="pretrained model"):
            reference_by_rule(rule, x, e, source)


def test_bad_input_is_refused():
    x = np.full((2, 94), 1 / 94)
    for call in (
        lambda x, e: choose_shrinkage(x, e, np.zeros(94)),
        lambda x, e: fit_shrunken(x, e, np.zeros(94), Shrinkage(1, 1.0)),
    ):
        with pytest.raises(StudyError, match="at least one frame"):
            call(np.zeros((0, 94)), [])
        with pytest.raises(StudyError, match="in 1 of 2 frames"):
            call(x, [1.0, np.nan])
        with pytest.raises(ValueError, match="shape"):
            call(x, [1.0])


def test_configuration_says_what_does_not_go_together():
    for rule in RULES:
        method = {"initial": "pretrained", "reference": rule, "reference_fitted_on": "subset"}
        assert Method.model_validate(method).reference == rule
    with pytest.raises(ValueError, match="needs `initial: pretrained`"):
        Method.model_validate({"initial": "random", "reference": "residual"})
    with pytest.raises(ValueError, match="target, shrunken, residual"):
        Method.model_validate(
            {"initial": "random", "reference": "source", "reference_fitted_on": "subset"}
        )
