import numpy as np
import pandas as pd
import pytest

from rungs.errors import StudyError
from rungs.scaling.intervals.materials import (
    MaterialErrors,
    exponent_of,
    hierarchical_interval,
    log_error_at,
    material_table,
    read_material_errors,
)

SIZES = [10, 100, 1000]


def synthetic(rng, n_seeds=3, n_materials=30, seed_spread=0.03, material_spread=0.5, tilt=0.0):
    """Errors about 100·N^−0.3, each seed and each material off by a factor of its own; the
    materials' exponents differ by ``tilt``."""
    sizes, seeds = np.tile(SIZES, n_seeds), np.repeat(np.arange(n_seeds), len(SIZES))
    by_seed = seed_spread * rng.normal(size=(n_seeds, len(SIZES)))
    logs = np.log(100 * sizes**-0.3) + by_seed.ravel()
    material = material_spread * rng.normal(size=n_materials) - 0.5 * material_spread**2
    slopes = tilt * rng.normal(size=n_materials)
    centred = np.log(sizes) - np.log(sizes).mean()
    errors = np.exp(logs[:, None] + material + centred[:, None] * slopes)
    counts = np.ones_like(errors)
    return MaterialErrors(
        sizes, seeds.astype(str), errors, counts, tuple(map(str, range(n_materials)))
    )


def test_interval_of_an_error_holds_the_truth_of_all_materials():
    rng, held, narrow = np.random.default_rng(0), 0, 0
    true = np.log(100 * 100**-0.3)
    for _ in range(200):
        table = synthetic(rng)
        found = hierarchical_interval(table, log_error_at(table.sizes, 100), n_materials_drawn=100)
        held += found.low < true < found.high
        narrow += abs(found.estimate - true) < 2.92 * found.seed_error
    assert held / 200 == pytest.approx(0.9, abs=0.065)
    assert narrow / 200 < 0.75  # the seeds alone promise too much


def test_materials_that_all_runs_share_cancel_in_the_exponent():
    found = {}
    for tilt in (0.0, 0.1):
        table = synthetic(np.random.default_rng(1), tilt=tilt)
        found[tilt] = hierarchical_interval(table, exponent_of(table.sizes))
        assert found[tilt].low < 0.3 < found[tilt].high
    assert found[0.0].material_error < 1e-10 < found[0.0].seed_error
    assert found[0.1].material_error > 0.01


def test_materials_count_by_their_numbers():
    table = synthetic(np.random.default_rng(2), n_materials=2)
    table.counts[:, 0] = 3.0
    expected = np.log((3 * table.errors[:, 0] + table.errors[:, 1]) / 4)
    assert np.allclose(table.log_errors(), expected)
    assert np.allclose(table.log_errors(np.array([0, 1])), np.log(table.errors[:, 1]))


def rows():
    return [
        {
            "method": "scratch",
            "size": size,
            "seed": seed,
            "material_id": f"m{k}",
            "property": "energy",
            "mae": 10.0 * (k + 1) + seed,
            "n": k + 1,
        }
        for size in (0, 10, 100)
        for seed in (0, 1)
        for k in range(3)
    ]


def test_rows_become_a_table(tmp_path):
    table = material_table(rows(), "scratch", "energy")
    assert table.errors.shape == (4, 3)  # without size 0
    assert table.counts[0].tolist() == [1, 2, 3]
    pd.DataFrame(rows()).to_parquet(tmp_path / "errors.parquet")
    again = read_material_errors(tmp_path / "errors.parquet", "scratch", "energy")
    assert np.array_equal(again.errors, table.errors)
    assert again.materials == ("m0", "m1", "m2")


def test_a_material_that_a_run_lacks_counts_for_nothing():
    fewer = [row for row in rows() if (row["size"], row["material_id"]) != (10, "m2")]
    table = material_table(fewer, "scratch", "energy")
    assert table.log_errors()[0] == pytest.approx(np.log((10 + 2 * 20) / 3))


def test_bad_tables_are_refused(tmp_path):
    with pytest.raises(StudyError, match="property stress: no errors"):
        material_table(rows(), "scratch", "stress")
    with pytest.raises(StudyError, match="two rows for one run"):
        material_table(rows() * 2, "scratch", "energy")
    with pytest.raises(StudyError, match="cannot be read"):
        read_material_errors(tmp_path / "none.parquet", "scratch", "energy")
    one = material_table([r for r in rows() if r["seed"] == 0], "scratch", "energy")
    with pytest.raises(StudyError, match=r"1 seed\(s\) and 3 material"):
        hierarchical_interval(one, exponent_of(one.sizes))
