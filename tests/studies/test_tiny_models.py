"""A study of several models, from frames to the report: two sizes of CHGNet and a MACE."""

import json
import re

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet

from rungs.evaluation.tables import read_rows
from rungs.potentials.model_files import load_at_source, load_model
from rungs.potentials.predict import predict
from rungs.potentials.references import get_reference
from rungs.references.fit import read_reference
from rungs.scaling.answers.models import COLUMNS
from rungs.simulation.calculator import ModelCalculator

from ..made_once import made_once

pytest.importorskip("mace", reason="needs the extra mace, which is not installed")


@pytest.fixture(scope="session")
def study(tmp_path_factory, snakemake, repository):
    """The results of the study, run once."""

    def run(folder):
        configuration = str(repository / "tests/studies/tiny_models.yaml")
        snakemake(folder, "--cores", "2", "--configfile", configuration)

    return made_once(tmp_path_factory, "tiny_models", run) / "results/tiny_models"


def test_every_model_has_its_runs_graphs_and_pretraining(study):
    kinds = {}
    for name in ("small", "wide", "mace"):
        record = json.loads((study / f"pretrained-{name}/record.json").read_text())
        run = json.loads((study / f"runs/scratch_{name}/8/seed_0/record.json").read_text())
        assert record["parameters"] == run["parameters"] > 0
        kinds[name] = record["architecture"], record["parameters"]
    assert [kind for kind, _ in kinds.values()] == ["chgnet", "chgnet", "mace"]
    assert kinds["small"][1] < kinds["wide"][1]
    assert sorted(x.name for x in (study / "graphs").glob("*")) == [
        *("source-mace.safetensors", "source-small.safetensors"),
        *("target-mace.safetensors", "target-small.safetensors"),
    ]


def test_all_models_are_judged_on_the_same_frames(study):
    rows = read_rows(study / "evaluation.csv")
    counts = {
        row["method"]: row["n"]
        for row in rows
        if row["size"] == "8" and row["property"] == "energy"
    }
    assert set(counts) == {
        *("scratch_small", "scratch_wide", "scratch_mace"),
        *("transfer_small", "transfer_wide", "transfer_mace"),
        *("residual", "replay", "adapters", "delta_small", "delta_mace"),
    }
    assert len(set(counts.values())) == 1


def test_references_are_the_study_s_for_every_network(study):
    expected = read_reference(study / "references/target.csv").energies
    for name in ("small", "wide", "mace"):
        model = load_model(study / f"runs/transfer_{name}/8/seed_0/model.pt")
        found = get_reference(model)
        assert found[31] == pytest.approx(expected[31], abs=1e-5)


def test_size_0_is_the_pretrained_network(study):
    start = load_model(study / "pretrained-mace/model.pt").state_dict()
    zero = load_model(study / "runs/transfer_mace/0/seed_0/model.pt").state_dict()
    same = {name for name in start if np.array_equal(start[name], zero[name])}
    # germanium's weights are silicon's, references are the target's
    changed = {name for name in start if name not in same}
    assert any("node_embedding" in name for name in changed)
    assert not any("readouts" in name or "linear_up" in name for name in changed)


def test_frozen_layers_of_the_mace_stayed(study):
    start = load_model(study / "pretrained-mace/model.pt").state_dict()
    end = load_model(study / "runs/residual/8/seed_0/model.pt").state_dict()
    frozen = [n for n in start if n.startswith(("network.interactions.0.", "network.products.0."))]
    assert frozen
    assert all(np.array_equal(start[n], end[n]) for n in frozen)
    assert not np.array_equal(
        start["network.readouts.0.linear.weight"], end["network.readouts.0.linear.weight"]
    )


def test_a_replay_has_a_network_for_each_level(study):
    path = study / "runs/replay/8/seed_0/model.pt"
    target, source = load_model(path).state_dict(), load_at_source(path).state_dict()
    changed = [name for name in target if not np.array_equal(target[name], source[name])]
    assert changed == ["atom_embedding.embedding.weight"]
    rows = read_rows(path.with_name("history.csv"))
    assert float(rows[-1]["train_companion_loss"]) > 0
    assert float(rows[-1]["companion_force_mae_mev_per_angstrom"]) > 0


def test_adapters_change_by_a_small_rank(study):
    start = load_model(study / "runs/transfer_mace/0/seed_0/model.pt").state_dict()
    end = load_model(study / "runs/adapters/8/seed_0/model.pt").state_dict()
    name = "network.interactions.1.conv_tp_weights.layer1.weight"
    change = (end[name] - start[name]).double().numpy()
    assert np.linalg.matrix_rank(change, tol=1e-3 * np.abs(change).max()) == 2
    still = "network.products.0.symmetric_contractions.contractions.0.weights_max"
    assert np.array_equal(start[still], end[still])


def test_a_sum_of_two_networks_is_two_files(study):
    from ase.calculators.mixing import SumCalculator
    from chgnet.model import CHGNet
    from chgnet.model.dynamics import CHGNetCalculator

    folder = study / "native/delta_small"
    files = [folder / f"8_seed_0_{part}.pt" for part in ("source", "delta")]
    atoms = bulk("Ge", "diamond", a=5.65, cubic=True)
    atoms.rattle(0.05, seed=0)
    own = [CHGNetCalculator(CHGNet.from_file(str(path)), use_device="cpu") for path in files]
    ours = ModelCalculator(load_model(study / "runs/delta_small/8/seed_0/model.pt"))
    found = []
    for calculator in (SumCalculator(own), ours):
        atoms.calc = calculator
        found.append((atoms.get_potential_energy(), atoms.get_forces()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-4)
    assert np.allclose(found[0][1], found[1][1], atol=1e-5)
    assert sorted(x.name for x in (study / "native/delta_mace").glob("*.model")) == [
        f"{size}_seed_0_{part}.model" for size in (0, 8) for part in ("delta", "source")
    ]
    # on 0 frames the second network adds nothing
    errors = {
        row["method"]: row["mae"]
        for row in read_rows(study / "evaluation.csv")
        if (row["size"], row["property"]) == ("0", "force")
    }
    for model in ("small", "mace"):
        transfer, delta = errors[f"transfer_{model}"], errors[f"delta_{model}"]
        assert float(delta) == pytest.approx(float(transfer), rel=1e-5)


def test_strategies_stand_beside_plain_fine_tuning(study):
    rows = read_rows(study / "tables/strategies.csv")
    assert {row["plain"] for row in rows} == {"transfer_small"}
    assert {row["method"] for row in rows if row["size"] == "8"} == {
        *("scratch_small", "transfer_small", "replay", "delta_small")
    }
    for row in rows:
        assert (row["error_ratio"] == "") == (row["method"] == "transfer_small")
        assert float(row["source_error"]) > 0
        # one element alone: no chemistry is new
        assert row["n_new_materials"] == "0"
    assert "plain fine-tuning (``transfer_small``)" in (study / "answer.rst").read_text()
    assert (study / "figures/strategies.png").stat().st_size > 10_000


def test_pseudolabels_are_predicted_once(study):
    assert sorted(x.name for x in study.glob("pretrained*/pseudolabels.parquet")) == [
        "pseudolabels.parquet"
    ]
    assert (study / "pretrained-small/pseudolabels.parquet").exists()


def test_its_own_calculator_runs_what_the_study_made(study):
    from mace.calculators import MACECalculator

    from rungs.graphs.build import build_graph

    model = load_model(study / "runs/transfer_mace/8/seed_0/model.pt")
    atoms = bulk("Ge", "diamond", a=5.65, cubic=True)
    atoms.rattle(0.05, seed=0)
    path = study / "native/transfer_mace/8_seed_0.model"
    atoms.calc = MACECalculator(model_paths=str(path), device="cpu", default_dtype="float64")
    graph = build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 4.5, 0.0)
    (ours,) = predict(model.double(), [graph])
    assert atoms.get_potential_energy() / 8 == pytest.approx(ours.energy_per_atom, abs=1e-6)
    assert np.allclose(atoms.get_forces(), ours.forces, atol=1e-6)
    before = atoms.get_total_energy()
    VelocityVerlet(atoms, timestep=0.5 * units.fs).run(20)
    assert atoms.get_total_energy() == pytest.approx(before, abs=2e-3)


def test_models_stand_side_by_side(study):
    rows = read_rows(study / "tables/models.csv")
    assert tuple(rows[0]) == COLUMNS
    energy = [r for r in rows if r["metric"] == "energy_mae_mev_per_atom" and r["size"] == "8"]
    errors = [float(row["mean_error"]) for row in energy]
    assert errors == sorted(errors)
    cost = {
        row["method"]: float(row["fine_tuning_seconds"]) + float(row["pretraining_seconds"])
        for row in energy
    }
    assert cost["transfer_mace"] > cost["scratch_mace"] > 0
    for row in energy:
        better = [
            other
            for other in energy
            if float(other["mean_error"]) <= float(row["mean_error"])
            and cost[other["method"]] < cost[row["method"]]
        ]
        assert (row["on_frontier"] == "True") == (not better)
    # of the network, also where a method has it twice
    parameters = {row["model"]: int(row["parameters"]) for row in rows}
    for name, number in parameters.items():
        record = json.loads((study / f"pretrained-{name}/record.json").read_text())
        assert number == record["parameters"]
    laws = read_rows(study / "tables/size_laws.csv")
    assert {(row["kind"], row["strategy"]) for row in laws} == {
        ("chgnet", "scratch"),
        ("chgnet", "transfer"),
    }


def test_every_stage_went_through(study):
    methods = {row["method"] for row in read_rows(study / "tables/gradients.csv")}
    assert {"transfer_small", "transfer_mace"} <= methods
    layers = {
        row["layer"]
        for row in read_rows(study / "tables/gradients.csv")
        if row["method"] == "transfer_mace"
    }
    assert {"whole network", "atom embedding", "first product", "last readout"} <= layers
    assert {r["method"] for r in read_rows(study / "tables/stability.csv")} >= {"transfer_mace"}
    assert {r["method"] for r in read_rows(study / "tables/forgetting.csv")} >= {"transfer_mace"}
    properties = read_rows(study / "tables/properties.csv")
    compared = [r for r in properties if r["method"] == "transfer_mace" and r["n_compared"]]
    assert compared
    assert (study / "answer.rst").read_text().count("scratch_mace") >= 1


def test_what_it_costs_is_told_for_each_model(study, snakemake, repository):
    configuration = str(repository / "tests/studies/tiny_models.yaml")
    done = snakemake(study.parents[1], "estimate", "--cores", "1", "--configfile", configuration)
    rows = read_rows(study / "estimate.csv")
    stages = {(row["model"], row["stage"]) for row in rows}
    assert {(m, s) for m in ("small", "wide", "mace") for s in ("pretrain", "fine_tune")} <= stages
    assert re.search(r"^mace +pretrain ", done.stdout, re.MULTILINE)
