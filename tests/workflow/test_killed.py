"""What a kill -9 leaves behind, and what the same command makes of it."""

import os
import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize(
    "wait_for",
    [
        "pretrained/model.pt",
        pytest.param("frames/target.parquet", marks=pytest.mark.slow),
        pytest.param("learning_curve.csv", marks=pytest.mark.slow),
    ],
)
def test_a_killed_workflow_ends_as_an_undisturbed_one(
    snakemake, tiny_study, tiny_config, repository, tmp_path, wait_for
):
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(repository / "Snakefile")),
        *("--directory", str(tmp_path), "--cores", "2", "--configfile", tiny_config),
    ]
    # A session of its own, so that its jobs can be killed with it.
    process = subprocess.Popen(
        command,
        cwd=repository,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while not (tmp_path / "results/tiny" / wait_for).exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # A dead Snakemake holds its lock; it says so, and --unlock releases it.
    snakemake(tmp_path, "--configfile", tiny_config, "--cores", "1", "--unlock")
    snakemake(tmp_path, "--configfile", tiny_config, "--cores", "2")
    for table in ("evaluation.csv", "learning_curve.csv", "scaling_laws.csv"):
        assert (tmp_path / "results/tiny" / table).read_text() == (tiny_study / table).read_text()
