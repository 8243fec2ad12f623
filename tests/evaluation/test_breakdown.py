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
from rungs.evaluation.table1 import PHASE_COLUMNS, TABLE1_COLUMNS, make_table1

FORMULAS = {"Na": -1.0, "Cl2": -2.0, "Na3Cl": -1.5, "NaCl": -3.0, "NaCl3": -2.2, "KF": -2.5}


class MadeUp:
    """Errors of a run: what :class:`rungs.evaluation.frames.FrameErrors` gives."""

    def __init__(self, table, energy_errors, seed=0):
        rng = np.random.default_rng(seed)
        n = len(table)
        true = table["energy_ev_per_atom"].to_numpy()
        stress = rng.lognormal(0, 1, n)
        stress[::2] = np.nan
        self._columns = {
            "n_atoms": table["n_atoms"].to_numpy(),
            "n_magmoms": np.zeros(n, dtype=int),
            "energy_true_ev_per_atom": true,
            "energy_predicted_ev_per_atom": true + np.asarray(energy_errors) / 1000,
            "energy_error_mev_per_atom": np.asarray(energy_errors, dtype=float),
            "force_mae_mev_per_angstrom": rng.lognormal(3, 1, n),
            "force_rmse_mev_per_angstrom": rng.lognormal(3.2, 1, n),
            "force_max_error_mev_per_angstrom": rng.lognormal(5, 1, n),
            "stress_mae_gpa": stress,
            "magmom_mae_mu_b": np.full(n, np.nan),
        }

    def columns(self):
        return self._columns


@pytest.fixture
def table(test_frames_of):
    return test_frames_of(FORMULAS)


@pytest.fixture
def files(table, tmp_path):
    """Two sizes with two seeds; no magnetic moment is labelled, half of the stresses are."""
    found = {}
    for size in (10, 100):
        runs = []
        for seed in (0, 1):
            errors = np.random.default_rng(seed + size).normal(0, 400 / size, len(table))
            runs.append((Run("m", size, seed), MadeUp(table, errors, seed + size)))
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


def evaluation_of(files):
    rows = []
    for (method, size), path in files.items():
        frames = read_frame_errors(path).to_pandas()
        for seed, own in frames.groupby("seed"):
            mae = own["energy_error_mev_per_atom"].abs().mean()
            rows.append((method, size, seed, "energy", "meV/atom", mae, mae, len(own)))
    columns = ("method", "size", "seed", "property", "unit", "mae", "rmse", "n")
    return pd.DataFrame(rows, columns=columns)


def test_table1_of_a_model_with_known_errors(table, tmp_path):
    """Predictions 10 meV/atom too high for every compound and right for the elements: formation
    energies are off by 10, decomposition energies by what the products' shares make of it."""
    errors = [0.0 if f in ("Na", "Cl2") else 10.0 for f in table["formula"]]
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    path = tmp_path / "100.parquet"
    write_frame_errors(path, [(Run("m", 100, 0), MadeUp(table, errors))], ids, materials)
    files = {("m", 100): path}
    found = make_table1(evaluation_of(files), files, table)
    (row,) = found.methods
    assert set(row) == set(TABLE1_COLUMNS)
    assert row["n_seeds"] == 1
    assert row["energy_mae_mev_per_atom"] == pytest.approx(8 / 12 * 10)
    assert row["energy_mae_mev_per_atom_sd"] is None
    assert row["magmom_mae_mu_b"] is None
    assert row["n_formation_energies"] == row["n_decomposition_energies"] == 3
    assert row["formation_energy_mae_mev_per_atom"] == pytest.approx(10.0)
    # Na3Cl and NaCl3 fall into half an element and half NaCl: 10 − 5; NaCl into both: 10 − 10
    assert row["decomposition_energy_mae_mev_per_atom"] == pytest.approx((5 + 5 + 0) / 3, abs=1e-5)
    assert row["note"] == (
        "formation energy of 3 of 4 compounds, 1 left out, as an element of theirs is no test "
        "material; decomposition energy of 3 of 4 compounds, 1 left out, as other test materials "
        "do not make up their composition"
    )
    phases = pd.DataFrame(found.phases).set_index("material_id")
    assert set(phases.columns) | {"material_id"} == set(PHASE_COLUMNS)
    assert phases.loc["NaCl", "decomposes_into"] == "Na3Cl + NaCl3"
    assert phases.loc["NaCl", "decomposition_energy_ev_per_atom"] == pytest.approx(-1.15)
    assert phases.loc["KF", "formation_energy_left_out"] == "no elemental test material of F, K"
    assert phases.loc["Na", "decomposition_energy_left_out"] == "an element"


def test_table1_takes_the_mean_and_spread_of_seeds(files, table):
    largest = {("m", 100): files["m", 100]}
    evaluation = evaluation_of(files)
    (row,) = make_table1(evaluation, largest, table).methods
    own = evaluation[evaluation["size"] == 100]["mae"]
    assert row["energy_mae_mev_per_atom"] == pytest.approx(own.mean())
    assert row["energy_mae_mev_per_atom_sd"] == pytest.approx(own.std())
    assert row["formation_energy_mae_mev_per_atom_sd"] > 0


def test_table1_of_one_element_says_that_stability_is_not_defined(test_frames_of, tmp_path):
    table = test_frames_of({"Ge2": -4.4, "Ge8": -4.5})
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    path = tmp_path / "10.parquet"
    write_frame_errors(path, [(Run("m", 10, 0), MadeUp(table, [1.0] * 4))], ids, materials)
    files = {("m", 10): path}
    found = make_table1(evaluation_of(files), files, table)
    assert found.note == (
        "formation energy is not defined for this study: every test material is one element; "
        "decomposition energy is not defined for this study: every test material is one element"
    )
    assert found.methods[0]["formation_energy_mae_mev_per_atom"] is None
    assert found.methods[0]["energy_mae_mev_per_atom"] == pytest.approx(1.0)


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


def test_a_row_takes_few_bytes(test_frames_of, tmp_path):
    """12 million rows, 500 runs on 24,000 frames, should stay below half a gigabyte."""
    table = pd.concat([test_frames_of({f"Na{i}Cl": -3.0 for i in range(2, 1000)})] * 1)
    runs = [
        (Run("m", 100, seed), MadeUp(table, np.random.default_rng(seed).normal(size=len(table))))
        for seed in range(5)
    ]
    path = tmp_path / "many.parquet"
    write_frame_errors(path, runs, table["frame_id"].tolist(), table["material_id"].tolist())
    assert path.stat().st_size < 40 * 5 * len(table)
    assert len(ERROR_COLUMNS) == 8
