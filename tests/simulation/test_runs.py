"""The jobs: a row for every simulation, trajectories of the stable ones, going on after a stop."""

import csv

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from rungs.config import Run
from rungs.config.simulations import Simulations
from rungs.errors import StudyError
from rungs.potentials.model_files import save_model
from rungs.simulation import runs
from rungs.simulation.columns import SIMULATION_COLUMNS
from rungs.simulation.initial_conditions import Start
from rungs.simulation.runs import (
    SimulationFiles,
    SimulationPlan,
    simulate_models,
    simulate_reference,
)
from rungs.simulation.trajectories import read_trajectories, write_trajectories


@pytest.fixture
def plan():
    options = Simulations(
        temperatures=[300.0, 600.0], duration=0.02, thermalisation=0.0, sampling_interval=0.004
    )
    crystal = bulk("Cu", cubic=True).repeat(2)
    starts = [Start(t, i, "crystal", crystal.copy(), 7 + i) for t in (300.0, 600.0) for i in (0, 1)]
    # the last one begins broken
    starts[3].atoms.positions[1] = starts[3].atoms.positions[0] + [0.3, 0, 0]
    return SimulationPlan(options, starts, 2.4)


@pytest.fixture
def models(small_model, tmp_path):
    found = {}
    for seed in (0, 4):
        save_model(small_model, tmp_path / f"{seed}.pt")
        found[Run("scratch", 10, seed)] = tmp_path / f"{seed}.pt"
    return found


@pytest.fixture
def outputs(tmp_path):
    return SimulationFiles(tmp_path / "out/10.csv", tmp_path / "out/10.npz")


def rows(outputs):
    with open(outputs.table, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_row_for_every_simulation(models, plan, outputs, tmp_path):
    lines = simulate_models(models, plan, outputs, tmp_path / "kept")
    table = rows(outputs)
    assert tuple(table[0]) == SIMULATION_COLUMNS
    keys = [(r["seed"], r["temperature_k"], r["start"]) for r in table]
    assert keys == [(s, t, i) for s in "04" for t in ("300.0", "600.0") for i in "01"]
    assert [r["stable"] for r in table] == ["True", "True", "True", "False"] * 2
    broken = table[3]
    assert (broken["reason"], broken["stable_ps"], broken["planned_ps"]) == (
        *("distance", "0.0"),
        "0.02",
    )
    assert broken["mean_temperature_k"] == ""
    assert float(table[0]["mean_temperature_k"]) > 100
    assert lines[0].startswith("scratch, 10 frames, seed 0: 3 of 4 simulations stable")
    assert not list((tmp_path / "kept").iterdir())


def test_trajectories_of_the_stable_ones(models, plan, outputs, tmp_path):
    simulate_models(models, plan, outputs, tmp_path / "kept")
    found = list(read_trajectories(outputs.trajectories))
    assert [(t.seed, t.temperature, t.start) for t in found] == [
        (seed, *rest) for seed in (0, 4) for rest in ((300.0, 0), (300.0, 1), (600.0, 0))
    ]
    for trajectory in found:
        assert trajectory.interval_ps == pytest.approx(0.004)
        assert trajectory.positions.shape == trajectory.velocities.shape == (6, 32, 3)
        assert np.array_equal(trajectory.cell, plan.starts[0].atoms.cell.array)
        assert set(trajectory.atomic_numbers) == {29}
    assert np.allclose(found[0].positions[0], plan.starts[0].atoms.positions, atol=1e-5)


def test_a_stopped_job_goes_on_with_the_next_model(models, plan, outputs, tmp_path, monkeypatch):
    simulate_models(models, plan, outputs, tmp_path / "whole")
    whole = rows(outputs), [t.positions for t in read_trajectories(outputs.trajectories)]
    outputs.table.unlink()
    loaded = []

    def load(path, device, stop=True):
        if stop and loaded:
            raise KeyboardInterrupt
        loaded.append(path.name)
        return load_model(path, device)

    load_model = runs.load_model
    monkeypatch.setattr(runs, "load_model", load)
    with pytest.raises(KeyboardInterrupt):
        simulate_models(models, plan, outputs, tmp_path / "kept")
    assert not outputs.table.exists()
    monkeypatch.setattr(runs, "load_model", lambda *given: load(*given, stop=False))
    simulate_models(models, plan, outputs, tmp_path / "kept")
    assert loaded == ["0.pt", "4.pt"]
    assert rows(outputs) == whole[0]
    for one, other in zip(read_trajectories(outputs.trajectories), whole[1], strict=True):
        assert np.array_equal(one.positions, other)


def test_another_machine_goes_on_from_the_bucket(
    models, plan, outputs, tmp_path, monkeypatch, bucket
):
    for name, value in bucket.environment().items():
        monkeypatch.setenv(name, value)
    loaded = []

    def load(path, device, stop=True):
        if stop and loaded:
            raise KeyboardInterrupt
        loaded.append(path.name)
        return load_model(path, device)

    load_model = runs.load_model
    monkeypatch.setattr(runs, "load_model", load)
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        monkeypatch.chdir(tmp_path / machine)
        if machine == "one":
            with pytest.raises(KeyboardInterrupt):
                simulate_models(models, plan, outputs, "results/checkpoints/simulations")
            monkeypatch.setattr(runs, "load_model", lambda *given: load(*given, stop=False))
        else:
            simulate_models(models, plan, outputs, "results/checkpoints/simulations")
    assert loaded == ["0.pt", "4.pt"]
    for name in bucket.environment():
        monkeypatch.delenv(name)
    resumed = rows(outputs)
    simulate_models(models, plan, outputs, tmp_path / "whole")
    assert rows(outputs) == resumed


@pytest.mark.parametrize("what", ["model", "options", "distance", "starts"])
def test_what_was_kept_of_other_simulations_does_not_count(models, plan, small_model, what):
    run, model = next(iter(models.items()))
    before = runs._fingerprint(plan, model)
    assert runs._fingerprint(plan, model) == before
    if what == "model":
        changed = dict(small_model.state_dict())
        name = "mlp.layers.0.weight"
        original = changed[name].clone()
        try:
            changed[name] += 1
            save_model(small_model, model)
        finally:
            changed[name].copy_(original)
    elif what == "options":
        plan = plan._replace(options=plan.options.model_copy(update={"timestep": 1.0}))
    elif what == "distance":
        plan = plan._replace(shortest=2.3)
    else:
        plan.starts[0].atoms.positions[0, 0] += 1e-3
    assert runs._fingerprint(plan, model) != before
    assert run.seed == 0


def test_the_reference_potential(plan, outputs):
    (line,) = simulate_reference(EMT(), plan, outputs)
    assert line.startswith("reference potential: 3 of 4 simulations stable")
    table = rows(outputs)
    assert {(r["method"], r["size"], r["seed"]) for r in table} == {("reference", "0", "-1")}
    assert {t.seed for t in read_trajectories(outputs.trajectories)} == {-1}


def test_no_stable_simulation_is_a_file_all_the_same(tmp_path):
    write_trajectories(tmp_path / "none.npz", [])
    assert list(read_trajectories(tmp_path / "none.npz")) == []


@pytest.mark.parametrize("content", [None, b"", b"nonsense", "cut", "other"])
def test_a_damaged_file_is_named(plan, outputs, content):
    simulate_reference(EMT(), plan, outputs)
    path = outputs.trajectories
    if content is None:
        path.unlink()
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif content == "other":
        with open(path, "wb") as handle:
            np.savez(handle, a=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=r"10\.npz: "):
        list(read_trajectories(path))


def test_with_walls_models_repel_where_the_data_end(models, plan, outputs, tmp_path):
    """Copper atoms that a wall keeps 2.6 Å apart, in a crystal of 2.55 Å, gain energy by it."""
    simulate_models(models, plan, outputs, tmp_path / "kept")
    without = rows(outputs)
    walled = plan._replace(
        options=plan.options.model_copy(update={"wall": 40.0}), walls={(29, 29): 2.6}
    )
    assert plan.walled(len) is len
    simulate_models(models, walled, outputs, tmp_path / "kept")
    with_walls = rows(outputs)
    assert [row["stable"] for row in with_walls] == [row["stable"] for row in without]
    changes = [
        [row["potential_change_ev_per_atom"] for row in table] for table in (without, with_walls)
    ]
    assert changes[0][0] != changes[1][0]
    # energy is conserved with the walls in it
    assert abs(float(with_walls[0]["energy_drift_ev_per_atom"])) < 0.02
