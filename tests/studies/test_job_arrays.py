"""A task of a SLURM job array, without SLURM: its Snakemake builds its own files, no other's."""

import base64
import json
import shlex
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytest.importorskip("snakemake_executor_plugin_slurm_jobstep")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def run_task(tmp_path, tiny_config, monkeypatch):
    """Run a task as SLURM would; the first task's job makes a record, the second's frames."""
    (tmp_path / "bin").mkdir()
    # A step needs SLURM; it is its command that counts here.
    step = tmp_path / "bin/srun"
    step.write_text('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n')
    step.chmod(0o755)
    for name, value in {
        "PATH": f"{step.parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "SLURM_JOB_ID": "13",
        "RUNGS_REVISION": "a",
        "SLURM_ARRAY_JOB_ID": "12",
        "SLURM_ARRAY_TASK_MIN": "1",
    }.items():
        monkeypatch.setenv(name, value)

    def command(target: str) -> list[str]:
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
            *("--target-jobs", target, "--allowed-rules", target.split(":", maxsplit=1)[0]),
            *("--cores", "1", "--force", "--nolock", "--no-hooks", "--ignore-incomplete"),
            *("--directory", str(tmp_path), "--configfiles", tiny_config),
            *("--executor", "slurm-jobstep", "--jobs", "1", "--mode", "remote"),
        ]

    def run(index: str, commands: bool = True) -> subprocess.CompletedProcess:
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", index)
        second = shlex.join(command("make_frames:level=source"))
        packed = {"2": zlib.compress(second.encode()).hex()}
        option = base64.b64encode(json.dumps(packed).encode()).decode()
        return subprocess.run(
            command("record_study:")
            + ([f"--slurm-jobstep-array-execs={option}"] if commands else []),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_each_task_makes_its_own_files_and_leaves_the_first_one_s(run_task, tmp_path):
    results = tmp_path / "results/tiny"
    first = run_task("1")
    assert first.returncode == 0, first.stdout + first.stderr
    made = (results / "study.yaml").stat()
    assert not (results / "frames").exists()

    second = run_task("2")
    assert second.returncode == 0, second.stdout + second.stderr
    assert (results / "frames/source.parquet").exists()
    assert (results / "study.yaml").stat().st_mtime_ns == made.st_mtime_ns
    assert "study.yaml" not in second.stdout + second.stderr


def test_a_task_without_its_command_makes_nothing(run_task, tmp_path):
    task = run_task("2", commands=False)
    assert task.returncode != 0
    assert "error: task 12_2 of a job array came without" in task.stdout + task.stderr
    assert not (tmp_path / "results/tiny/study.yaml").exists()
