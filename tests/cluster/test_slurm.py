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
    """Four tasks of an array: the first is requeued by SLURM, as a pre-emption does it, and ends
    last; one ends by `scancel`, one by kill -9, and one is left alone."""
    run = submit(HERE / "small.yaml", "results/small/tables/costs.csv")
    results = run.folder / "results/small"
    met: list[str] = []

    def in_training() -> str | None:
        """SLURM's job of a run that has a checkpoint and has not been disturbed yet."""
        for name, number in run.fine_tunings().items():
            there = (results / f"checkpoints/{name}.pt").exists() and run.training_processes()
            if name not in met and there:
                met.append(name)
                # `scancel` does nothing to a task by its number alone
                return next(job["id"] for job in cluster.jobs() if job["number"] == number)
        return None

    requeued = run.wait_until(in_training, 400, "a first training has a checkpoint")
    cluster.run("scontrol", "requeuehold", requeued)
    job = run.wait_until(in_training, 120, "a second training has a checkpoint")
    cluster.run("scancel", job)
    run.wait_until(in_training, 120, "a third training has a checkpoint")
    for process in run.training_processes():
        os.kill(process, signal.SIGKILL)
    run.wait_until(
        lambda: len(list(results.glob("runs/*/*/*/record.json"))) == 3, 240, "three have ended"
    )
    cluster.run("scontrol", "release", requeued)
    run.wait(400)

    trainings = records(results)
    assert len(trainings) == 5
    check_gpus(trainings)
    for name in met:
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
    fine_tunings = [job for job in jobs if "fine_tune" in job["comment"]]
    tasks = [job["id"] for job in fine_tunings if job["time"] == "8:00:00"]
    assert len({task.split("_")[0] for task in tasks}) == 1
    assert sorted(task.partition("_")[2] for task in tasks) == ["1", "2", "3", "4"]
    # A second attempt asks for twice the memory and time; it is what Snakemake submitted again. No
    # other job is: whichever task ends first, no other's files are missed.
    again = [job for job in fine_tunings if job["id"] not in tasks]
    assert len(again) == 2
    assert {job["time"] for job in again} == {"16:00:00"}
    assert {job["memory"] for job in again} == {"8000M"}
    assert {job["partition"] for job in fine_tunings} == {"gpu"}
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
