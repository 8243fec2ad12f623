"""A study whose target has energies alone, its test frames forces too, and no frame at both levels:
the whole chain, and that nothing in it pretends to labels that there are not."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from rungs.frames.table import read_frames
from rungs.potentials.model_files import load_model


def copper(count, seed, **missing):
    """Rattled pairs of atoms; the source has moments, so that there are some to lose."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        atoms = bulk("Cu", a=3.6 * random.uniform(0.97, 1.03)).repeat((2, 1, 1))
        atoms.rattle(0.1, seed=int(random.integers(1 << 30)))
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        labels["magmoms"] = random.uniform(0.5, 1.5, size=2)
        labels |= {name: np.full_like(labels[name], np.nan) for name in missing}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        made.append(atoms)
    return made


ATOMS = {"source": 3.51, "target": 3.76}
"""eV of an atom of copper alone, at the two levels."""


def lone_atom(level):
    atoms = bulk("Cu", a=25.0)
    atoms.calc = SinglePointCalculator(atoms, energy=ATOMS[level], forces=np.zeros((1, 3)))
    atoms.info["config_type"] = "IsolatedAtom"
    return atoms


@pytest.fixture(scope="module")
def study(snakemake, tmp_path_factory, tiny_config):
    """The results, and what was said on the way."""
    folder = tmp_path_factory.mktemp("energies")
    write(folder / "source.xyz", [lone_atom("source"), *copper(12, 0)], format="extxyz")
    bare = {"forces": None, "magmoms": None}
    write(folder / "train.xyz", [lone_atom("target"), *copper(10, 1, **bare)], format="extxyz")
    write(folder / "test.xyz", copper(4, 2, magmoms=None), format="extxyz")
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):
        del values[section]
    values |= {"study": "energies", "title": "Energies alone", "data_folder": str(folder)}
    keys = {
        **{"kind": "extended_xyz", "energy_key": "energy", "energy_unit": "eV"},
        **{"forces_key": "forces", "forces_unit": "eV/Å", "stress_key": None},
        "magmoms_key": "magmoms",
    }
    values["source"]["data"] = {**keys, "train": ["source.xyz"]}
    values["target"] = {
        **{"label": "EMT", "functional": "EMT"},
        "data": {**keys, "train": ["train.xyz"], "test": ["test.xyz"]},
    }
    values["subsets"] = {"sizes": [2, 6], "seeds": [0]}
    values["methods"] = {
        "scratch": {"initial": "random", "reference": "target"},
        "transfer": {"initial": "pretrained", "reference": "target"},
        "isolated_atoms": {"initial": "pretrained", "reference": "isolated_atoms"},
    }
    config = folder / "energies.yaml"
    config.write_text(yaml.safe_dump(values))
    done = snakemake(folder, "--cores", "2", "--configfile", str(config))
    return folder / "results/energies", done.stdout


def rows(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_frames_have_the_labels_that_they_have(study):
    results, said = study
    frames = {frame.frame_id: frame for frame in read_frames(results / "frames/target.parquet")}
    parts = {row["frame_id"]: row["part"] for row in rows(results / "splits/split.csv")}
    for name, frame in frames.items():
        expected = ("energy", "forces") if parts[name] == "test" else ("energy",)
        assert frame.labels == expected
    assert "labels: energy, forces on 4 of 14, no stress, no magnetic moments" in said
    assert "10 forces taken for missing: not finite" in said
    table = {(r["level"], r["part"]): r for r in rows(results / "tables/split_summary.csv")}
    assert table["target", "test"]["n_forces"] == table["target", "test"]["frames"] == "4"
    assert table["target", "train"]["n_forces"] == table["target", "train"]["n_magmoms"] == "0"
    assert table["source", "train"]["n_forces"] == table["source", "train"]["frames"]


def test_isolated_atoms_are_set_aside_and_are_the_references_of_a_method(study):
    results, said = study
    assert said.count("1 isolated atom (Cu) set aside") == 2
    for level in ("source", "target"):
        (atom,) = rows(results / f"frames/{level}_isolated_atoms.csv")
        assert (atom["element"], float(atom["energy_ev"])) == ("Cu", ATOMS[level])
    model = load_model(results / "runs/isolated_atoms/6/seed_0/model.pt")
    pretrained = load_model(results / "pretrained/model.pt")
    before, after = (m.composition_model.fc.weight[0, 28].item() for m in (pretrained, model))
    assert after - before == pytest.approx(ATOMS["target"] - ATOMS["source"], abs=1e-5)


def test_weights_that_do_nothing_are_named_before_any_training(study):
    results, _ = study
    log = (results / "logs/check_methods.log").read_text()
    assert "fine_tuning.weights.force = 1 does nothing: no training frame of the target" in log
    assert "pretraining.training.weights.force" not in log


def test_training_is_on_energies_and_force_errors_are_measured(study):
    results, _ = study
    history = rows(results / "runs/transfer/6/seed_0/history.csv")[-1]
    assert float(history["train_energy_loss"]) > 0
    assert history["train_force_loss"] == history["train_magmom_loss"] == ""
    assert float(history["validation_energy_mae_mev_per_atom"]) > 0
    assert history["validation_force_mae_mev_per_angstrom"] == ""
    record = json.loads((results / "runs/transfer/6/seed_0/record.json").read_text())
    assert record["labelled"] == {"energy": 6, "force": 0, "stress": 0, "magmom": 0}
    for row in rows(results / "learning_curve.csv"):
        assert float(row["energy_mae_mev_per_atom"]) > 0
        assert float(row["force_mae_mev_per_angstrom"]) > 0
        assert row["stress_mae_gpa"] == row["magmom_mae_mu_b"] == ""


def test_the_head_of_the_moments_keeps_its_weights(study):
    results, _ = study
    before = load_model(results / "pretrained/model.pt").site_wise.state_dict()
    after = load_model(results / "runs/transfer/6/seed_0/model.pt")
    assert all(torch.equal(before[n], after.site_wise.state_dict()[n]) for n in before)
    embedding = load_model(results / "pretrained/model.pt").atom_embedding.state_dict()
    changed = after.atom_embedding.state_dict()
    assert not all(torch.equal(embedding[name], changed[name]) for name in embedding)


def test_the_levels_are_compared_by_predictions(study):
    results, _ = study
    table = {row["comparison"]: row for row in rows(results / "tables/level_correlations.csv")}
    assert {row["source_values"] for row in table.values()} == {"predicted by the pretrained model"}
    assert table["raw"]["n"] == "10"  # training and validation frames, no test frame
    assert float(table["raw"]["mae"]) > 0
    assert table["forces"]["n"] == "0"


def test_no_table_has_a_number_that_is_none(study):
    results, _ = study
    tables = [
        *results.glob("*.csv"),
        *results.glob("tables/*.csv"),
        *results.glob("runs/*/*/*/*.csv"),
    ]
    assert len(tables) > 20
    for path in tables:
        for row in rows(path):
            assert "nan" not in {str(value).lower() for value in row.values()}, path


def test_every_figure_is_drawn(study):
    results, _ = study
    names = {path.stem for path in results.glob("figures/*.png")}
    assert names >= {"learning_curves", "levels", "level_shifts", "parity", "histories", "methods"}


def test_the_report_opens_with_what_is_labelled(study):
    results, _ = study
    text = (results / "opening.rst").read_text()
    assert "EMT: 14 frames, energy, forces on 4 of 14, no stress, no magnetic moments." in text
    assert "No EMT training frame has forces: models are fine-tuned on energies alone" in text
    assert "that output keeps its pretrained weights (random ones from scratch)" in text
    summary = json.loads((results / "summary.json").read_text())
    assert summary["target"]["labelled"] == {
        **{"energy": 14, "forces": 4},
        **{"stress": 0, "magmoms": 0},
    }
