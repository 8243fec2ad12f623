"""What a job prints, and where."""

import os
import signal
import subprocess
import sys
import time

import pytest


def run(tmp_path, body):
    log = tmp_path / "logs" / "job.log"
    code = f"from rungs.workflow.jobs import job\nwith job({str(log)!r}) as say:\n" + "".join(
        f"    {line}\n" for line in body.splitlines()
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done, log.read_text()


def test_chatter_goes_to_the_log_and_the_summary_to_both(tmp_path):
    done, log = run(tmp_path, "import os\nprint('chatter')\nos.system('echo deep')\nsay('done')")
    assert done.returncode == 0
    assert done.stderr == "done\n"
    assert done.stdout == ""
    assert {"chatter", "deep", "done"} <= set(log.split())


@pytest.mark.parametrize(
    ("error", "traceback"),
    [("from rungs.errors import StudyError\nraise StudyError('mend it')", False), ("1 / 0", True)],
)
def test_errors_end_the_job(tmp_path, error, traceback):
    done, log = run(tmp_path, error)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert ("Traceback" in log) == traceback
    if traceback:
        assert "ZeroDivisionError" in done.stderr
        assert "job.log" in done.stderr
    else:
        assert "error: mend it" in done.stderr
        assert "error: mend it" in log


def test_the_same_job_waits_for_its_twin(tmp_path):
    """Two of one log: the second says who is there and starts when that one is dead."""
    log = tmp_path / "job.log"
    held = "from rungs.workflow.jobs import job\n"
    held += f"with job({str(log)!r}):\n    print('first', flush=True)\n"
    first = subprocess.Popen([sys.executable, "-c", held + "    import time; time.sleep(600)"])
    deadline = time.monotonic() + 60
    while not (log.exists() and "first" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = subprocess.Popen(
        [sys.executable, "-c", held.replace("first", "second")], stderr=subprocess.PIPE, text=True
    )
    line = second.stderr.readline()
    assert f"the same job is running already (process {first.pid} on" in line
    assert "second" not in log.read_text()
    first.kill()
    first.wait()
    assert second.wait(60) == 0
    assert "second" in log.read_text()
    assert "first" not in log.read_text()


def test_a_job_that_is_asked_to_stop_leaves_nothing_half_written(tmp_path):
    done, log = run(
        tmp_path,
        "import os, signal\nfrom rungs.files import whole_file\n"
        f"with whole_file({str(tmp_path / 'table.csv')!r}) as partial:\n"
        "    partial.write_text('half')\n    os.kill(os.getpid(), signal.SIGTERM)",
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr == "stopped on request (SIGTERM); the same command starts this job again\n"
    assert done.stderr in log
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_terminal_that_is_gone_does_not_end_a_job(tmp_path):
    log = str(tmp_path / "gone.log")
    code = f"from rungs.workflow.jobs import job\nwith job({log!r}) as say:\n    say('told')"
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([sys.executable, "-c", code], stderr=writing)
    os.close(writing)
    assert process.wait(60) == 0
    assert "told" in (tmp_path / "gone.log").read_text()
