"""The profiles: Snakemake accepts each, and each maps every rule that asks for a GPU."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILES = REPOSITORY / "profiles"
# How the executors call a GPU, besides `gpu`, and what each such rule must say.
MAPPED = {
    "slurm": {},
    "kubernetes": {"gpu_manufacturer": "nvidia", "scale": 0},
    "aws-batch": {"_gpus": "threads"},
    "google-batch": {"nvidia_gpu": "threads", "googlebatch_machine_type": "n1-standard-4"},
}
# What is worth a job of its own although it asks for no GPU.
OWN_JOBS = {
    "download",
    "make_frames",
    "build_graphs",
    "simulate_reference",
    "calculate_reference_properties",
    "calculate_properties",
    "export_models",
}

# Prints the resources that Snakemake would hand out, for each of the command lines.
PARSE = """
import json, sys
from snakemake.cli import parse_args
found = []
for line in json.loads(sys.argv[1]):
    sys.argv[1:] = line  # the profile looks there
    _, arguments = parse_args(line)
    found.append({name: one.value for name, one in arguments.resources.items()})
print(json.dumps(found))
"""


def rules() -> dict[str, str]:
    """The text of every rule, by its name."""
    found = {}
    for file in sorted((REPOSITORY / "rules").glob("*.smk")):
        for part in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            found[part.split(":")[0]] = part
    return found


RULES = rules()
WITH_GPU = {name for name, text in RULES.items() if re.search(r"^        gpu=", text, re.MULTILINE)}


def profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "profile.yaml").read_text())


@pytest.fixture
def dry_run(snakemake, tmp_path):
    """What a dry run of the tiny study prints, with a profile's storage and with ``arguments``."""

    def run(name: str, *arguments: str) -> str:
        storage = []
        if "default-storage-provider" in profile(name):
            # No bucket is at hand; what becomes of one is another test's matter.
            prefix = f"{tmp_path}/s"
            storage = ["--default-storage-provider", "fs", "--default-storage-prefix", prefix]
        return snakemake(
            tmp_path,
            *arguments,
            *("--configfile", str(REPOSITORY / "tests/studies/tiny.yaml")),
            *("--dry-run", "--quiet", "progress", *storage),
        ).stdout

    return run


def resources_of(rule: str, text: str) -> str:
    part = text.split(f"rule {rule}:")[1]
    return re.search(r"resources: (.*)", part).group(1)


@pytest.mark.parametrize("name", MAPPED)
def test_snakemake_accepts_the_profile_and_gives_a_training_its_gpu(name, dry_run):
    executor = profile(name)["executor"].replace("-", "_")
    pytest.importorskip(f"snakemake_executor_plugin_{executor}")
    text = dry_run(
        name, "results/tiny/pretrained/model.pt", "--workflow-profile", str(PROFILES / name)
    )
    resources = resources_of("pretrain", text)
    assert "gpu=1" in resources
    for key, value in MAPPED[name].items():
        assert f"{key}={1 if value == 'threads' else value}" in resources
    assert "mem_mb=4000" in resources


@pytest.mark.parametrize("gpus", [0, 2])
def test_the_default_profile_counts_the_gpus(gpus, tmp_path, monkeypatch):
    """Where there is none, none is provided: jobs that ask for `gpu` are held back by nothing."""
    lines = "".join(f"GPU {i}: A card (UUID: GPU-{i})\n" for i in range(gpus))
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    target = "results/tiny/study.yaml"
    here, elsewhere = provided([target], [target, "--profile", str(PROFILES / "slurm")])
    assert here == ({"gpu": gpus} if gpus else {})
    # Jobs on other machines are not limited by this one's GPUs.
    assert elsewhere == {}


def provided(*lines: list[str]) -> list[dict[str, int]]:
    """What runs with these arguments would hand out, as the profile says."""
    command = [sys.executable, "-c", PARSE, json.dumps(lines)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_second_attempt_asks_for_more(dry_run):
    text = dry_run("default", "results/tiny/study.yaml", "--attempt", "2")
    resources = resources_of("record_study", text)
    assert "mem_mb=1000" in resources
    assert "runtime=10" in resources


def test_every_job_asks_for_more_when_it_is_tried_again():
    for name, text in RULES.items():
        if name != "download":  # waits for its service, whose speed no memory changes
            assert re.search(r"mem_mb=per_attempt\(", text), name
            assert re.search(r"runtime=per_attempt\(", text), name


def test_every_rule_that_may_take_a_gpu_asks_for_it():
    """A script takes as many GPUs as its rule asked for, so those rules have to ask."""
    taking = set()
    for name, text in RULES.items():
        script = REPOSITORY / "rules" / re.search(r'"(.*/workflow_scripts/.*)"', text).group(1)
        if 'snakemake.resources.get("gpu"' in script.read_text():
            taking.add(name)
    assert taking == WITH_GPU


@pytest.mark.parametrize("name", MAPPED)
def test_every_rule_with_a_gpu_is_mapped(name):
    """A new rule that the profiles forget fails here."""
    mapped = profile(name).get("set-resources", {})
    if MAPPED[name]:
        assert mapped == dict.fromkeys(WITH_GPU, MAPPED[name])


@pytest.mark.parametrize("name", MAPPED)
def test_short_jobs_share_a_job(name):
    """Each rule is worth a job, or belongs to a group: to the same one in every profile."""
    entries = profile(name)
    assert entries["groups"] == profile("slurm")["groups"]
    assert set(entries["group-components"]) == set(entries["groups"].values())
    assert set(entries["groups"]) == set(RULES) - WITH_GPU - OWN_JOBS
    # What Snakemake holds back of an array never starts.
    assert entries["retries"] >= 1
    assert "resources" not in entries


@pytest.mark.parametrize("name", ["default", *MAPPED])
def test_every_entry_is_commented(name):
    lines = (PROFILES / name / "profile.yaml").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"[a-z?]", line) and not line.startswith("executor:"):
            family = line.split(":")[0].split("-")[0]
            assert before.startswith(("#", family)), line


def test_the_table_of_partitions_places_every_job():
    partitions = pytest.importorskip("snakemake_executor_plugin_slurm.partitions")
    table = partitions.read_partition_file(PROFILES / "slurm/partitions.yaml")
    limits = {partition.name: partition.limits for partition in table}
    assert limits["cpu"].max_gpu == 0
    assert limits["gpu"].max_gpu >= 1
    # A group's jobs share so many.
    assert all(profile("slurm")["cores"] <= limit.max_threads for limit in limits.values())
    attempts = profile("slurm")["retries"] + 1
    for name, text in RULES.items():
        if name in OWN_JOBS | WITH_GPU and name != "download":
            memory = int(re.search(r"mem_mb=per_attempt\((\d+)\)", text).group(1))
            minutes = eval(re.search(r"runtime=per_attempt\(([\d *]+)\)", text).group(1))
            limit = limits["gpu" if name in WITH_GPU else "cpu"]
            assert attempts * memory <= limit.max_mem_mb, name
            assert attempts * minutes <= limit.max_runtime, name
