"""A model's curves and numbers beside the reference's, and the files between."""

import numpy as np
import pytest

from rungs.config.properties import Properties, ReferenceValue
from rungs.config.study import Run
from rungs.files import write_rows
from rungs.properties.compare import (
    REFERENCE_COLUMNS,
    Reference,
    read_reference,
    reference_rows,
    run_rows,
    sampling_noise,
)
from rungs.properties.curves import Curve, difference, read_curve_tables, read_curves, write_curves
from rungs.properties.motion import Simulated, dynamic_properties
from rungs.properties.static import Found, Value
from rungs.simulation.trajectories import Trajectory

RUN = Run("copied", 10, 1)
OPTIONS = Properties(
    calculate=["radial_distribution", "angular_distribution", "vibrational_density_of_states"],
    largest_distance=5.0,
)


def make_trajectory(seed=0, start=0, temperature=300.0, frequency=5.0, spread=0.1, n=200):
    """Atoms on a simple cubic lattice, each swinging about its place."""
    rng = np.random.default_rng([seed + 1, start, int(100 * spread)])
    sites = np.stack(np.meshgrid(*[np.arange(3) * 2.5] * 3), axis=-1).reshape(-1, 3)
    phase = (
        rng.uniform(0, 2 * np.pi, (1, 27, 3))
        + 2 * np.pi * frequency * 0.02 * np.arange(n)[:, None, None]
    )
    return Trajectory(
        seed=seed,
        temperature=temperature,
        start=start,
        interval_ps=0.02,
        atomic_numbers=np.full(27, 32),
        cell=np.eye(3) * 7.5,
        positions=(sites + spread * np.sin(phase)).astype(np.float32),
        velocities=np.cos(phase).astype(np.float32),
    )


def make_simulated(*trajectories, n_runs=None):
    counts = {}
    for run in trajectories:
        key = run.seed, run.temperature
        counts[key] = counts.get(key, 0) + 1
    return Simulated(counts | (n_runs or {}), list(trajectories))


def rows_by_name(found, reference):
    return {row["property"]: row for row in run_rows(RUN, found, reference)}


def test_errors_of_numbers():
    found = Found(
        [Value("c44", 70.0), Value("c12", 40.0), Value("c11", None, "no minimum", failed=True)], []
    )
    rows = rows_by_name(found, Reference({"c44": 60.0, "c11": 130.0}, []))
    assert rows["c44"]["error"] == 10.0
    assert (rows["c44"]["unit"], rows["c44"]["reference"]) == ("GPa", 60.0)
    assert rows["c12"].get("error") is None
    assert rows["c11"].get("error") is None
    assert (rows["c11"]["failed"], rows["c11"]["note"]) == (1, "no minimum")
    assert (rows["c44"]["method"], rows["c44"]["size"], rows["c44"]["seed"]) == ("copied", 10, 1)


def test_area_between_distributions():
    x = np.linspace(0, 10, 1001)
    box = Curve("radial_distribution", x, np.where(x < 4, 1.0, 0.0))
    moved = box._replace(y=np.where((x >= 1) & (x < 5), 1.0, 0.0))
    apart = box._replace(y=np.where(x >= 6, 1.0, 0.0))
    assert difference([box], [box]) == 0
    assert difference([moved], [box]) == pytest.approx(50, abs=0.5)
    assert difference([apart], [box]) == pytest.approx(200, abs=0.5)
    coarse = box._replace(x=x[::10], y=moved.y[::10])
    assert difference([coarse], [box]) == pytest.approx(50, abs=3)


def test_equations_of_state_at_the_references_volumes():
    def curve(v0, modulus, n=9):
        volumes = v0 * np.linspace(0.97, 1.03, n) ** 3
        ratio = (v0 / volumes) ** (2 / 3) - 1
        # Birch and Murnaghan's with B' = 4
        return Curve("equation_of_state", volumes, 9 / 8 * v0 * modulus * ratio**2)

    reference = curve(22.0, 500.0)
    assert difference([curve(22.0, 500.0)], [reference]) == pytest.approx(0, abs=1e-6)
    stiffer = difference([curve(22.0, 750.0)], [reference])
    assert stiffer == pytest.approx(0.5 * reference.y.mean(), rel=1e-4)
    assert difference([curve(23.0, 500.0)], [reference]) > stiffer


def test_a_model_is_compared_over_the_starts_that_it_survived():
    """Start 1 of the reference moves differently; a model that lost it is not blamed."""
    wanted = make_simulated(make_trajectory(-1, 0), make_trajectory(-1, 1, frequency=9.0))
    reference = Reference({}, dynamic_properties(wanted, 3.0, OPTIONS).curves)
    survivor = make_simulated(make_trajectory(0, 0), n_runs={(0, 300.0): 2})
    rows = rows_by_name(dynamic_properties(survivor, 3.0, OPTIONS), reference)
    for name in OPTIONS.dynamic:
        assert rows[name]["note"] == "1 of 2 simulations stable"
        assert rows[name]["temperature_k"] == 300.0
        assert rows[name]["error"] < 25
    other = make_simulated(make_trajectory(0, 1, frequency=5.0))
    rows = rows_by_name(dynamic_properties(other, 3.0, OPTIONS), reference)
    assert rows["vibrational_density_of_states"]["error"] > 150


def test_without_a_stable_simulation_there_is_a_reason():
    wanted = make_simulated(make_trajectory(-1))
    reference = Reference({}, dynamic_properties(wanted, 3.0, OPTIONS).curves)
    broken = Simulated({(0, 300.0): 3}, [])
    rows = rows_by_name(dynamic_properties(broken, 3.0, OPTIONS), reference)
    assert {row["failed"] for row in rows.values()} == {1}
    assert {row["note"] for row in rows.values()} == {"0 of 3 simulations stable"}
    assert all(row.get("error") is None for row in rows.values())


def test_too_short_for_a_spectrum_but_not_for_distances():
    short = make_simulated(make_trajectory(n=5))
    values = {v.property: v for v in dynamic_properties(short, 3.0, OPTIONS).values}
    assert not values["radial_distribution"].failed
    assert values["vibrational_density_of_states"].failed
    assert "too few" in values["vibrational_density_of_states"].note


def test_models_and_temperatures_are_kept_apart():
    both = make_simulated(
        make_trajectory(0), make_trajectory(1), make_trajectory(1, temperature=900.0)
    )
    assert [run.seed for run in both.of(0).trajectories] == [0]
    found = dynamic_properties(both.of(1), 3.0, OPTIONS)
    assert sorted(value.temperature_k for value in found.values) == [300.0] * 3 + [900.0] * 3


def test_noise_is_what_two_halves_differ_by():
    steady = sampling_noise(make_simulated(make_trajectory(-1, n=400)), 3.0, OPTIONS)
    assert set(steady) == {(name, 300.0) for name in OPTIONS.dynamic}
    assert max(steady.values()) < 2
    run = make_trajectory(-1, n=400)
    slower = make_trajectory(-1, n=400, frequency=9.0)
    run.velocities[200:] = slower.velocities[200:]
    noisy = sampling_noise(make_simulated(run), 3.0, OPTIONS)
    name = "vibrational_density_of_states", 300.0
    assert noisy[name] == pytest.approx(200 / 2**0.5, rel=0.05)
    assert sampling_noise(Simulated({(-1, 300.0): 1}, []), 3.0, OPTIONS) == {}


def test_files_bring_back_what_was_written(tmp_path):
    curves = [
        Curve("phonon_bands", np.arange(3.0), np.arange(3.0) + i, i, None, labels)
        for i, labels in enumerate([("G", None, "X"), None])
    ]
    curves.append(Curve("radial_distribution", np.arange(4.0), np.ones(4), 2, 300.0))
    write_curves(tmp_path / "curves.parquet", [(None, curve) for curve in curves])
    again = read_curves(tmp_path / "curves.parquet")
    assert [seed for seed, _ in again] == [None] * 3
    for (_, found), curve in zip(again, curves, strict=True):
        assert found._replace(x=0, y=0) == curve._replace(x=0, y=0)
        assert np.array_equal(found.x, curve.x)
        assert np.array_equal(found.y, curve.y)
    given = {"bulk_modulus": ReferenceValue(value=59.1, unit="GPa", source="a book")}
    rows = reference_rows(Found([Value("c44", 58.8)], curves), {}, given, "a potential")
    write_rows(tmp_path / "reference.csv", REFERENCE_COLUMNS, rows)
    reference = read_reference(tmp_path / "reference.csv", tmp_path / "curves.parquet")
    assert reference.values == {"c44": 58.8, "bulk_modulus": 59.1}
    assert len(reference.curves) == 3
    table = read_curve_tables({("copied", 10): tmp_path / "curves.parquet"})
    assert set(table["method"]) == {"copied"}
    assert len(table) == 10
    write_curves(tmp_path / "none.parquet", [])
    assert read_curves(tmp_path / "none.parquet") == []
    assert list(read_curve_tables({}).columns[:2]) == ["method", "size"]
