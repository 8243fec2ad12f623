"""The whole chain on a tiny configuration, and what a rerun does."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
import yaml

from rungs.config import load_study

FIGURES = (
    "levels",
    "level_shifts",
    "reference_shift",
    "references",
    "gradients",
    "methods",
    "learning_curves",
    "histories",
    "parity",
    "element_errors",
    "forgetting",
    "stability",
    "properties",
    "property_effects",
    "equation_of_state",
    "distributions",
)


@pytest.fixture(scope="module")
def study(tiny_config):
    with open(tiny_config) as handle:
        return load_study(yaml.safe_load(handle))


def rows(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_every_figure_is_there_in_three_forms(tiny_study):
    for name in FIGURES:
        assert (tiny_study / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (tiny_study / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert "<svg" in (tiny_study / f"figures/{name}.svg").read_text()


def test_learning_curve_has_each_run_once(tiny_study, study):
    curve = rows(tiny_study / "learning_curve.csv")
    runs = [(row["method"], int(row["size"]), int(row["seed"])) for row in curve]
    assert sorted(runs) == sorted(map(tuple, study.runs))
    for row in curve:
        assert float(row["energy_mae_mev_per_atom"]) > 0
        assert float(row["force_mae_mev_per_angstrom"]) > 0


def test_evaluation_gives_units_and_counts(tiny_study, study):
    table = rows(tiny_study / "evaluation.csv")
    assert len(table) == 4 * len(study.runs)
    counts = {(row["property"], row["unit"]): {r["n"] for r in table if r == row} for row in table}
    assert set(counts) == {
        ("energy", "meV/atom"),
        ("force", "meV/Å"),
        ("stress", "GPa"),
        ("magmom", "μB"),
    }
    for name in ("energy", "force"):
        assert len({row["n"] for row in table if row["property"] == name}) == 1
    assert all(float(row["rmse"]) >= float(row["mae"]) > 0 for row in table)


def test_errors_by_frame_and_material_are_those_of_the_runs(tiny_study, study):
    import pandas as pd

    keys = ["method", "size", "seed", "property"]
    evaluation = pd.read_csv(tiny_study / "evaluation.csv").set_index(keys)
    materials = pd.read_parquet(tiny_study / "tables/material_errors.parquet")
    materials["sum"] = materials["mae"] * materials["n"]
    sums = materials.groupby(keys)[["sum", "n"]].sum()
    assert len(sums) == len(evaluation) == 4 * len(study.runs)
    evaluation = evaluation.loc[sums.index]
    assert (sums["n"] == evaluation["n"]).all()
    assert np.allclose(sums["sum"] / sums["n"], evaluation["mae"], rtol=1e-6)
    worst = rows(tiny_study / "tables/worst_frames.csv")
    assert {row["method"] for row in worst} == set(study.methods)
    groups = rows(tiny_study / "tables/errors_by_group.csv")
    assert {"number of elements", "largest force", "energy above lowest", "group"} == {
        row["kind"] for row in groups
    }


def test_table1_has_every_method_and_says_what_it_lacks(tiny_study, study):
    table = rows(tiny_study / "tables/table1.csv")
    assert [row["method"] for row in table] == list(study.methods)
    for row in table:
        assert float(row["energy_mae_mev_per_atom"]) > 0
        assert row["formation_energy_mae_mev_per_atom"] == ""
        assert "formation energy is not defined for this study" in row["note"]
        assert "other target materials do not make up their composition" in row["note"]
    for method, size in study.largest_points:
        assert (tiny_study / f"evaluations/{method}/{size}_phases.parquet").exists()
    phases = rows(tiny_study / "tables/competing_phases.csv")
    assert {row["part"] for row in phases if row["decomposition_energy_left_out"]} == {"test"}


def test_forgetting_starts_from_the_pretrained_model(tiny_study, study):
    """A run on 0 frames, whatever its references, errs on the source as the pretrained model."""
    table = rows(tiny_study / "tables/forgetting.csv")
    assert len(table) == 4 * len(study.runs)
    untouched = [row for row in table if row["size"] == "0"]
    assert {row["method"] for row in untouched} == {
        *("frozen_reference", "target_reference", "briefly_pretrained", "subset_reference")
    }
    assert all(float(row["ratio"]) == 1 for row in untouched)
    tuned = [row for row in table if row["method"] == "target_reference" and row["size"] == "12"]
    assert all(float(row["ratio"]) != 1 for row in tuned)


def test_every_model_is_simulated_from_the_same_starts(tiny_study, study):
    """Untrained toys break; that is a result, and no trajectory is kept of them."""
    from rungs.simulation.trajectories import read_trajectories

    table = rows(tiny_study / "simulations.csv")
    points = study.simulated_points
    assert len(table) == 4 * sum(map(len, points.values())) == 20
    starts = {(r["temperature_k"], r["start"], r["start_frame"], r["n_atoms"]) for r in table}
    assert len(starts) == 4
    for row in table:
        assert (row["stable"] == "True") == (row["reason"] == "")
        assert 0 <= float(row["stable_ps"]) <= float(row["planned_ps"]) == 0.04
    for method, size in points:
        stable = [r for r in table if (r["method"], r["size"]) == (method, str(size))]
        stable = [(int(r["seed"]), int(r["start"])) for r in stable if r["stable"] == "True"]
        found = read_trajectories(tiny_study / f"simulations/{method}/{size}.npz")
        assert [(t.seed, t.start) for t in found] == stable
    stability = rows(tiny_study / "tables/stability.csv")
    assert [r["method"] for r in stability if r["temperature_k"] == ""] == [
        *("scratch", "target_reference", "target_reference")
    ]


def test_properties_of_the_chosen_models(tiny_study, study):
    """What has no result says why; what has one is beside its reference."""
    table = rows(tiny_study / "tables/property_runs.csv")
    names = {"lattice_constant", "bulk_modulus", "equation_of_state", "radial_distribution"}
    for (method, size), seeds in study.property_points.items():
        own = [row for row in table if (row["method"], row["size"]) == (method, str(size))]
        assert {row["property"] for row in own} == names
        assert {row["seed"] for row in own} == set(map(str, seeds))
    assert {row["method"] for row in table} == {"scratch", "target_reference"}
    for row in table:
        assert row["note"] if row["failed"] == "1" else row["note"] or row["unit"]
        assert (row["reference"] == "4.2") == (row["property"] == "lattice_constant")
        if row["property"] == "lattice_constant" and row["failed"] == "0":
            assert float(row["error"]) == pytest.approx(float(row["value"]) - 4.2)
        if row["property"] == "radial_distribution":
            stable = [
                r["stable"]
                for r in rows(tiny_study / "simulations.csv")
                if all(r[key] == row[key] for key in ("method", "size", "seed"))
                and float(r["temperature_k"]) == float(row["temperature_k"])
            ]
            note = f"{stable.count('True')} of {len(stable)} simulations stable"
            assert row["note"].startswith(note)
    means = rows(tiny_study / "tables/properties.csv")
    assert len(means) == 2 * (3 + 2)  # methods; three static, one at two temperatures
    assert all(row["n_seeds"] == "2" for row in means)


def test_no_material_is_on_both_sides(tiny_study):
    parts = {}
    for row in rows(tiny_study / "splits/split.csv"):
        parts.setdefault(row["material_id"], set()).add(row["part"])
    assert all(len(found) == 1 for found in parts.values())
    assert {"train", "validation", "test"} == set.union(*parts.values())


def test_every_run_tells_what_it_cost(tiny_study, study):
    for run in study.runs:
        folder = tiny_study / f"runs/{run.method}/{run.size}/seed_{run.seed}"
        record = json.loads((folder / "record.json").read_text())
        history = rows(folder / "history.csv")
        assert record["peak_memory_mb"] > 0
        assert record["device"]
        assert (record["size"], record["seed"]) == (run.size, run.seed)
        if run.size:
            assert record["frames_per_second"] > 0
            assert [int(row["update"]) for row in history] == [3, 6]
            best = min(history, key=lambda row: float(row["validation_loss"]))
            assert record["chosen_update"] == int(best["update"])
        else:
            assert record["frames_per_second"] is None
            assert history == []


def test_costs_have_a_row_for_every_training(tiny_study, study):
    table = rows(tiny_study / "tables/costs.csv")
    assert [row["method"] for row in table] == [
        *("pretraining", "pretraining"),
        *(run.method for run in study.runs),
    ]
    assert all(row["device"] and float(row["wall_seconds"]) > 0 for row in table)


def test_gradients_are_those_of_the_transfers_on_the_most_frames(tiny_study, study):
    table = rows(tiny_study / "tables/gradients.csv")
    found = {(row["method"], int(row["size"]), int(row["seed"])) for row in table}
    assert found == {tuple(r) for r in study.runs if r.size == 12 and r.method != "scratch"}
    first = {
        (row["method"], row["seed"]): float(row["gradient_norm"])
        for row in table
        if (row["update"], row["layer"]) == ("0", "whole network")
    }
    assert first["frozen_reference", "0"] > first["target_reference", "0"]


def test_rules_for_references_are_those_of_the_runs(tiny_study):
    """The run that fits least squares to its subset is a row of the table, before its training."""
    table = rows(tiny_study / "tables/reference_errors.csv")
    zero = next(
        row
        for row in rows(tiny_study / "evaluations/target_reference/0.csv")
        if row["property"] == "energy"
    )
    training = {row["rule"]: row for row in table if row["fitted_on"] == "training"}
    assert float(training["target"]["pretrained_mae_mev_per_atom"]) == pytest.approx(
        float(zero["mae"]), rel=1e-4
    )


def test_references_are_what_the_methods_ask_for(tiny_study):
    def energies(path):
        return np.array([float(row["energy_ev_per_atom"]) for row in rows(tiny_study / path)])

    source, target = energies("references/source.csv"), energies("references/target.csv")
    assert np.abs(source - target).max() > 1  # GGA to r2SCAN: several eV/atom
    last = "12/seed_0/reference.csv"
    assert np.allclose(energies(f"runs/frozen_reference/{last}"), source, atol=1e-5)
    assert np.allclose(energies(f"runs/target_reference/{last}"), target, atol=1e-5)
    trained = energies(f"runs/trainable_reference/{last}")
    moved = np.abs(trained - source)
    assert 0 < moved.max() < 0.1  # trained along, by steps of the learning rate
    # Size 0 knows no target energy, so a reference fitted to the subset is the source's.
    assert np.allclose(energies("runs/subset_reference/0/seed_0/reference.csv"), source, atol=1e-5)
    assert not np.allclose(energies("runs/subset_reference/4/seed_0/reference.csv"), source)


def test_result_loads_with_chgnet_and_predicts_what_was_evaluated(tiny_study):
    """The saved model is CHGNet's own; its errors are those in evaluation.csv."""
    from chgnet.model import CHGNet
    from pymatgen.core import Structure

    from rungs.frames.table import read_frames

    model = CHGNet.from_file(str(tiny_study / "runs/target_reference/12/seed_1/model.pt"))
    test = {
        row["frame_id"]
        for row in rows(tiny_study / "splits/split.csv")
        if row["level"] == "target" and row["part"] == "test"
    }
    frames = [f for f in read_frames(tiny_study / "frames/target.parquet") if f.frame_id in test]
    structures = [
        Structure(f.cell, f.atomic_numbers, f.cart_coords, coords_are_cartesian=True)
        for f in frames
    ]
    predicted = model.predict_structure(structures)
    energy = [abs(p["e"] - f.energy_per_atom) for p, f in zip(predicted, frames, strict=True)]
    forces = np.concatenate(
        [np.abs(p["f"] - f.forces).ravel() for p, f in zip(predicted, frames, strict=True)]
    )
    errors = {
        row["property"]: row
        for row in rows(tiny_study / "evaluations/target_reference/12.csv")
        if row["seed"] == "1"
    }
    assert int(errors["energy"]["n"]) == len(frames)
    assert float(errors["energy"]["mae"]) == pytest.approx(1000 * np.mean(energy), rel=1e-3)
    assert float(errors["force"]["mae"]) == pytest.approx(1000 * forces.mean(), rel=1e-3)


def test_the_study_sums_itself_up(tiny_study, study):
    summary = json.loads((tiny_study / "summary.json").read_text())
    assert summary["question"] == "How many r2SCAN frames does pretraining on GGA save?"
    assert summary["baseline"] == "scratch"
    answer = (tiny_study / "answer.rst").read_text()
    assert [line.replace("``", "") for line in answer.splitlines()] == summary["answer"]
    assert {row["method"] for row in summary["plan"]} == set(study.methods)
    assert len(rows(tiny_study / "tables/plan.csv")) == len(summary["plan"])
    assert len(rows(tiny_study / "tables/law_checks.csv")) == len(summary["laws"])


def test_second_run_does_nothing(snakemake, tiny_study, tiny_config):
    done = snakemake(tiny_study.parents[1], "--cores", "2", "--configfile", tiny_config)
    assert "Nothing to be done" in done.stdout


def test_the_same_numbers_come_again(snakemake, tiny_study, tiny_config, tmp_path):
    """A run that is deleted and done again gives the same errors to the last digit."""
    shutil.copytree(tiny_study.parents[1], tmp_path / "again")
    table = tmp_path / "again/results/tiny/evaluations/target_reference/12.csv"
    before = table.read_text()
    shutil.rmtree(tmp_path / "again/results/tiny/runs/target_reference/12/seed_1")
    table.unlink()
    target = "results/tiny/evaluations/target_reference/12.csv"
    snakemake(tmp_path / "again", target, "--cores", "1", "--configfile", tiny_config)
    assert table.read_text() == before


def test_a_changed_key_reruns_what_depends_on_it(snakemake, tiny_study, tiny_config, tmp_path):
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["subsets"]["seeds"] = [0, 1, 2]
    longer = tmp_path / "longer.yaml"
    longer.write_text(yaml.safe_dump(values))
    done = snakemake(tiny_study.parents[1], "-n", "--cores", "2", "--configfile", str(longer))
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    # scratch and target_reference at sizes 4 and 12, for the new seed only
    assert jobs["fine_tune"] == "4"
    assert "pretrain" not in jobs
    assert "make_frames" not in jobs


def test_report_is_one_file_with_every_figure(snakemake, tiny_study, tiny_config, tmp_path):
    report = tmp_path / "report.html"
    snakemake(
        tiny_study.parents[1], "--cores", "1", "--configfile", tiny_config, "--report", str(report)
    )
    text = report.read_text()
    for name in FIGURES:
        assert f"{name}.png" in text
    assert "not DFT" in text


def test_a_smaller_pretraining_is_another_one(tiny_study):
    records = [
        json.loads((tiny_study / name / "record.json").read_text())
        for name in ("pretrained", "pretrained_10")
    ]
    assert records[0]["n_frames"] > records[1]["n_frames"] == 10
    before = {
        row["method"]: row["pretrained_mae"]
        for row in rows(tiny_study / "tables/forgetting.csv")
        if row["property"] == "energy"
    }
    assert before["briefly_pretrained"] != before["target_reference"]
    laws = rows(tiny_study / "tables/joint_laws.csv")
    assert {row["methods"] for row in laws} == {"target_reference briefly_pretrained"}
    assert {row["smallest_pretraining"] for row in laws} == {"10"}
    summary = json.loads((tiny_study / "summary.json").read_text())
    assert len(summary["joint_laws"]) == len(laws)


def test_lint_finds_nothing(snakemake, tmp_path, tiny_config):
    done = snakemake(tmp_path, "--configfile", tiny_config, "--lint", check=False)
    assert "Congratulations" in done.stdout, done.stdout


def test_the_estimate_covers_every_job(tiny_study, tiny_config, snakemake, study):
    """Asked for after the study here, as it takes the same graphs."""
    arguments = ("estimate", "--cores", "1", "--configfile", tiny_config)
    done = snakemake(tiny_study.parents[1], *arguments)
    table = rows(tiny_study / "estimate.csv")
    jobs = {(row["stage"], int(row["size"])): int(row["jobs"]) for row in table}
    assert jobs["evaluate", 0] == len(study.points)
    assert sum(n for (stage, _), n in jobs.items() if stage == "pretrain") == 2
    assert jobs["gradients", 12] == 1
    assert sum(n for (stage, _), n in jobs.items() if stage == "fine_tune") == sum(
        1 for run in study.runs if run.size
    )
    assert all(float(row["job_minutes"]) > 0 for row in table)
    assert "divide by how many jobs run at once" in done.stdout


def test_a_price_changes_the_plan_only(snakemake, tiny_study, tiny_config, tmp_path):
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["target"]["price"] = {"amount": 12, "unit": "core-hours"}
    priced = tmp_path / "priced.yaml"
    priced.write_text(yaml.safe_dump(values))
    done = snakemake(tiny_study.parents[1], "-n", "--cores", "2", "--configfile", str(priced))
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert {"record_study", "plan", "summarize"} <= set(jobs)
    assert not {"make_frames", "fit_references", "pretrain", "fine_tune", "evaluate"} & set(jobs)


def test_provenance_tells_what_made_every_training(tiny_study, study):
    from rungs.workflow.revision import code_digest

    facts = json.loads((tiny_study / "provenance.json").read_text())
    (maker,) = facts["trainings"]
    runs = [f"{run.method}/{run.size}/seed_{run.seed}" for run in study.runs]
    assert maker["names"] == ["pretrained", "pretrained_10", *runs]
    assert maker["code"] == facts["data"]["source"]["made_by"]["code"] == code_digest()
    assert facts["data"]["target"]["frames"] > 0
    moments = [facts[name] for name in ("first_job", "last_training_ended", "written")]
    assert moments == sorted(moments)
    assert facts["configuration"]["seeds"] == [0, 1]
    costs = rows(tiny_study / "tables/costs.csv")
    assert {row["code"] for row in costs} == {maker["code"]}
    table = dict(map(dict.values, rows(tiny_study / "tables/provenance.csv")))
    assert table["configuration"].endswith("tests/studies/tiny.yaml")


def test_the_same_configuration_by_another_path_is_the_same_study(
    snakemake, tiny_study, tiny_config, tmp_path
):
    """Provenance names the file, but a finished study stays finished."""
    other = shutil.copy(tiny_config, tmp_path / "other.yaml")
    done = snakemake(tiny_study.parents[1], "-n", "--cores", "2", "--configfile", str(other))
    assert "Nothing to be done" in done.stdout


def test_tracking_trains_nothing_anew(snakemake, tiny_study, tiny_config, tmp_path):
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["tracking"] = {"tensorboard": True}
    tracked = tmp_path / "tracked.yaml"
    tracked.write_text(yaml.safe_dump(values))
    done = snakemake(tiny_study.parents[1], "-n", "--cores", "2", "--configfile", str(tracked))
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert "record_study" in jobs
    assert not {"make_frames", "pretrain", "fine_tune", "evaluate", "simulate"} & set(jobs)


def test_a_tracked_run_has_events_in_its_own_folder(snakemake, tiny_study, tiny_config, tmp_path):
    shutil.copytree(tiny_study.parents[1], tmp_path / "again")
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["tracking"] = {"tensorboard": True}
    tracked = tmp_path / "tracked.yaml"
    tracked.write_text(yaml.safe_dump(values))
    name = "target_reference/12/seed_1"
    shutil.rmtree(tmp_path / "again/results/tiny/runs" / name)
    target = f"results/tiny/runs/{name}/model.pt"
    snakemake(tmp_path / "again", target, "--cores", "1", "--configfile", str(tracked))
    events = list((tmp_path / "again/results/tiny/tensorboard").rglob("events.*"))
    assert [path.parent for path in events] == [tmp_path / "again/results/tiny/tensorboard" / name]


@pytest.mark.slow
def test_two_runs_on_one_machine_compare_equal(
    snakemake, tiny_study, tiny_config, tmp_path, capsys
):
    from rungs.cli.main import main

    snakemake(tmp_path, "--cores", "2", "--configfile", tiny_config)
    status = main(["compare", str(tiny_study), str(tmp_path / "results/tiny")])
    assert status == 0, capsys.readouterr().out
