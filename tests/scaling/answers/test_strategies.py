"""Ways of using both levels against plain fine-tuning: rows and sentences."""

import numpy as np
import pandas as pd
import pytest

from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.strategies import strategy_rows, strategy_sentences

MATERIALS = [f"m{i}" for i in range(20)]
FACTORS = {"plain": 1.0, "good": 0.7, "bad": 1.6, "same": 1.0}


def errors(factors=FACTORS, seeds=(0, 1, 2), sizes=(10, 100)):
    random = np.random.default_rng(0)
    common = {name: random.lognormal(3, 0.7) for name in MATERIALS}
    return pd.DataFrame(
        {
            "method": method,
            "size": size,
            "seed": seed,
            "material_id": name,
            "property": quantity,
            "mae": factor * common[name] * (1 + 0.1 * seed) * random.lognormal(0, 0.05) / size**0.3,
            "n": 4,
        }
        for quantity in ("energy", "force")
        for method, factor in factors.items()
        for size in sizes
        for seed in seeds
        for name in MATERIALS
    )


def lacking(size, _seed):
    """The larger the subset the less it lacks."""
    return frozenset(MATERIALS[size // 10 :])


def forgetting(sources):
    return [
        {
            "method": method,
            "size": str(size),
            "seed": str(seed),
            "property": quantity,
            "mae": str(error * (1 + 0.01 * seed)),
            "pretrained_mae": "30",
        }
        for method, error in sources.items()
        for size in (10, 100)
        for seed in (0, 1, 2)
        for quantity in ("energy", "force")
    ]


@pytest.fixture(scope="module")
def rows():
    return strategy_rows(
        errors(),
        list(FACTORS),
        "plain",
        lacking=lacking,
        forgetting=forgetting({"plain": 90.0, "good": 90.5, "bad": 45.0, "same": 88.0}),
    )


def of(rows, method, size=100, metric="energy_mae_mev_per_atom"):
    return next(r for r in rows if (r.method, r.size, r.metric) == (method, size, metric))


def test_ratios_say_who_is_better(rows):
    assert [of(rows, m).verdict for m in ("good", "bad", "same")] == [
        "better",
        "worse",
        "undecided",
    ]
    assert of(rows, "good").error_ratio == pytest.approx(0.7, rel=0.05)
    assert of(rows, "plain").error_ratio is None
    assert of(rows, "good").n_materials == 20


def test_errors_are_those_of_the_table(rows):
    table = errors()
    own = table[(table["method"] == "bad") & (table["size"] == 10) & (table["property"] == "force")]
    expected = np.exp(np.log(own.groupby("seed")["mae"].mean()).mean())
    found = of(rows, "bad", 10, "force_mae_mev_per_angstrom")
    assert found.error == pytest.approx(expected)


def test_new_chemistry_is_what_the_runs_lack(rows):
    assert of(rows, "good", 10).n_new_materials == 19
    assert of(rows, "good", 100).n_new_materials == 10
    table = errors()
    own = table[
        (table["method"] == "good")
        & (table["size"] == 100)
        & (table["property"] == "energy")
        & table["material_id"].isin(MATERIALS[10:])
    ]
    expected = np.exp(np.log(own.groupby("seed")["mae"].mean()).mean())
    assert of(rows, "good").new_chemistry_error == pytest.approx(expected)
    assert of(rows, "good").new_chemistry_ratio == pytest.approx(0.7, rel=0.06)


def test_where_nothing_is_new_there_is_nothing_to_say():
    rows = strategy_rows(errors(), list(FACTORS), "plain", lacking=lambda *_: frozenset())
    assert of(rows, "good").new_chemistry_error is None
    assert of(rows, "good").new_chemistry_ratio is None
    assert of(rows, "good").n_new_materials == 0


def test_what_is_kept_of_the_source(rows):
    assert of(rows, "bad").source_ratio == pytest.approx(0.5)
    assert of(rows, "bad").source_error / of(rows, "bad").pretrained_error == pytest.approx(
        1.5, rel=0.02
    )


def test_what_a_method_is_worth_is_taken_over():
    saved = EfficiencyRow(
        method="good",
        baseline="scratch",
        metric="energy_mae_mev_per_atom",
        size=100,
        mean_error=1.0,
        scratch_equivalent_frames=400.0,
        equivalent_low=300.0,
        equivalent_high=500.0,
    )
    rows = strategy_rows(errors(), list(FACTORS), "plain", lacking=lacking, efficiency=[saved])
    found = of(rows, "good")
    assert (found.scratch_equivalent_frames, found.equivalent_low) == (400.0, 300.0)
    assert of(rows, "bad").scratch_equivalent_frames is None


def test_sentences_say_who_by_how_much_and_what_is_undecided(rows):
    energy, force = strategy_sentences(rows, source="GGA", target="r2SCAN")
    assert energy.startswith("In energy, with 100 r2SCAN frames plain fine-tuning (plain) has an")
    assert "good has 3" in energy
    assert "% less (90 % interval" in energy
    assert "bad has" in energy
    assert "% more" in energy
    assert "undecided: same" in energy
    assert "on GGA its error grows to 3.0 times that of the pretrained model" in energy
    assert "of bad, which keeps most, to 1.5 times" in energy
    assert force.startswith("In force")


def test_where_nothing_differs_it_is_said():
    rows = strategy_rows(
        errors({"plain": 1.0, "same": 1.0}), ["plain", "same"], "plain", lacking=lacking
    )
    assert "no strategy differs from it beyond its interval" in strategy_sentences(rows)[0]


def test_other_seeds_have_no_ratio():
    table = errors()
    table = table[(table["method"] != "good") | (table["seed"] < 2)]
    rows = strategy_rows(table, list(FACTORS), "plain", lacking=lacking)
    assert of(rows, "good").error_ratio is None
    assert of(rows, "good").note == "not the same seeds as plain fine-tuning: no ratio"


def test_one_seed_decides_nothing():
    rows = strategy_rows(errors(seeds=(0,)), list(FACTORS), "plain", lacking=lacking)
    assert of(rows, "good").verdict == "undecided"
    assert "no interval" in of(rows, "good").note
