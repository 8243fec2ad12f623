import csv

import numpy as np
import pytest

from rungs.scaling.answers.joint_law_table import COLUMNS, fit_joint_laws, write_joint_laws
from rungs.scaling.laws.joint import JointLaw

LAW = JointLaw(4000.0, 0.15, 0.3)
FAMILIES = {"all": {"all": 8000, "half": 4000, "tenth": 800}}


def runs(sizes=(10, 100, 1000), seeds=3, noise=0.02):
    rng = np.random.default_rng(3)
    return [
        {
            "method": method,
            "size": size,
            "seed": seed,
            "force_mae_mev_per_angstrom": LAW(source, size) * np.exp(noise * rng.normal())
            if size
            else 500.0,
        }
        for method, source in FAMILIES["all"].items()
        for size in sizes
        for seed in range(seeds)
    ]


def test_both_exponents_and_what_doubling_spares():
    (law,) = fit_joint_laws(runs(sizes=(0, 10, 100, 1000)), FAMILIES)
    assert (law.family, law.methods) == ("all", "all half tenth")
    assert law.pretraining_exponent == pytest.approx(0.15, abs=0.02)
    assert law.target_exponent == pytest.approx(0.3, abs=0.02)
    assert law.pretraining_exponent_low < law.pretraining_exponent < law.pretraining_exponent_high
    assert law.target_exponent_low < law.target_exponent < law.target_exponent_high
    assert law.saved_by_doubling == pytest.approx(1 - 2**-0.5, abs=0.03)
    assert (law.smallest_pretraining, law.largest_pretraining) == (800, 8000)
    assert (law.smallest_size, law.largest_size, law.n_points) == (10, 1000, 27)


def test_one_target_size_says_why_there_is_no_law():
    (law,) = fit_joint_laws(runs(sizes=(100,)), FAMILIES)
    assert law.pretraining_exponent is None
    assert law.note.startswith("not fitted: a joint law needs three pairs of sizes")


def test_one_seed_gives_no_interval():
    (law,) = fit_joint_laws(runs(seeds=1), FAMILIES)
    assert law.pretraining_exponent is not None
    assert law.pretraining_exponent_low is None
    assert "one seed: no interval" in law.note


def test_table_leaves_what_is_not_known_empty(tmp_path):
    write_joint_laws(tmp_path / "laws.csv", fit_joint_laws(runs(sizes=(100,)), FAMILIES))
    with open(tmp_path / "laws.csv", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert tuple(row) == COLUMNS
    assert row["pretraining_exponent"] == ""


def test_a_law_that_hardly_depends_on_target_frames_spares_no_number_of_them():
    rows = [
        {"method": method, "size": size, "seed": 0, "energy_mae_mev_per_atom": error - 1e-9 * size}
        for method, error in (("few", 10.0), ("many", 40.0))
        for size in (4, 8)
    ]
    (law,) = fit_joint_laws(rows, {"pre": {"few": 3000, "many": 6000}})
    assert law.pretraining_exponent < 0 < law.target_exponent
    assert law.saved_by_doubling is None
