"""Evaluation of real models: what is written by frame, element and component adds up."""

import csv

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rungs.config import Run
from rungs.evaluation.components import draw_frames, read_components
from rungs.evaluation.frames import FRAME_COLUMNS, read_frame_errors
from rungs.evaluation.runs import EvaluationFiles, evaluate_on_source, evaluate_runs
from rungs.potentials.model_files import load_model
from rungs.potentials.predict import predict


@pytest.fixture(scope="module")
def files(toy, toy_runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluations")
    files = EvaluationFiles(
        *(folder / name for name in ("e.csv", "e.parquet", "elements.csv", "components.parquet"))
    )
    evaluate_runs(toy_runs, graphs=toy.graphs("target"), split=toy.split, outputs=files)
    return files


def run_mae(files, seed, name):
    table = pd.read_csv(files.errors)
    row = table[(table["seed"] == seed) & (table["property"] == name)].iloc[0]
    return row["mae"], row["rmse"], row["n"]


@pytest.mark.parametrize("seed", [0, 1])
def test_errors_by_frame_add_up_to_those_of_the_run(files, seed):
    table = read_frame_errors(files.frames).to_pandas()
    table = table[table["seed"] == seed].astype({"n_atoms": float, "n_magmoms": float})
    assert len(table) == 12
    for name, column, weight in (
        ("energy", "energy_error_mev_per_atom", None),
        ("force", "force_mae_mev_per_angstrom", 3 * table["n_atoms"]),
        ("stress", "stress_mae_gpa", 9.0),
        ("magmom", "magmom_mae_mu_b", table["n_magmoms"]),
    ):
        errors = table[column].abs()
        weights = errors.notna() * (1.0 if weight is None else weight)
        mae, _, n = run_mae(files, seed, name)
        assert weights.sum() == n
        assert (errors.fillna(0) * weights).sum() / weights.sum() == pytest.approx(mae, rel=1e-6)
    _, rmse, _ = run_mae(files, seed, "force")
    squares = table["force_rmse_mev_per_angstrom"] ** 2 * table["n_atoms"]
    assert np.sqrt(squares.sum() / table["n_atoms"].sum()) == pytest.approx(rmse, rel=1e-6)


def test_each_frame_is_what_the_model_predicts_for_it(toy, toy_runs, files):
    table = read_frame_errors(files.frames).to_pandas()
    table = table[table["seed"] == 1].set_index("frame_id")
    assert tuple(read_frame_errors(files.frames).column_names) == FRAME_COLUMNS
    model = load_model(toy_runs[Run("transfer", 10, 1)])
    store = toy.store()
    for found, frame in zip(predict(model, store), toy.frames["target"], strict=True):
        row = table.loc[frame.frame_id]
        assert row["material_id"] == frame.material_id
        assert row["n_atoms"] == 2
        assert row["energy_true_ev_per_atom"] == pytest.approx(frame.energy_per_atom, rel=1e-6)
        assert row["energy_predicted_ev_per_atom"] == pytest.approx(found.energy_per_atom, rel=1e-6)
        error = 1000 * (found.forces - frame.forces)
        assert row["force_mae_mev_per_angstrom"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
        longest = np.linalg.norm(error, axis=1).max()
        assert row["force_max_error_mev_per_angstrom"] == pytest.approx(longest, rel=1e-4)
        assert np.isnan(row["stress_mae_gpa"]) == (frame.stress is None)
        assert np.isnan(row["magmom_mae_mu_b"]) == (frame.magmoms is None)
        assert row["n_magmoms"] == (0 if frame.magmoms is None else 2)


def test_unlabelled_is_null_and_not_nan(files):
    stress = pq.read_table(files.frames)["stress_mae_gpa"]
    assert stress.null_count == 8  # four frames without, two seeds
    assert not np.isnan(stress.drop_null().to_numpy()).any()


def test_errors_by_element(toy, toy_runs, files):
    table = pd.read_csv(files.elements)
    frames = read_frame_errors(files.frames).to_pandas()
    held = {"Na": ["NaCl"], "Cl": ["NaCl", "KCl"], "O": ["MgO", "FeO"], "Fe": ["FeO"]}
    for seed in (0, 1):
        own = table[table["seed"] == seed].set_index("element")
        assert list(own.index) == ["O", "Na", "Mg", "Cl", "K", "Fe"]
        of_seed = frames[frames["seed"] == seed]
        for element, materials in held.items():
            chosen = of_seed[of_seed["material_id"].isin(materials)]
            assert own.loc[element, "n_frames"] == own.loc[element, "n_atoms"] == len(chosen)
            mae = chosen["energy_error_mev_per_atom"].abs().mean()
            assert own.loc[element, "energy_mae_mev_per_atom"] == pytest.approx(mae, rel=1e-5)
        mae, _, _ = run_mae(files, seed, "force")
        by_atoms = (own["force_mae_mev_per_angstrom"] * own["n_atoms"]).sum() / 24
        assert by_atoms == pytest.approx(mae, rel=1e-6)
    model = load_model(toy_runs[Run("transfer", 10, 0)])
    errors = [
        np.abs(found.forces[0] - frame.forces[0])
        for found, frame in zip(predict(model, toy.store()), toy.frames["target"], strict=True)
        if frame.material_id == "FeO"
    ]
    of_iron = table[(table["seed"] == 0) & (table["element"] == "Fe")].iloc[0]
    assert of_iron["force_mae_mev_per_angstrom"] == pytest.approx(1000 * np.mean(errors), rel=1e-4)


def test_components_are_of_the_first_seed_and_add_up(files):
    """All frames fit into the sample here, so its MAEs are those of the run."""
    table = read_components(files.components)
    assert set(table["seed"]) == {0}
    for name, scale in (("force", 1000.0), ("magmom", 1.0)):
        own = table[table["property"] == name]
        mae, _, n = run_mae(files, 0, name)
        assert len(own) == n
        assert scale * (own["true"] - own["predicted"]).abs().mean() == pytest.approx(mae, rel=1e-5)
    assert len(table[table["property"] == "stress"]) == 8 * 6


def test_drawn_frames_reach_the_number_of_components(toy):
    store = toy.store()
    drawn = draw_frames(store, np.arange(12), seed=5, n_components=20)
    assert len(drawn) == 4  # six components each
    assert np.array_equal(drawn, draw_frames(store, np.arange(12), seed=5, n_components=20))
    assert len(draw_frames(store, np.arange(12), seed=5, n_components=10**6)) == 12


def test_without_any_stress_or_moment(tmp_path, study_of):
    """What is unlabelled everywhere is null by frame, and absent from the other files."""
    toy = study_of(tmp_path, stress=None, magmoms=None)
    files = EvaluationFiles(*(tmp_path / name for name in ("e.csv", "f.pq", "el.csv", "c.pq")))
    models = {Run("m", 10, 0): toy.model("m", 0, -3.0)}
    evaluate_runs(models, graphs=toy.graphs("target"), split=toy.split, outputs=files)
    table = read_frame_errors(files.frames)
    assert table["stress_mae_gpa"].null_count == table["magmom_mae_mu_b"].null_count == 12
    assert table["force_mae_mev_per_angstrom"].null_count == 0
    assert set(read_components(files.components)["property"]) == {"force"}
    assert set(pd.read_csv(files.errors)["property"]) == {"energy", "force"}


def rows(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return {
            (row["method"], row["seed"], row["property"]): float(row["mae"])
            for row in csv.DictReader(handle)
        }


def test_on_the_source_energies_are_compared_with_its_references(toy, tmp_path):
    """The same network with the target's references errs on the source as before, not by 20 eV."""
    pretrained = toy.model("pretrained", 0, -3.0)
    runs = {
        Run("target_reference", 0, 0): toy.model("refitted", 0, -23.0),
        Run("other_network", 10, 0): toy.model("other", 7, -23.0),
    }
    given = {"graphs": toy.graphs("source"), "split": toy.split}
    evaluate_on_source(runs, pretrained, output=tmp_path / "runs.csv", **given)
    evaluate_on_source(
        {Run("pretrained", 0, 0): pretrained}, pretrained, output=tmp_path / "p.csv", **given
    )
    found, before = rows(tmp_path / "runs.csv"), rows(tmp_path / "p.csv")
    for name in ("energy", "force", "stress", "magmom"):
        assert found["target_reference", "0", name] == before["pretrained", "0", name]
        assert found["other_network", "0", name] != before["pretrained", "0", name]
    assert max(mae for (*_, name), mae in found.items() if name == "energy") < 5000
    # what is on disk still carries the target's references
    network = load_model(runs["target_reference", 0, 0])
    assert float(network.composition_model.fc.weight[0, 0]) == pytest.approx(-23.0)


def test_a_source_without_test_frames(toy, tmp_path):
    split = tmp_path / "split.csv"
    split.write_text(toy.split.read_text().replace("source,NaCl", "source,x"))
    lines = [
        line.replace(",test", ",train") if line.startswith("source") else line
        for line in split.read_text().splitlines()
    ]
    split.write_text("\n".join(lines) + "\n")
    model = toy.model("any", 0, -3.0)
    said = evaluate_on_source(
        {Run("m", 10, 0): model},
        model,
        graphs=toy.graphs("source"),
        split=split,
        output=tmp_path / "none.csv",
    )
    assert said == ["none.csv: the source has no test frames"]
    assert len((tmp_path / "none.csv").read_text().splitlines()) == 1
