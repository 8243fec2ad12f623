"""What a job prints, and where."""

import subprocess
import sys

import pytest


def run(tmp_path, body):
    log = tmp_path / "logs" / "job.log"
    code = f"from rungs.jobs import job\nwith job({str(log)!r}) as say:\n" + "".join(
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
