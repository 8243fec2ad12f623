import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.scaling.intervals.material_draws import (
    MIN_MATERIALS,
    draw_materials,
    draws_of,
    read_material_draws,
)

SIZES, SEEDS = (10, 100), (0, 1)
ENERGY = "energy_mae_mev_per_atom"


def rows(n_materials=8, methods=("scratch", "transfer"), name="energy"):
    rng = np.random.default_rng(3)
    return [
        {
            "method": method,
            "size": size,
            "seed": seed,
            "material_id": f"m{k}",
            "property": name,
            "mae": float(np.exp(rng.normal())) * (k + 1),
            "n": 1 + k % 3,
        }
        for method in methods
        for size in SIZES
        for seed in SEEDS
        for k in range(n_materials)
    ]


def errors_of(table):
    """MAE of each run over all materials, as the learning curve has it."""
    frame = pd.DataFrame(table).assign(total=lambda t: t["mae"] * t["n"])
    sums = frame.groupby(["method", "size", "seed"], sort=False)[["total", "n"]].sum()
    return (sums["total"] / sums["n"]).to_dict()


def curve(table, method="scratch"):
    found = {run[1:]: error for run, error in errors_of(table).items() if run[0] == method}
    sizes, seeds = zip(*found, strict=True)
    return method, sizes, [str(seed) for seed in seeds], list(found.values())


def test_draws_scatter_about_the_error_as_the_mean_of_materials_does():
    table = rows(40)
    draws = draw_materials(table, n_draws=4000)["energy"]
    assert draws.n_materials == 40
    log_errors = draws.of(*curve(table))
    assert log_errors.shape == (4000, 4)
    first = [row for row in table if (row["method"], row["size"], row["seed"]) == SCRATCH]
    mae, n = (np.array([row[key] for row in first]) for key in ("mae", "n"))
    mean = (mae * n).sum() / n.sum()
    # Standard error of a mean weighted with n, to first order in the weights.
    expected = np.sqrt(np.square(n * (mae - mean)).sum()) / n.sum() / mean
    assert np.exp(log_errors[:, 0]).mean() == pytest.approx(mean, rel=0.02)
    assert log_errors[:, 0].std() == pytest.approx(expected, rel=0.1)


SCRATCH = ("scratch", 10, 0)


def test_all_runs_see_the_same_draws():
    """What cancels between sizes and methods can only cancel draw by draw."""
    table = rows()
    for row in table:
        row["mae"] = (row["size"] + row["seed"] + 1) * (1 + int(row["material_id"][1:]))
        row["mae"] *= 3 if row["method"] == "transfer" else 1
    draws = draw_materials(table)["energy"]
    one, other = draws.of(*curve(table)), draws.of(*curve(table, "transfer"))
    assert one[:, 0].std() > 0.1
    assert np.ptp(other - one, axis=0) == pytest.approx(0, abs=1e-12)
    assert np.ptp(one - one[:, :1], axis=0) == pytest.approx(0, abs=1e-12)


def test_draws_are_the_same_for_the_same_seed_and_from_a_file(tmp_path):
    table = rows()
    pd.DataFrame(table).to_parquet(tmp_path / "errors.parquet", row_group_size=11)
    one, same = (
        draw_materials(table, seed=5),
        read_material_draws(tmp_path / "errors.parquet", seed=5),
    )
    other = draw_materials(table, seed=6)["energy"].of(*curve(table))
    assert np.array_equal(one["energy"].of(*curve(table)), same["energy"].of(*curve(table)))
    assert not np.array_equal(one["energy"].of(*curve(table)), other)


def test_properties_are_found_by_their_metric():
    found = draw_materials([*rows(name="energy"), *rows(9, name="magmom")])
    assert draws_of(found, ENERGY).n_materials == 8
    assert draws_of(found, "magmom_mae_mu_b").n_materials == 9
    assert draws_of(found, "stress_mae_gpa") is None
    assert draws_of(None, ENERGY) is None


def test_too_few_materials_have_no_draws():
    assert draw_materials(rows(MIN_MATERIALS - 1)) == {}
    assert "energy" in draw_materials(rows(MIN_MATERIALS))


def test_a_metric_that_one_material_carries_has_no_draws():
    # Seven of eight materials have no error: a third of the draws have none at all.
    table = [{**row, "mae": row["mae"] * (row["material_id"] == "m0")} for row in rows()]
    assert draw_materials(table) == {}


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_run_without_a_usable_error_does_not_cost_the_others_their_draws(value):
    table = rows()
    sound = curve(table, "transfer")
    for row in table:
        if (row["method"], row["size"], row["seed"]) == SCRATCH:
            row["mae"] = value
    draws = draw_materials(table)["energy"]
    assert np.isfinite(draws.of(*sound)).all()
    assert draws.of("scratch", [10], ["0"], [1.0]) is None


def test_a_run_that_is_not_in_the_table_has_no_draws():
    table = rows()
    assert draw_materials(table)["energy"].of("scratch", [320], ["0"], [1.0]) is None


def test_tables_of_different_runs_are_refused():
    table = rows()
    method, sizes, seeds, errors = curve(table)
    errors[2] *= 1.01
    with pytest.raises(StudyError, match=r"scratch, size 100, seed 0: .* not of the same runs"):
        draw_materials(table)["energy"].of(method, sizes, seeds, errors)


def test_bad_tables_are_refused(tmp_path):
    with pytest.raises(StudyError, match="size 10, seed 0, energy: two rows"):
        draw_materials([*rows(), rows()[0]])
    with pytest.raises(StudyError, match=r"none\.parquet: cannot be read"):
        read_material_draws(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("no Parquet")
    with pytest.raises(StudyError, match=r"bad\.parquet: cannot be read"):
        read_material_draws(tmp_path / "bad.parquet")
    pd.DataFrame({"method": ["a"]}).to_parquet(tmp_path / "few.parquet")
    with pytest.raises(StudyError, match=r"few\.parquet: cannot be read"):
        read_material_draws(tmp_path / "few.parquet")


KEYS = ("method", "size", "seed", "property", "material_id")


@st.composite
def tables(draw):
    """Rows of errors in any order, with the rows of a run in pieces."""
    keys = st.tuples(
        st.sampled_from(["scratch", "transfer"]),
        st.sampled_from([10, 100]),
        st.sampled_from([0, 1]),
        st.sampled_from(["energy", "force"]),
        st.sampled_from([f"m{k}" for k in (4, 0, 7, 3, 1, 2, 9)]),
    )
    chosen = draw(st.lists(keys, unique=True, min_size=20, max_size=80))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    numbers = [{"mae": float(rng.lognormal()), "n": int(rng.integers(1, 5))} for _ in chosen]
    return [dict(zip(KEYS, k, strict=True)) | x for k, x in zip(chosen, numbers, strict=True)]


def plain_shifts(table, n_draws, seed):
    """The draws as they are to be, row by row and without any of the library's short cuts."""
    places, by_run = {}, {}
    for row in table:
        run = (row["method"], row["size"], str(row["seed"]))
        by_run.setdefault((row["property"], run), []).append(row)
    for rows_of_run in by_run.values():
        for row in rows_of_run:
            places.setdefault(row["material_id"], len(places))
    found = {}
    for name in {name for name, _ in by_run}:
        runs = {run: of_run for (other, run), of_run in by_run.items() if other == name}
        seen = sorted({places[row["material_id"]] for part in runs.values() for row in part})
        counts, sums = np.zeros((2, len(runs), len(seen)))
        for i, of_run in enumerate(runs.values()):
            for row in of_run:
                at = seen.index(places[row["material_id"]])
                counts[i, at], sums[i, at] = row["n"], row["n"] * row["mae"]
        drawn = np.random.default_rng(seed).multinomial(
            len(seen), np.full(len(seen), 1.0 / len(seen)), size=n_draws
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(drawn @ sums.T) - np.log(drawn @ counts.T)
        logs = logs[np.isfinite(logs).all(axis=1)]
        found[name] = dict(zip(runs, (logs - np.log(sums.sum(1) / counts.sum(1))).T, strict=True))
    return found


@given(table=tables())
@settings(max_examples=40, deadline=None)
def test_rows_in_any_order_and_pieces_give_the_draws_of_a_plain_loop(table):
    found, plain = draw_materials(table, n_draws=60, seed=1), plain_shifts(table, 60, 1)
    for name, draws in found.items():
        assert list(draws.shifts) == list(plain[name])
        for run, shifts in draws.shifts.items():
            assert np.array_equal(shifts, plain[name][run])


@pytest.mark.parametrize("rows_in_group", [5, 16, 17, 64])
def test_a_file_in_any_row_groups_gives_the_draws_of_its_rows(tmp_path, rows_in_group):
    # Materials of their own for each run and property, so that the numbering matters.
    table = [
        row
        for k, name in enumerate(("energy", "force"))
        for row in rows(name=name)
        if int(row["material_id"][1:]) != (row["seed"] + k) % 3
    ]
    path = tmp_path / "errors.parquet"
    pd.DataFrame(table).to_parquet(path, row_group_size=rows_in_group)
    found, same = draw_materials(table, seed=5), read_material_draws(path, seed=5)
    assert found.keys() == same.keys() == {"energy", "force"}
    for name, draws in found.items():
        assert draws.errors == same[name].errors
        for run, shifts in draws.shifts.items():
            assert np.array_equal(shifts, same[name].shifts[run])


def test_rows_without_a_run_are_left_away(tmp_path):
    table = rows()
    nameless = [{**row, "method": None, "mae": 99.0} for row in rows(methods=("scratch",))]
    path = tmp_path / "errors.parquet"
    pd.DataFrame([*nameless, *table]).to_parquet(path)
    draws = draw_materials(table)["energy"]
    for other in (draw_materials([*nameless, *table]), read_material_draws(path)):
        assert other["energy"].errors == draws.errors
