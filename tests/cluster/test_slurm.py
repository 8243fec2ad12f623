"""A study on a real SLURM cluster of one node: its GPU, and jobs that are killed."""

import datetime
import itertools
import json
import os
import re
import signal
from pathlib import Path

import pytest
import yaml

from rungs.config import load_study

HERE = Path(__file__).parent
pytestmark = pytest.mark.cluster


def records(folder: Path) -> dict[str, dict]:
    files = [*folder.glob("pretrained*/record.json"), *folder.glob("runs/*/*/*/record.json")]
    return {str(file.parent.relative_to(folder)): json.loads(file.read_text()) for file in files}


def check_gpus(trainings: dict[str, dict]) -> None:
    """Each training saw the one GPU, by a job of its own, at a time of its own."""
    spans = []
    for name, record in trainings.items():
        assert record["visible_devices"] == "0", name
        assert record["scheduler_job"].startswith("SLURM_JOB_ID="), name
        begun = datetime.datetime.fromisoformat(record["started"])
        spans.append((begun, begun + datetime.timedelta(seconds=record["wall_seconds"]), name))
    assert len({record["scheduler_job"] for record in trainings.values()}) == len(trainings)
    spans.sort()
    for (_, end, one), (begin, _, other) in itertools.pairwise(spans):
        # `started` has no fractions of a second
        assert begin + datetime.timedelta(seconds=1) >= end, f"{one} and {other} overlap"


def test_killed_trainings_are_tried_again_and_go_on_from_their_checkpoints(cluster, submit):
    """One by `scancel`, one by kill -9, and one as a pre-emption ends it: requeued by SLURM."""
    run = submit(HERE / "small.yaml", "results/small/tables/costs.csv")
    results = run.folder / "results/small"
    met: set[str] = set()

    def in_training() -> tuple[str, str] | None:
        """A run that has a checkpoint and has not been disturbed yet, and SLURM's job of it."""
        for file in (results / "checkpoints").glob("*-seed_*.pt"):
            jobs = [
                job
                for job in cluster.jobs()
                if job["state"] == "RUNNING"
                and file.stem.replace("-seed", "").replace("-", "_") in job["comment"]
            ]
            if file.stem not in met and jobs and run.training_processes():
                met.add(file.stem)
                return file.stem, jobs[0]["id"]
        return None

    cancelled, job = run.wait_until(in_training, 240, "a first training has a checkpoint")
    cluster.run("scancel", job)
    killed, _ = run.wait_until(in_training, 120, "a second training has a checkpoint")
    for process in run.training_processes():
        os.kill(process, signal.SIGKILL)
    requeued, job = run.wait_until(in_training, 120, "a third training has a checkpoint")
    cluster.run("scontrol", "requeue", job)
    run.wait(400)

    trainings = records(results)
    assert len(trainings) == 5
    check_gpus(trainings)
    for name in (cancelled, killed, requeued):
        method, size, seed = re.fullmatch(r"(\w+)-(\d+)-(seed_\d+)", name).groups()
        record = trainings[f"runs/{method}/{size}/{seed}"]
        assert 0 < record["updates"] < record["budget_updates"], f"{name} began anew"
        assert record["last_update"] == record["budget_updates"]
        log = (results / f"logs/fine_tune/{method}/{size}/{seed}.log").read_text()
        assert "resuming after update" in log
    (undisturbed,) = {n for n in trainings if n.startswith("runs/")} - {
        "runs/" + name.replace("-", "/") for name in met
    }
    assert trainings[undisturbed]["updates"] == trainings[undisturbed]["budget_updates"]

    states = [entry["JobState"] for entry in cluster.finished()]
    assert "CANCELLED" in states
    assert "FAILED" in states
    jobs = cluster.jobs()
    # A second attempt asks for twice the memory and time; it is what Snakemake submitted again.
    again = [job for job in jobs if "fine_tune" in job["comment"] and job["time"] == "16:00:00"]
    assert len(again) == 2
    assert {job["memory"] for job in again} == {"8000M"}
    assert {job["partition"] for job in jobs if "fine_tune" in job["comment"]} == {"gpu"}
    # What is short shares a job.
    assert not any("rule_draw_subsets" in job["comment"] for job in jobs)
    assert sum("preparation" in job["comment"] for job in jobs) == 1


@pytest.mark.slow
def test_the_tiny_study_runs_as_it_is(submit):
    config = HERE.parent / "workflow/tiny.yaml"
    study = load_study(yaml.safe_load(config.read_text()))
    run = submit(config)
    run.wait(1500)
    results = run.folder / "results/tiny"
    trainings = records(results)
    # The two are pretrainings, on all source frames and on ten.
    assert len(trainings) == len(study.runs) + 2
    check_gpus(trainings)
    assert (results / "figures/learning_curves.png").exists()
