"""Studies whose inputs and results are in a bucket, on a server on this machine."""

import csv
import os
import shutil
import subprocess
import sys

import pytest
import yaml

ATOMS = [("Na", 0.0), ("Cl", 2.8)]


@pytest.fixture
def in_bucket(bucket, monkeypatch):
    """Arguments that put a study into the bucket; its credentials come with the environment."""
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "a-key")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", "a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return [
        *("--default-storage-provider", "s3", "--default-storage-prefix", bucket.url),
        *("--storage-s3-endpoint-url", bucket.endpoint),
    ]


@pytest.fixture
def small_study(tmp_path, tiny_config):
    """The tiny study with two methods, one size and one seed."""
    with open(tiny_config, encoding="utf-8") as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):
        del values[section]
    values["subsets"] = {"sizes": [12], "seeds": [0]}
    values["methods"] = {
        "scratch": {"initial": "random", "reference": "target"},
        "target_reference": {"initial": "pretrained", "reference": "target"},
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def keys(bucket):
    pages = bucket.client().get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    found = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return {key.removeprefix("some/place/") for key in found}


def content(bucket, path):
    key = f"some/place/{path}"
    return bucket.client().get_object(Bucket=bucket.name, Key=key)["Body"].read()


def put(bucket, path, body):
    bucket.client().put_object(Bucket=bucket.name, Key=f"some/place/{path}", Body=body)


def frames(n_materials, shift):
    """Frames in extended XYZ of made-up materials, three each."""
    lines = []
    for material in range(n_materials):
        for frame in range(3):
            size = 5.6 + 0.2 * material + 0.05 * frame
            lines += [
                "2",
                f'Lattice="{size} 0 0 0 {size} 0 0 0 {size}" '
                f"Properties=species:S:1:pos:R:3:REF_forces:R:3 REF_energy={shift - 7 - size / 9} "
                f'mp_id=m{material} pbc="T T T"',
                *(f"{symbol} {x} {x} {x} 0.0 0.0 0.0" for symbol, x in ATOMS),
            ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def own_study(tmp_path, tiny_config):
    """A study of files of one's own, with given parts; returns its file."""
    with open(tiny_config, encoding="utf-8") as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):
        del values[section]
    for level in ("source", "target"):
        values[level]["data"] = {
            "kind": "extended_xyz",
            "train": [f"xyz/{level}.xyz"],
            "energy_key": "REF_energy",
            "energy_unit": "eV",
            "forces_key": "REF_forces",
            "forces_unit": "eV/Å",
            "stress_key": None,
            "material_key": "mp_id",
        }
        values[level].pop("filters", None)
    values |= {
        "study": "own",
        "data_folder": "data",
        "split": {"parts": {"file": "parts.csv"}},
        "screening": {"check_labels": False},
        "subsets": {"sizes": [4], "seeds": [0]},
        "methods": {"scratch": {"initial": "random", "reference": "target"}},
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True))
    return str(path)


def put_own_data(bucket):
    put(bucket, "data/xyz/source.xyz", frames(8, 0.0))
    put(bucket, "data/xyz/target.xyz", frames(8, -1.0))
    parts = "material_id,part\nm0,test\nm1,validation\n"
    put(bucket, "data/parts.csv", parts)


def test_data_come_from_the_bucket_and_results_go_there(
    snakemake, in_bucket, bucket, own_study, tmp_path
):
    put_own_data(bucket)
    arguments = (
        "--cores",
        "2",
        "--configfile",
        own_study,
        *in_bucket,
        "--until",
        "split_materials",
    )
    snakemake(tmp_path / "one", *arguments)
    split = list(
        csv.DictReader(content(bucket, "results/own/splits/split.csv").decode().splitlines())
    )
    assert {row["part"] for row in split if row["material_id"] == "m0"} == {"test"}
    assert len(split) == 2 * 8 * 3
    assert "results/own/logs/make_frames/source.log" in keys(bucket)
    here = [path for path in (tmp_path / "one/results").rglob("*") if path.is_file()]
    assert [path.name for path in here] == [".lock"]
    # On another machine there is nothing left to do: frames that were made need no files.
    key = "some/place/data/xyz/source.xyz"
    bucket.client().delete_object(Bucket=bucket.name, Key=key)
    again = snakemake(tmp_path / "two", *arguments)
    assert "Finished jobid" not in again.stdout


def test_files_missing_in_the_bucket_are_named_at_once(
    snakemake, in_bucket, bucket, own_study, tmp_path
):
    put(bucket, "data/parts.csv", "material_id,part\nm0,test\n")
    done = snakemake(
        tmp_path, "-n", "--cores", "1", "--configfile", own_study, *in_bucket, check=False
    )
    assert done.returncode
    assert "files are missing" in done.stdout
    assert "data/xyz/source.xyz" in done.stdout
    assert "data/xyz/target.xyz" in done.stdout


def test_a_missing_bucket_is_one_sentence(snakemake, in_bucket, tiny_config, tmp_path):
    arguments = ["s3://never-made/x" if "s3://" in word else word for word in in_bucket]
    done = snakemake(
        tmp_path, "-n", "--cores", "1", "--configfile", tiny_config, *arguments, check=False
    )
    assert done.returncode == 1
    assert "error: there is no bucket never-made at http://127.0.0.1" in done.stdout
    assert "Traceback" not in done.stdout
    assert "a-secret" not in done.stdout


TABLES = ("learning_curve.csv", "evaluation.csv", "scaling_laws.csv", "simulations.csv")


@pytest.mark.slow
def test_the_whole_study_in_a_bucket_is_the_one_on_a_disk(
    snakemake, in_bucket, bucket, tiny_study, tiny_config, tmp_path
):
    arguments = ("--cores", "2", "--configfile", tiny_config, *in_bucket)
    put(bucket, "results/tiny/checkpoints/pretrained.pt", b"not to be read")
    put(bucket, "results/tiny/checkpoints/other.pt", b"of no training of this study")
    snakemake(tmp_path / "one", *arguments)
    for table in TABLES:
        assert content(bucket, f"results/tiny/{table}") == (tiny_study / table).read_bytes()
    left = {key for key in keys(bucket) if key.startswith("results/tiny/checkpoints")}
    assert left == {
        *("results/tiny/checkpoints/other.pt", "results/tiny/checkpoints/pretrained.refused.pt")
    }
    assert not (tmp_path / "one/results/tiny/tables").exists()
    for machine in ("one", "two"):
        again = snakemake(tmp_path / machine, *arguments)
        assert "Nothing to be done" in again.stdout
    report = tmp_path / "report.html"
    snakemake(tmp_path / "three", *arguments, "--report", str(report))
    text = report.read_text(encoding="utf-8")
    assert "learning_curves.png" in text
    # from the page that the report opens with
    assert "Test errors against the number of r2SCAN frames" in text


@pytest.mark.slow
def test_a_killed_pod_loses_one_update(
    snakemake, in_bucket, bucket, small_study, tmp_path, monkeypatch, repository
):
    """Each job on a disk of its own; each training is killed once, by kill -9, after 4 updates."""
    pods = repository / "tests/studies/pods"
    killed = tmp_path / "killed"
    killed.mkdir()
    commands = tmp_path / "commands"
    monkeypatch.setenv("PYTHONPATH", f"{pods}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("POD_COMMANDS", str(commands))
    monkeypatch.setenv("POD_KILLED", str(killed))
    # Snakemake sends the sources below its working directory along.
    sources = tmp_path / "checkout"
    shutil.copytree(
        repository, sources, ignore=shutil.ignore_patterns(".*", "results", "__pycache__", "tests")
    )
    shutil.copy(small_study, sources / "small.yaml")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--executor", "pods", "--jobs", "2"),
            *("--configfile", "small.yaml", *in_bucket, "--retries", "1"),
            *("--seconds-between-status-checks", "1", "--until", "gather_evaluations"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=sources,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    trainings = {
        "pretrained": "pretrain/pretrained",
        **{
            f"{method}-12-seed_0": f"fine_tune/{method}/12/seed_0"
            for method in ("scratch", "target_reference")
        },
    }
    assert {path.stem for path in killed.iterdir()} == set(trainings)
    for log in trainings.values():
        said = content(bucket, f"results/tiny/logs/{log}.log").decode()
        assert "resuming after update 4" in said
    assert not [key for key in keys(bucket) if "checkpoints" in key]
    snakemake(
        *(tmp_path / "disk", "--cores", "2", "--configfile", small_study),
        *("--until", "gather_evaluations"),
    )
    table = tmp_path / "disk/results/tiny/evaluation.csv"
    assert content(bucket, "results/tiny/evaluation.csv") == table.read_bytes()
    assert "a-secret" not in commands.read_text()
    assert "a-secret" not in done.stdout
    logs = [key for key in keys(bucket) if key.startswith("results/tiny/logs/")]
    assert logs
    assert not [key for key in logs if b"a-secret" in content(bucket, key)]
