"""Models side by side: the frontier of error and cost, and laws in parameters and frames."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungs.scaling.answers.efficiency import EfficiencyRow, efficiency_of_models
from rungs.scaling.answers.law_table import fit_learning_curves
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.models import Member, model_rows
from rungs.scaling.answers.size_law_table import fit_size_laws

ENERGY = "energy_mae_mev_per_atom"


def means_of(errors):
    return [MeanRow(m, ENERGY, 100, e, e, e, 1) for m, e in errors.items()]


def rows_of(errors, seconds, before=None):
    members = {name: Member(f"model of {name}", "chgnet", "scratch") for name in errors}
    return model_rows(
        means_of(errors),
        [],
        members,
        {(name, 100): s for name, s in seconds.items()},
        before or {},
        {member.model: 10 for member in members.values()},
    )


def test_the_frontier_is_what_nothing_undercuts():
    errors = {"a": 10.0, "b": 20.0, "c": 15.0, "d": 10.0}
    seconds = {"a": 100.0, "b": 10.0, "c": 200.0, "d": 120.0}
    rows = {row.method: row for row in rows_of(errors, seconds)}
    assert {name for name, row in rows.items() if row.on_frontier} == {"a", "b"}


def test_a_pretraining_is_part_of_the_cost():
    errors, seconds = {"a": 10.0, "b": 10.0}, {"a": 5.0, "b": 6.0}
    assert [r.method for r in rows_of(errors, seconds) if r.on_frontier] == ["a"]
    rows = rows_of(errors, seconds, {"a": 2.0})
    assert [r.method for r in rows if r.on_frontier] == ["b"]
    assert {r.method: r.pretraining_seconds for r in rows} == {"a": 2.0, "b": 0.0}


points = st.lists(
    st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=1, max_size=8, unique=True
)


@given(points)
def test_a_frontier_falls_and_holds_the_best(found):
    errors = {f"m{i}": e for i, (e, _) in enumerate(found)}
    rows = rows_of(errors, {f"m{i}": s for i, (_, s) in enumerate(found)})
    best = sorted((r.fine_tuning_seconds, r.mean_error) for r in rows if r.on_frontier)
    assert min(errors.values()) == pytest.approx(min(e for _, e in best))
    for (s0, e0), (s1, e1) in itertools.pairwise(best):
        assert e1 < e0 or s1 == s0


def test_what_transfer_saves_stands_beside():
    gain = EfficiencyRow(
        "a", "b", ENERGY, 100, 10.0, 250.0, equivalent_low=200.0, equivalent_high=300.0
    )
    wider = EfficiencyRow(
        "b",
        "b",
        ENERGY,
        100,
        10.0,
        250.0,
        equivalent_low=200.0,
        equivalent_high=300.0,
        equivalent_low_with_materials=150.0,
        equivalent_high_with_materials=400.0,
    )
    members = {name: Member(name, "chgnet", "transfer") for name in "ab"}
    rows = model_rows(
        means_of({"a": 1.0, "b": 2.0}), [gain, wider], members, {}, {}, {"a": 1, "b": 2}
    )
    assert [(r.equivalent_low, r.equivalent_high) for r in rows] == [(200, 300), (150, 400)]


def curve_of(law, parameters, sizes=(10, 30, 100), seeds=(0, 1, 2), scatter=0.0):
    random = np.random.default_rng(0)
    return [
        {
            "method": name,
            "size": n,
            "seed": seed,
            ENERGY: law(p, n) * np.exp(scatter * random.normal()),
        }
        for name, p in parameters.items()
        for n in sizes
        for seed in seeds
    ]


def test_a_law_in_parameters_and_frames_is_found():
    parameters = {"s": 1000, "m": 4000, "l": 16000}
    rows = curve_of(lambda p, n: 5000 * p**-0.2 * n**-0.4, parameters)
    (law,) = [r for r in fit_size_laws(rows, {("chgnet", "scratch"): parameters}) if r.n_points]
    assert law.parameter_exponent == pytest.approx(0.2, abs=1e-3)
    assert law.target_exponent == pytest.approx(0.4, abs=1e-3)
    assert law.saved_by_doubling == pytest.approx(1 - 2**-0.5, abs=1e-2)
    assert (law.fewest_parameters, law.most_parameters) == (1000, 16000)
    assert (law.kind, law.strategy, law.methods) == ("chgnet", "scratch", "s m l")


def test_models_of_one_size_have_no_law():
    parameters = {"s": 1000, "m": 1000}
    rows = curve_of(lambda _, n: 100 * n**-0.4, parameters)
    (law,) = fit_size_laws(rows, {("chgnet", "scratch"): parameters})
    assert law.parameter_exponent is None
    assert law.note.startswith("not fitted")


def test_each_model_is_compared_with_itself_from_scratch():
    """A better architecture is no gain of transfer."""
    laws = {
        "scratch_a": lambda n: 100 * n**-0.5,
        "transfer_a": lambda n: 50 * n**-0.5,
        "scratch_b": lambda n: 10 * n**-0.5,
        "transfer_b": lambda n: 5 * n**-0.5,
    }
    rows = [
        {"method": name, "size": n, "seed": seed, ENERGY: law(n)}
        for name, law in laws.items()
        for n in (10, 40, 160)
        for seed in (0, 1)
    ]
    fitted = fit_learning_curves(rows)
    baselines = {name: f"scratch_{name[-1]}" for name in laws}
    found = efficiency_of_models(rows, fitted, baselines)
    assert {(r.method, r.baseline) for r in found} == {
        ("transfer_a", "scratch_a"),
        ("transfer_b", "scratch_b"),
    }
    at_40 = {r.method: r.frames_per_frame for r in found if r.size == 40}
    assert at_40 == {
        "transfer_a": pytest.approx(4.0, rel=1e-2),
        "transfer_b": pytest.approx(4.0, rel=1e-2),
    }
