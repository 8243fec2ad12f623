"""Test frames that lack energies or forces: right counts, and nothing where nothing is labelled."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rungs.config import Run
from rungs.evaluation.breakdown import break_down, element_means
from rungs.evaluation.components import read_components
from rungs.evaluation.frame_facts import describe_test_frames
from rungs.evaluation.frames import read_frame_errors
from rungs.evaluation.parity import parity_energies
from rungs.evaluation.runs import EvaluationFiles, evaluate_runs
from rungs.evaluation.table1 import make_table1
from rungs.evaluation.tables import learning_curve_rows, read_rows
from rungs.evaluation.temperatures import temperature_transfer
from rungs.potentials.model_files import load_model
from rungs.potentials.predict import predict


def lacking(frame):
    """FeO has energies, forces and moments, the others energies alone; but of MgO one frame has
    nothing but forces, another nothing but a stress."""
    if frame.frame_id == "MgO-1":
        return "energy", "stress", "magmoms"
    if frame.frame_id == "MgO-2":
        return "energy", "forces", "magmoms"
    return ("stress",) if frame.material_id == "FeO" else ("forces", "stress", "magmoms")


class Evaluated:
    """A study, its models' errors, and the tables made of them."""

    def __init__(self, study, folder):
        self.study, names = study, ("e.csv", "f.parquet", "el.csv", "c.parquet")
        self.files = EvaluationFiles(*(folder / name for name in names))
        self.models = {Run("m", 10, seed): study.model(f"m{seed}", seed, -3.0) for seed in (0, 1)}
        self.said = evaluate_runs(
            self.models, graphs=study.graphs("target"), split=study.split, outputs=self.files
        )
        self.frames = study.frames["target"]
        self.test_frames = describe_test_frames(
            study.store(),
            [frame.frame_id for frame in self.frames],
            {frame.frame_id: frame.material_id for frame in self.frames},
            {},
            np.zeros(94),
        )
        self.errors = pd.read_csv(self.files.errors)
        self.points = {("m", 10): self.files.frames}
        self.materials = folder / "materials.parquet"
        self.tables = break_down(self.points, self.test_frames, self.materials)


@pytest.fixture
def partly(study_of, tmp_path):
    return Evaluated(study_of(tmp_path, lacking), tmp_path)


@pytest.fixture
def energies(study_of, tmp_path):
    bare = study_of(tmp_path, lambda _: ("forces", "stress", "magmoms"))
    return Evaluated(bare, tmp_path)


def test_errors_are_means_over_what_is_labelled(partly):
    model = load_model(partly.models[Run("m", 10, 1)])
    pairs = list(zip(predict(model, partly.study.store()), partly.frames, strict=True))
    energies = [p.energy_per_atom - f.energy_per_atom for p, f in pairs if f.energy is not None]
    forces = [(p.forces - f.forces).ravel() for p, f in pairs if f.forces is not None]
    own = partly.errors[partly.errors["seed"] == 1].set_index("property")
    assert own["n"].to_dict() == {"energy": 10, "force": 24, "stress": 9, "magmom": 6}
    assert own.loc["energy", "mae"] == pytest.approx(1000 * np.abs(energies).mean(), rel=1e-4)
    assert own.loc["force", "mae"] == pytest.approx(1000 * np.abs(forces).mean(), rel=1e-4)


def test_a_frame_has_errors_of_its_own_labels_only(partly):
    table = read_frame_errors(partly.files.frames)
    assert table["energy_error_mev_per_atom"].null_count == 2 * 2  # two seeds
    assert table["energy_true_ev_per_atom"].null_count == 2 * 2
    assert table["energy_predicted_ev_per_atom"].null_count == 0
    for name in ("mae", "rmse", "max_error"):
        assert table[f"force_{name}_mev_per_angstrom"].null_count == 2 * 8
    frames = table.to_pandas()
    forces = frames.loc[frames["force_mae_mev_per_angstrom"].notna(), "frame_id"]
    assert set(forces) == {"FeO-0", "FeO-1", "FeO-2", "MgO-1"}
    components = read_components(partly.files.components)
    assert set(components.loc[components["property"] == "force", "frame_id"]) == set(forces)
    assert np.isfinite(components[["true", "predicted"]].to_numpy()).all()


def test_elements_count_their_labels(partly):
    rows = read_rows(partly.files.elements)
    found = {row["element"]: row for row in element_means(rows)}
    counts = {name: (row["n_frames"], row["n_atoms"]) for name, row in found.items()}
    assert counts == {
        "O": (4, 4),
        "Na": (3, 0),
        "Mg": (1, 1),
        "Cl": (6, 0),
        "K": (3, 0),
        "Fe": (3, 3),
    }
    assert found["Na"]["force_mae_mev_per_angstrom"] is None
    assert found["Mg"]["energy_mae_mev_per_atom"] > 0


def test_errors_by_material_add_up_to_those_of_the_run(partly):
    table = pq.read_table(partly.materials).to_pandas()
    assert np.isfinite(table["mae"]).all()
    for (seed, name), own in table.groupby(["seed", "property"]):
        of_run = partly.errors[
            (partly.errors["seed"] == seed) & (partly.errors["property"] == name)
        ].iloc[0]
        assert own["n"].sum() == of_run["n"]
        assert np.average(own["mae"], weights=own["n"]) == pytest.approx(of_run["mae"], rel=1e-5)
    assert set(table.loc[table["property"] == "force", "material_id"]) == {"FeO", "MgO"}


def test_kinds_of_frames_are_told_by_labels_that_are_there(partly, energies):
    kinds = {}
    for row in partly.tables.groups:
        kinds[row["kind"]] = kinds.get(row["kind"], 0) + row["n_frames"]
    assert kinds == {"number of elements": 12, "largest force": 4, "energy above lowest": 10}
    assert {row["kind"] for row in energies.tables.groups} == {
        "number of elements",
        "energy above lowest",
    }


def test_only_labelled_frames_are_the_worst(partly, energies):
    ranked = {(row["ranked_by"], row["rank"]): row for row in partly.tables.worst}
    assert max(rank for by, rank in ranked if by == "energy") == 10
    assert max(rank for by, rank in ranked if by == "force") == 4
    assert ranked["force", 4]["force_mae_mev_per_angstrom"] > 0
    assert {row["ranked_by"] for row in energies.tables.worst} == {"energy"}


def test_energies_alone_give_no_other_error(energies):
    assert set(energies.errors["property"]) == {"energy"}
    assert all(line.split("test ")[1].startswith("energy MAE") for line in energies.said)
    assert not any("force" in line for line in energies.said)
    (curve, _) = learning_curve_rows(read_rows(energies.files.errors))
    assert set(curve) == {"method", "size", "seed", "energy_mae_mev_per_atom"}
    assert read_components(energies.files.components).empty
    (row,) = make_table1(energies.errors, energies.points, energies.test_frames).methods
    assert row["force_mae_mev_per_angstrom"] is None
    assert row["energy_mae_mev_per_atom"] > 0


def test_parity_and_phases_take_frames_with_energies(partly):
    assert len(parity_energies([partly.files.frames], partly.test_frames)) == 10
    table = make_table1(partly.errors, partly.points, partly.test_frames)
    assert {row["frame_id"] for row in table.phases} == {"FeO-0", "KCl-0", "MgO-0", "NaCl-0"}
    numbers = [value for value in table.methods[0].values() if isinstance(value, float)]
    assert numbers
    assert np.isfinite(numbers).all()


def test_temperatures_count_the_frames_with_the_label(partly):
    ids = [frame.frame_id for frame in partly.frames]
    temperatures = {name: 300.0 if name.startswith("MgO") else 900.0 for name in ids}
    rows = temperature_transfer(partly.points, ids, temperatures, {"m": (None, ids)})
    counts = {(row["test_temperature_k"], row["property"]): row["n_frames"] for row in rows}
    assert counts == {
        (300.0, "energy"): 1,
        (300.0, "force"): 1,
        (300.0, "stress"): 1,
        (900.0, "energy"): 9,
        (900.0, "force"): 3,
        (900.0, "magmom"): 3,
    }
    assert all(np.isfinite(row["mae"]) for row in rows)
