"""A whole study on classical potentials, and studies whose methods ask for what is not there."""

import csv
import re

import pytest
import yaml


@pytest.fixture(scope="module")
def classical(repository):
    path = repository / "tests/studies/tiny_classical.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def read(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_temperatures_go_from_the_dynamics_to_table_and_figure(snakemake, classical, tmp_path):
    classical = yaml.safe_load(yaml.safe_dump(classical))
    keep = ("scratch_cold", "copied_cold")
    classical["methods"] = {name: classical["methods"][name] | {"sizes": [8]} for name in keep}
    classical["methods"]["copied_cold"]["freeze"] = ["atom_embedding"]
    classical["evaluation"] = {"source_test": False}
    classical["subsets"] = {"sizes": [8], "seeds": [0]}
    classical["simulations"] = {
        **{"temperatures": [300], "starts": {"number": 1}, "methods": ["copied_cold"]},
        **{"duration": 0.03, "thermalisation": 0.01, "timestep": 1, "sampling_interval": 0.005},
    }
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(classical), encoding="utf-8")
    results = tmp_path / "results/tiny_classical"
    wanted = [
        *("figures/temperature_transfer.png", "tables/sampling.csv"),
        *("tables/stability.csv", "figures/stability.png"),
    ]
    files = [f"results/tiny_classical/{name}" for name in wanted]
    snakemake(tmp_path, *files, "--cores", "2", "--configfile", str(config))

    assert all((results / name).stat().st_size for name in wanted)
    frames = {row["frame_id"] for row in read(results / "subsets/random/cold/seed_0.csv")}
    assert len(frames) == 8
    assert all("-300K-" in name for name in frames)
    rows = read(results / "tables/temperature_transfer.csv")
    assert {(row["method"], row["pool"], row["train_temperatures_k"]) for row in rows} == {
        (name, "cold", "300") for name in keep
    }
    assert {row["test_temperature_k"]: row["trained_there"] for row in rows} == {
        "300.0": "True",
        "900.0": "False",
    }
    assert {row["n_frames"] for row in rows} == {"4"}
    stability = {row["method"]: row for row in read(results / "tables/stability.csv")}
    assert set(stability) == {"copied_cold", "reference"}
    assert stability["reference"]["n_stable"] == stability["reference"]["n_simulations"] == "1"
    split = read(results / "splits/split.csv")
    parts = {row["material_id"]: row["part"] for row in split if row["level"] == "target"}
    assert parts == {
        f"Ge-solid-{t}K-{run}": "test" if run == 2 else "train"
        for t in (300, 900)
        for run in range(3)
    }

    # a method that comes later makes no other run anew, and is looked at by its own runs
    more = yaml.safe_load(yaml.safe_dump(classical))
    more["methods"]["later"] = classical["methods"]["copied_cold"] | {
        "copy_embedding": {"Ge": "Sn"}
    }
    config.write_text(yaml.safe_dump(more), encoding="utf-8")
    done = snakemake(
        tmp_path,
        "results/tiny_classical/runs/later/8/seed_0/model.pt",
        *("--cores", "1", "--configfile", str(config)),
        check=False,
    )
    assert done.returncode
    assert re.search(r"fine_tune +1\ntotal +1\n", done.stdout)
    assert "methods.later.copy_embedding: no training frame of the source has Sn" in done.stdout


def test_what_a_study_asks_for_is_looked_up_before_anything_is_trained(
    snakemake, classical, tmp_path
):
    classical = yaml.safe_load(yaml.safe_dump(classical))
    classical["pools"]["cold"] = {"temperatures": [600]}
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(classical), encoding="utf-8")
    done = snakemake(
        tmp_path,
        "results/tiny_classical/pretrained/model.pt",
        *("--cores", "2", "--configfile", str(config)),
        check=False,
    )
    assert done.returncode
    assert "pools.cold.temperatures asks for 600 K, but none of the target's 16" in done.stdout
    assert not (tmp_path / "results/tiny_classical/pretrained").exists()
