"""Studies on data downloaded from the stand-in service."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from .stand_in import KEY


@pytest.fixture
def study(tmp_path, repository):
    """A function that writes a study with both sides from the service."""
    with open(repository / "tests/studies/tiny.yaml") as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):  # of methods that are replaced below
        del values[section]
    values |= {"study": "mp", "title": "From the service"}
    query = {"made_of": ["Li", "Na", "Mg", "Mn", "O", "F", "Cl"]}
    for level, labels in (("source", "GGA_GGA+U"), ("target", "r2SCAN")):
        values[level] = {
            "label": labels,
            "functional": labels,
            "data": {
                "kind": "mp_api",
                "query": query,
                "labels": labels,
                "requests_per_second": 5,
            },
        }
    # the service's labels here are made up, each for itself
    values["screening"] = {"check_labels": False}
    values["subsets"] = {"sizes": [4, 12], "seeds": [0]}
    values["methods"] = {
        "scratch": {"initial": "random", "reference": "target"},
        "target_reference": {"initial": "pretrained", "reference": "target"},
    }

    def configure(**changes):
        path = tmp_path / "mp.yaml"
        path.write_text(yaml.safe_dump({**values, **changes}))
        return str(path)

    return configure


def frame_ids(path):
    from rungs.frames.table import iter_frames

    return [frame.frame_id for frame in iter_frames(path)]


def rejects(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return {row["frame_id"]: row["kind"] for row in csv.DictReader(handle)}


def holds_key(folder: Path) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("key", [None, "short"])
def test_a_missing_key_is_said_before_anything_is_asked(
    snakemake, service, study, tmp_path, monkeypatch, key
):
    if key is None:
        monkeypatch.delenv("MP_API_KEY")
    else:
        monkeypatch.setenv("MP_API_KEY", key)
    done = snakemake(tmp_path, "-n", "--configfile", study(), check=False)
    assert done.returncode
    assert "MP_API_KEY" in done.stdout
    assert "https://materialsproject.org/api" in done.stdout
    assert "Traceback" not in done.stdout
    assert service.n_requests == 0


def test_a_dry_run_asks_the_service_nothing(snakemake, service, study, tmp_path):
    done = snakemake(tmp_path, "-n", "--configfile", study())
    assert "download" in done.stdout
    assert service.n_requests == 0


@pytest.mark.slow
def test_both_sides_from_the_service_to_a_learning_curve(
    snakemake, service, study, tmp_path, monkeypatch, toy
):
    on_command_lines = []

    def look(_):
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if KEY.encode() in line.read_bytes():
                    on_command_lines.append(line)
            except OSError:
                pass

    service.on_request = look
    configuration = study()
    curve = "results/mp/learning_curve.csv"
    done = snakemake(tmp_path, curve, "--cores", "2", "--configfile", configuration)
    with open(tmp_path / curve, newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["method"], row["size"]) for row in rows] == [
        ("scratch", "4"),
        ("scratch", "12"),
        ("target_reference", "4"),
        ("target_reference", "12"),
    ]
    assert all(float(row["energy_mae_mev_per_atom"]) > 0 for row in rows)
    assert any(float(row["magmom_mae_mu_b"] or 0) > 0 for row in rows)
    # nothing that was written or said has the key, nor has a command line while it was used
    assert holds_key(tmp_path) == []
    assert KEY not in done.stdout
    assert not on_command_lines
    frames = tmp_path / "results/mp/frames"
    for level in ("source", "target"):
        ids = frame_ids(frames / f"{level}.parquet")
        assert len(ids) == len(set(ids)) > 40
    set_aside = rejects(frames / "target_rejects.csv")
    assert set_aside[f"mp-{toy.numbers['restricted']}"] == "restricted: gnome_r2scan_statics"
    # the same again needs neither key nor service
    monkeypatch.delenv("MP_API_KEY")
    service.reset()
    again = snakemake(tmp_path, curve, "--cores", "1", "--configfile", configuration)
    assert "Nothing to be done" in again.stdout
    assert service.n_requests == 0


def test_a_killed_download_goes_on_with_the_same_command(snakemake, service, study, tmp_path):
    configuration = study()
    target = "results/mp/frames/source.parquet"
    service.fail("materials/tasks", "status", times=99, status=401)
    broken = snakemake(tmp_path, target, "--cores", "1", "--configfile", configuration, check=False)
    assert broken.returncode
    assert "refused the key in MP_API_KEY" in broken.stdout
    assert KEY not in broken.stdout
    assert holds_key(tmp_path) == []
    assert (tmp_path / "results/mp/downloads/source/plan.json").exists()
    service.faults.clear()
    snakemake(tmp_path, target, "--cores", "1", "--configfile", configuration)
    manifest = json.loads((tmp_path / "results/mp/downloads/source.json").read_text())
    assert manifest["frames"] > len(frame_ids(tmp_path / target)) > 0
