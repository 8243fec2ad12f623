"""Tables that break errors down, against sums over the frames themselves."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rungs.config import Run
from rungs.errors import StudyError
from rungs.evaluation.breakdown import (
    ELEMENT_MEAN_COLUMNS,
    GROUP_COLUMNS,
    MATERIAL_COLUMNS,
    N_WORST,
    WORST_COLUMNS,
    break_down,
    element_means,
    groupings,
)
from rungs.evaluation.forgetting import FORGETTING_COLUMNS, forgetting_rows
from rungs.evaluation.frame_facts import TEST_FRAME_COLUMNS, describe_test_frames
from rungs.evaluation.frames import ERROR_COLUMNS, read_frame_errors, write_frame_errors
from rungs.evaluation.parity import parity_energies

FORMULAS = {"Na": -1.0, "Cl2": -2.0, "Na3Cl": -1.5, "NaCl": -3.0, "NaCl3": -2.2, "KF": -2.5}


@pytest.fixture
def table(test_frames_of):
    return test_frames_of(FORMULAS)


@pytest.fixture
def files(table, made_up, tmp_path):
    """Two sizes with two seeds; no magnetic moment is labelled, half of the stresses are."""
    found = {}
    for size in (10, 100):
        runs = []
        for seed in (0, 1):
            errors = np.random.default_rng(seed + size).normal(0, 400 / size, len(table))
            runs.append((Run("m", size, seed), made_up(table, errors, seed + size)))
        found["m", size] = tmp_path / f"{size}.parquet"
        ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
        write_frame_errors(found["m", size], runs, ids, materials)
    return found


@pytest.fixture
def broken_down(files, table, tmp_path):
    path = tmp_path / "materials.parquet"
    return break_down(files, table, path), pq.read_table(path)


def test_materials_add_up_to_the_run(files, broken_down):
    found, table = broken_down
    assert found.n_runs == 4
    assert tuple(table.column_names) == MATERIAL_COLUMNS
    materials = table.to_pandas()
    assert set(materials["property"]) == {"energy", "force", "stress"}  # no moments at all
    for (_, size), path in files.items():
        frames = read_frame_errors(path).to_pandas()
        for seed in (0, 1):
            of_run = frames[frames["seed"] == seed]
            own = materials[(materials["size"] == size) & (materials["seed"] == seed)]
            for name, column, weight in (
                ("energy", "energy_error_mev_per_atom", 1),
                ("force", "force_mae_mev_per_angstrom", 3 * 2),
                ("stress", "stress_mae_gpa", 9),
            ):
                part = own[own["property"] == name]
                assert len(part) == len(FORMULAS)
                labelled = of_run[column].abs().dropna()
                assert part["n"].sum() == weight * len(labelled)
                mean = (part["mae"] * part["n"]).sum() / part["n"].sum()
                assert mean == pytest.approx(labelled.mean(), rel=1e-6)
            salt = own[(own["material_id"] == "NaCl") & (own["property"] == "energy")]
            errors = of_run[of_run["material_id"] == "NaCl"]["energy_error_mev_per_atom"]
            assert salt["mae"].item() == pytest.approx(errors.abs().mean(), rel=1e-6)
            assert salt["n"].item() == 2


def test_groups_hold_every_frame_once(broken_down, files, table):
    rows = pd.DataFrame(broken_down[0].groups)
    assert tuple(rows.columns) == GROUP_COLUMNS
    assert set(rows["kind"]) == {"number of elements", "largest force", "energy above lowest"}
    for _, division in rows.groupby(["size", "kind"]):
        assert division["n_frames"].sum() == len(table)
    frames = read_frame_errors(files["m", 100]).to_pandas()
    elements = frames[frames["material_id"].isin(["Na", "Cl2"])]["energy_error_mev_per_atom"]
    row = rows[(rows["size"] == 100) & (rows["kind"] == "number of elements")].iloc[0]
    assert row["value"] == "1"
    assert row["energy_mae_mev_per_atom"] == pytest.approx(elements.abs().mean(), rel=1e-6)
    assert rows["magmom_mae_mu_b"].isna().all()


def test_bins_of_distance_from_equilibrium(table):
    table = table.iloc[:4].assign(
        max_force_ev_per_angstrom=[0.0, 0.05, 0.19, 7.0],
        energy_above_lowest_mev_per_atom=[0.0, 4.9, 5.0, 600.0],
        group=["a", None, "b", "a"],
    )
    _, force, energy, group = groupings(table)
    assert [force.values[i] for i in force.codes] == [
        "0–0.05 eV/Å",
        "0.05–0.2 eV/Å",
        "0.05–0.2 eV/Å",
        "from 5 eV/Å",
    ]
    assert [energy.values[i] for i in energy.codes] == [
        "0–5 meV/atom",
        "0–5 meV/atom",
        "5–20 meV/atom",
        "from 500 meV/atom",
    ]
    assert (group.values, group.codes.tolist()) == (["a", "b"], [0, -1, 1, 0])


def test_worst_frames_are_those_of_the_largest_size(broken_down, files):
    rows = pd.DataFrame(broken_down[0].worst)
    assert tuple(rows.columns) == WORST_COLUMNS
    assert set(rows["size"]) == {100}
    frames = read_frame_errors(files["m", 100]).to_pandas()
    frames["size_of_error"] = frames["energy_error_mev_per_atom"].abs()
    mean = frames.groupby("frame_id", observed=True)["size_of_error"].mean()
    mean = mean.sort_values(ascending=False)
    own = rows[rows["ranked_by"] == "energy"]
    assert own["rank"].tolist() == list(range(1, min(N_WORST, 12) + 1))
    assert own["frame_id"].tolist() == mean.index.tolist()
    assert own["energy_mae_mev_per_atom"].to_numpy() == pytest.approx(mean.to_numpy(), rel=1e-6)
    predicted = frames.groupby("frame_id", observed=True)["energy_predicted_ev_per_atom"].mean()
    assert own["energy_predicted_ev_per_atom"].tolist() == pytest.approx(
        predicted[own["frame_id"]].tolist(), rel=1e-6
    )
    forces = rows[rows["ranked_by"] == "force"]["force_mae_mev_per_angstrom"]
    assert forces.is_monotonic_decreasing


def test_frames_of_another_study_are_refused(files, table, tmp_path):
    with pytest.raises(StudyError, match="are not the study's test frames"):
        break_down(files, table.iloc[:-1], tmp_path / "materials.parquet")


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(StudyError, match=r"cut\.parquet: cannot be read"):
        read_frame_errors(tmp_path / "cut.parquet")


def test_elements_are_means_over_seeds():
    rows = [
        {"method": "m", "size": "10", "seed": str(seed), "element": "O", "n_frames": "3",
         "energy_mae_mev_per_atom": str(energy), "n_atoms": "9",
         "force_mae_mev_per_angstrom": "7.0"}
        for seed, energy in enumerate((10.0, 30.0))
    ]  # fmt: skip
    (row,) = element_means(rows)
    assert tuple(row) == ELEMENT_MEAN_COLUMNS
    assert (row["energy_mae_mev_per_atom"], row["force_mae_mev_per_angstrom"]) == (20.0, 7.0)


def test_forgetting_is_told_beside_the_pretrained_model():
    row = {"method": "m", "size": "10", "seed": "0", "property": "energy", "unit": "meV/atom"}
    numbers = {"mae": "60.0", "rmse": "70.0", "n": "5"}
    before = {
        "pretrained": [{**row, **numbers, "mae": "40.0"}],
        "pretrained_500": [{**row, **numbers, "mae": "30.0"}],
    }
    found = forgetting_rows(
        [row | numbers, {**row, **numbers, "method": "small"}],
        before,
        {"m": "pretrained", "small": "pretrained_500"},
    )
    assert tuple(found[0]) == FORGETTING_COLUMNS
    assert [(row["pretrained_mae"], row["ratio"]) for row in found] == [(40.0, 1.5), (30.0, 2.0)]


def test_what_the_test_frames_are(toy):
    frames = toy.frames["target"]
    ids = [f.frame_id for f in reversed(frames)]
    reference = np.arange(94.0)
    found = describe_test_frames(
        toy.store(),
        ids,
        {f.frame_id: f.material_id for f in frames},
        {f.frame_id: f.group for f in frames if f.material_id == "NaCl"},
        reference,
    )
    assert tuple(found.columns) == TEST_FRAME_COLUMNS
    assert found["frame_id"].tolist() == ids
    for frame, row in zip(reversed(frames), found.itertuples(), strict=True):
        assert (row.material_id, row.formula) == (frame.material_id, frame.formula)
        assert (row.n_atoms, row.n_elements) == (2, 2)
        group = frame.group if frame.material_id == "NaCl" else None
        assert row.group == group or (group is None and pd.isna(row.group))
        longest = np.linalg.norm(frame.forces, axis=1).max()
        assert row.max_force_ev_per_angstrom == pytest.approx(longest, rel=1e-5)
        lowest = min(f.energy_per_atom for f in frames if f.material_id == frame.material_id)
        above = 1000 * (frame.energy_per_atom - lowest)
        assert row.energy_above_lowest_mev_per_atom == pytest.approx(above, abs=1e-6)
        assert row.reference_ev_per_atom == pytest.approx(np.mean(frame.atomic_numbers - 1))


def test_parity_energies_are_of_the_first_seed_above_the_references(files, table):
    table = table.assign(reference_ev_per_atom=-1.0)
    found = parity_energies([files["m", 100]], table)
    assert set(found["seed"]) == {0}
    assert found["true"].to_numpy() == pytest.approx(table["energy_ev_per_atom"] + 1.0, rel=1e-6)
    frames = read_frame_errors(files["m", 100]).to_pandas()
    errors = frames[frames["seed"] == 0]["energy_error_mev_per_atom"]
    difference = 1000 * (found["predicted"] - found["true"])
    assert difference.to_numpy() == pytest.approx(errors.to_numpy(), abs=1e-2)


def test_a_row_takes_few_bytes(test_frames_of, made_up, tmp_path):
    """12 million rows, 500 runs on 24,000 frames, should stay below half a gigabyte."""
    table = pd.concat([test_frames_of({f"Na{i}Cl": -3.0 for i in range(2, 1000)})] * 1)
    runs = [
        (Run("m", 100, seed), made_up(table, np.random.default_rng(seed).normal(size=len(table))))
        for seed in range(5)
    ]
    path = tmp_path / "many.parquet"
    write_frame_errors(path, runs, table["frame_id"].tolist(), table["material_id"].tolist())
    assert path.stat().st_size < 40 * 5 * len(table)
    assert len(ERROR_COLUMNS) == 8
