"""The potential that labelled the target passes the criteria that its models are judged by."""

import csv

import pytest
import yaml

from rungs.simulation.trajectories import read_trajectories


@pytest.fixture(scope="module")
def reference(snakemake, repository, tmp_path_factory):
    """Results of a study of which nothing but the reference simulations has run."""
    folder = tmp_path_factory.mktemp("reference")
    path = repository / "tests/studies/tiny_classical.yaml"
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    study["simulations"] = {
        "temperatures": [300, 900],
        "starts": {"number": 1},
        "duration": 0.6,
        "thermalisation": 0.2,
        "sampling_interval": 0.01,
    }
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump(study), encoding="utf-8")
    files = [f"results/tiny_classical/simulations/reference.{suffix}" for suffix in ("csv", "npz")]
    snakemake(folder, "--cores", "2", "--configfile", str(config), "--", *files)
    return folder / "results/tiny_classical"


def test_the_reference_is_stable(reference):
    with open(reference / "simulations/reference.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [(r["method"], r["temperature_k"]) for r in rows] == [
        ("reference", "300.0"),
        ("reference", "900.0"),
    ]
    for row in rows:
        assert row["stable"] == "True", row["detail"]
        # each starts from a frame of its own temperature, made larger
        assert f"-{int(float(row['temperature_k']))}K-" in row["start_frame"]
        assert int(row["n_atoms"]) >= 32
        assert abs(float(row["energy_drift_ev_per_atom"])) < 0.002
        assert float(row["mean_temperature_k"]) == pytest.approx(
            float(row["temperature_k"]), rel=0.25
        )
    found = list(read_trajectories(reference / "simulations/reference.npz"))
    assert [(t.temperature, len(t.positions)) for t in found] == [(300.0, 41), (900.0, 41)]


def test_frames_are_what_distributions_are_compared_with(snakemake, tiny_config, tmp_path):
    """All 4 frames of the crystal that a simulation starts from; no model is needed for it."""
    with open(tiny_config, encoding="utf-8") as handle:
        study = yaml.safe_load(handle)
    study["properties"] = {
        "calculate": ["radial_distribution"],
        "reference_frames": True,
        "methods": ["scratch"],
        "sizes": [12],
    }
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(study), encoding="utf-8")
    table = "results/tiny/properties/reference.csv"
    snakemake(tmp_path, "--cores", "2", "--configfile", str(config), "--", table)
    with open(tmp_path / table, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["property"], row["temperature_k"]) for row in rows] == [
        ("radial_distribution", "100.0"),
        ("radial_distribution", "300.0"),
    ]
    for row in rows:
        assert row["source"].startswith("the target's frames; ")
        assert " frames of " in row["source"]
        assert 0 < float(row["error"]) < 200
