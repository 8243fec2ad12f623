"""A study on a user's own extended-XYZ files, sound and broken."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write


def copper(count, seed):
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        atoms = bulk("Cu", a=3.6 * random.uniform(0.97, 1.03))
        atoms = atoms.repeat((2, 1, 1))
        atoms.rattle(0.1, seed=int(random.integers(1 << 30)))
        atoms.calc = EMT()
        labels = {
            "energy": atoms.get_potential_energy(),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }
        atoms.calc = SinglePointCalculator(atoms, **labels)
        made.append(atoms)
    return made


@pytest.fixture
def study(tmp_path, tiny_config):
    """Copper to copper, the files in data/; returns a function that writes the configuration."""
    (tmp_path / "data").mkdir()
    write(tmp_path / "data/source.xyz", copper(12, 0), format="extxyz")
    write(tmp_path / "data/target.xyz", copper(12, 1), format="extxyz")
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):  # of methods that are replaced below
        del values[section]
    values |= {"study": "copper", "title": "Copper", "data_folder": str(tmp_path / "data")}
    for level in ("source", "target"):
        values[level]["data"] = {
            "kind": "extended_xyz",
            "train": [f"{level}.xyz"],
            **{"energy_key": "energy", "energy_unit": "eV"},
            **{"forces_key": "forces", "forces_unit": "eV/Å"},
            **{"stress_key": "stress", "stress_unit": "eV/Å³", "stress_sign": "tension_positive"},
        }
    values["subsets"] = {"sizes": [2, 6], "seeds": [0]}
    values["methods"] = {
        "scratch": {"initial": "random", "reference": "target"},
        "transfer": {"initial": "pretrained", "reference": "target"},
    }

    def configure(**changes):
        path = tmp_path / "copper.yaml"
        path.write_text(yaml.safe_dump({**values, **changes}))
        return str(path)

    return configure


def rejects(tmp_path):
    with open(tmp_path / "results/copper/frames/target_rejects.csv", newline="") as handle:
        return {row["frame_id"]: row["reason"] for row in csv.DictReader(handle)}


def test_own_files_give_a_learning_curve(snakemake, tmp_path, study, without_packages):
    """With the packages that every study has, and none of the extras."""
    without_packages("diverse", "mace", "materials-project", "properties", "tensorboard")
    snakemake(tmp_path, "results/copper/scaling_laws.csv", "--cores", "2", "--configfile", study())
    with open(tmp_path / "results/copper/learning_curve.csv", newline="") as handle:
        curve = list(csv.DictReader(handle))
    assert [(row["method"], row["size"]) for row in curve] == [
        ("scratch", "2"),
        ("scratch", "6"),
        ("transfer", "2"),
        ("transfer", "6"),
    ]
    assert all(float(row["stress_mae_gpa"]) > 0 for row in curve)
    assert all(row["magmom_mae_mu_b"] == "" for row in curve)  # not labelled


def test_bad_frames_are_set_aside_by_name(snakemake, tmp_path, study):
    frames = copper(12, 1)
    frames[2].calc.results["energy"] = np.nan
    frames[5].positions[1] = frames[5].positions[0] + 0.1
    frames[7].calc.results["energy"] = 1e6
    del frames[9].calc.results["forces"]
    write(tmp_path / "data/target.xyz", frames, format="extxyz")
    done = snakemake(
        tmp_path, "results/copper/frames/target.parquet", "--cores", "1", "--configfile", study()
    )
    found = rejects(tmp_path)
    assert {name.split(":")[1] for name in found} == {"2", "5", "7"}
    assert all(found.values())
    # a label that is none or not there is missing; the frame stays
    assert any(reason.endswith("stays without this label") for reason in found.values())
    assert "target: 10 frames, 2 rejected" in done.stdout
    assert "labels: energy on 9 of 10, forces on 9 of 10, stress, no magnetic" in done.stdout
    assert "1 energy taken for missing: not finite" in done.stdout


def test_a_truncated_file_stops_with_name_and_line(snakemake, tmp_path, study):
    path = tmp_path / "data/target.xyz"
    text = path.read_text()
    path.write_text(text[: int(0.6 * len(text))])
    done = snakemake(tmp_path, "--cores", "1", "--configfile", study(), check=False)
    assert done.returncode
    assert "target.xyz" in done.stdout
    assert "line " in done.stdout
    assert not (tmp_path / "results/copper/frames/target.parquet").exists()


def test_a_missing_file_is_named_with_its_key(snakemake, tmp_path, study):
    (tmp_path / "data/source.xyz").unlink()
    done = snakemake(tmp_path, "-n", "--cores", "1", "--configfile", study(), check=False)
    assert done.returncode
    assert "files are missing" in done.stdout
    assert "source.data: " in done.stdout
    assert "source.xyz" in done.stdout
    assert "data_folder" in done.stdout


def test_sizes_larger_than_the_data_stop_before_any_training(snakemake, tmp_path, study):
    configuration = study(subsets={"sizes": [2, 500], "seeds": [0]})
    curve = "results/copper/learning_curve.csv"
    done = snakemake(tmp_path, curve, "--cores", "2", "--configfile", configuration, check=False)
    assert done.returncode
    assert "subsets.sizes has 500" in done.stdout
    assert not list((tmp_path / "results/copper").glob("runs/*/*/*/model.pt"))


def test_a_misspelt_key_is_one_line(snakemake, tmp_path, study):
    done = snakemake(tmp_path, "-n", "--configfile", study(fine_tunning={}), check=False)
    assert done.returncode
    line = next(line for line in done.stdout.splitlines() if line.startswith("error: "))
    assert "copper.yaml" in line
    assert "fine_tunning: unknown key; did you mean 'fine_tuning'?" in line
    assert "Traceback" not in done.stdout


def test_folders_may_be_called_what_people_call_them(tmp_path, study, repository):
    """Blanks, quotes, umlauts and signs that Snakemake, shells and patterns know."""
    odd = tmp_path / "it's a {study} ü %d [1] #2 5 $ (x)"
    odd.mkdir()
    (tmp_path / "data").rename(odd / "data {b}")
    plain = tmp_path / "a plain folder's"
    (plain / "work").mkdir(parents=True)
    (plain / "clone").symlink_to(repository)
    (plain / "python").symlink_to(sys.prefix)
    labels = {"label": "r2{SCAN} 100 %"}
    with open(study()) as handle:
        target = yaml.safe_load(handle)["target"]
    config = study(
        data_folder=str(odd / "data {b}"), title="From {A} to {B}", target=target | labels
    )
    command = [
        *(plain / "python/bin/python", "-m", "snakemake", "--cores", "2"),
        *("--snakefile", plain / "clone/Snakefile", "--directory", plain / "work"),
        *("--configfile", Path(config).rename(plain / "my study.yaml")),
        *("--until", "make_frames"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=plain)
    assert done.returncode == 0, done.stderr
    frames = plain / "work/results/copper/frames/target.parquet"
    made = frames.stat().st_mtime_ns
    # what Snakemake cannot watch is watched for it
    subprocess.run(command, capture_output=True, check=True, cwd=plain)
    assert frames.stat().st_mtime_ns == made
    os.utime(odd / "data {b}/target.xyz", (1e9, 1e9))
    subprocess.run(command, capture_output=True, check=True, cwd=plain)
    assert frames.stat().st_mtime_ns > made


def test_a_clone_in_a_folder_with_braces_is_refused(tmp_path, repository, study):
    clone = tmp_path / "a {clone}"
    clone.symlink_to(repository)
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", clone / "Snakefile"]
    done = subprocess.run(
        [*command, "--configfile", study()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith(f"error: {clone}: Snakemake takes braces")
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("sorce.xyz", "did you mean source.xyz?"), ("*.xyz", "patterns are not expanded")],
)
def test_a_missing_file_ends_with_its_sentence(snakemake, tmp_path, study, name, words):
    """The sentence last, and no traceback of the workflow's own functions."""
    with open(study()) as handle:
        source = yaml.safe_load(handle)["source"]
    source["data"]["train"] = [name]
    done = snakemake(tmp_path, "-n", "--configfile", study(source=source), check=False)
    assert done.returncode == 1
    *_, first, second, last = done.stdout.strip().splitlines()
    assert first.startswith("error: ")
    assert "files are missing" in first
    assert f"source.data: {tmp_path}/data/{name} ({words}" in second
    assert last.startswith("Put them there")
    assert "Traceback" not in done.stdout


def test_where_a_missing_file_is_to_be_had_is_said(snakemake, tmp_path, study):
    with open(study()) as handle:
        source = yaml.safe_load(handle)["source"]
    source["data"]["train"] = ["none.xyz"]
    source["origin"] = "the copper frames of Nobody (1999), CC0"
    done = snakemake(tmp_path, "-n", "--configfile", study(source=source), check=False)
    lines = done.stdout.strip().splitlines()
    assert "    which is the copper frames of Nobody (1999), CC0" in lines


def test_keys_that_stand_there_twice_are_refused(snakemake, tmp_path, study):
    path = Path(study())
    path.write_text(path.read_text() + "seed: 3\n")
    done = snakemake(tmp_path, "-n", "--configfile", str(path), check=False)
    assert done.returncode == 1
    assert "seed stands there twice" in done.stdout.strip().splitlines()[-1]
