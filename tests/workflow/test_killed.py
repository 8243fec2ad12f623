"""What a kill -9 of Snakemake leaves behind, and what the same command makes of it.

Only Snakemake is killed, as a person or the kernel does: its jobs find themselves alone.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

PATIENCE = 120.0
"""Seconds to wait for anything on a busy machine."""


class Running:
    """A Snakemake in the background, in a session of its own, so that none of it outlives a test.

    Args:
        repository: where the Snakefile is.
        folder: its working directory, which gets the file ``terminal.txt``.
        arguments: of the command.
    """

    def __init__(self, repository: Path, folder: Path, *arguments: str) -> None:
        self.terminal = folder / "terminal.txt"
        with open(self.terminal, "w") as handle:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", "--directory", str(folder)),
                    *("--snakefile", str(repository / "Snakefile"), *arguments),
                ],
                cwd=repository,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, file: Path, text: str = "") -> None:
        """Return when ``file`` is there and holds ``text``."""
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and text in file.read_text(errors="replace")):
            assert self.process.poll() is None, self.terminal.read_text()
            assert time.monotonic() < deadline, f"no {text!r} in {file}"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9 Snakemake, and nothing else."""
        assert self.process.poll() is None, self.terminal.read_text()
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Kill whatever is left of it, jobs included."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


@pytest.fixture
def start(repository):
    running = []

    def start_snakemake(folder, *arguments):
        running.append(Running(repository, folder, *arguments))
        return running[-1]

    yield start_snakemake
    for one in running:
        one.end()


@pytest.fixture(scope="module")
def longer_config(tiny_config, tmp_path_factory):
    """The tiny study with trainings that last long enough to be killed in the middle."""
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["pretraining"]["training"]["updates"] = 60
    values["fine_tuning"]["updates"] = 60
    path = tmp_path_factory.mktemp("longer") / "longer.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def numbers(folder):
    """Weights and history of a training, without its timings."""
    weights = torch.load(folder / "model.pt", map_location="cpu", weights_only=False)
    with open(folder / "history.csv", newline="", encoding="utf-8") as handle:
        history = [{**row, "seconds": None} for row in csv.DictReader(handle)]
    return weights["model"]["state_dict"], history


def assert_nothing_half_written(folder):
    assert not list(folder.rglob(".partial-*"))


@pytest.mark.parametrize(
    ("output", "log"),
    [
        ("pretrained", "pretrain/pretrained.log"),
        ("runs/scratch/4/seed_0", "fine_tune/scratch/4/seed_0.log"),
    ],
)
def test_a_training_goes_on_by_the_same_command(
    start, snakemake, tiny_study, longer_config, tmp_path, output, log
):
    folder = tmp_path / "work"
    shutil.copytree(tiny_study.parents[1], folder)
    results = folder / "results/tiny"
    target = f"results/tiny/{output}/model.pt"
    command = (target, "--cores", "1", "--configfile", longer_config)
    shutil.rmtree(results / output)
    snakemake(folder, *command)
    weights, history = numbers(results / output)
    shutil.rmtree(results / output)
    (results / "logs" / log).unlink()

    first = start(folder, *command)
    first.wait_for(results / "logs" / log, "starts at the beginning")
    first.kill()
    snakemake(folder, *command)
    text = (results / "logs" / log).read_text()
    assert re.search(r"resuming after update \d+", text), text
    weights_again, history_again = numbers(results / output)
    assert history_again == history
    assert all(torch.equal(weights_again[name], value) for name, value in weights.items())
    assert_nothing_half_written(results)
