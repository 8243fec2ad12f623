"""Jobs end when the process that started them does, in order."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

JOB = """
import time
from rungs.files import whole_file
from rungs.workflow.jobs import job
with job("{folder}/job.log"):
    with whole_file("{folder}/table.csv") as partial:
        partial.write_text("half")
        print("begun", flush=True)
        time.sleep(600)
"""
STARTER = """
import os, subprocess, sys
os.environ["RUNGS_STARTED_BY"] = str(os.getpid())
# As Snakemake does: a shell in between.
subprocess.run([f"{{sys.executable}} {folder}/job.py; true"], shell=True)
"""


@pytest.fixture
def started(tmp_path):
    """A process that has started a job, which is in the middle of writing a file."""
    (tmp_path / "job.py").write_text(JOB.format(folder=tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER.format(folder=tmp_path)], start_new_session=True
    )
    wait_until(lambda: "begun" in log_of(tmp_path))
    yield process
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def log_of(folder):
    path = folder / "job.log"
    return path.read_text() if path.exists() else ""


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_job_ends_with_the_process_that_started_it(tmp_path, started):
    assert list(tmp_path.glob(".partial-*"))
    started.kill()
    started.wait()
    wait_until(lambda: "ended" in log_of(tmp_path))
    assert f"the Snakemake that started this job (process {started.pid}) is gone" in log_of(
        tmp_path
    )
    assert not list(tmp_path.glob(".partial-*"))
    assert not (tmp_path / "table.csv").exists()


def test_a_job_that_was_started_by_hand_is_left_alone(tmp_path):
    """So is one in a container, where the number means another process or none."""
    code = "from rungs.workflow.jobs import job\n"
    code += f"with job('{tmp_path}/job.log') as say:\n    say('done')"
    for number in ("1000000000", str(os.getpid() + 1)):
        environment = {**os.environ, "RUNGS_STARTED_BY": number}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "done\n")


PARENT = """
import multiprocessing, pathlib, signal, sys, time
from rungs.workflow.orphans import stop_with_parent

def work(folder):
    signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(folder, "stopped").touch(), sys.exit(1)))
    stop_with_parent()
    pathlib.Path(folder, "begun").touch()
    time.sleep(600)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1],))
    process.start()
    process.join()
"""


def test_a_process_of_a_team_ends_with_its_job(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)], start_new_session=True
    )
    try:
        wait_until((tmp_path / "begun").exists)
        parent.kill()
        parent.wait()
        wait_until((tmp_path / "stopped").exists)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
