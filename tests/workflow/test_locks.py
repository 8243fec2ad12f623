"""Locks that outlive nobody."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rungs.errors import StudyError
from rungs.workflow import locks
from rungs.workflow.locks import FileLock
from rungs.workflow.study_lock import hold_study

HOLD = """
import sys, time
from rungs.workflow.locks import FileLock
assert FileLock(sys.argv[1]).take() is None
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock on the file ``lock``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_living_holder_is_named(tmp_path, holder):
    found = FileLock(tmp_path / "lock").take()
    assert found.process == holder.pid
    assert str(found).startswith(f"process {holder.pid} on {os.uname().nodename} since 20")


def test_a_killed_holder_leaves_the_lock_free_at_once(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(locks, "SILENCE_SECONDS", 600.0)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    lock.release()


def test_a_released_lock_can_be_taken_and_tells_its_end(tmp_path):
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    os.write(lock.descriptor, b"in between\n")
    lock.release()
    first, between, last = (tmp_path / "lock").read_text().splitlines()
    assert first.startswith(f"process {os.getpid()} on ")
    assert between == "in between"
    assert last.startswith("ended 20")
    assert lock.take() is None
    lock.release()


def left_by_another_machine(path):
    path.write_text("process 7 on elsewhere since 2026-01-01 00:00:00\nsome lines\n")


def test_another_machine_that_is_silent_is_dead(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "SILENCE_SECONDS", 0.3)
    left_by_another_machine(tmp_path / "lock")
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    lock.release()


def test_another_machine_that_touches_its_file_lives(tmp_path, monkeypatch):
    """As on file systems that keep locks to each machine: the lock is free here."""
    path = tmp_path / "lock"
    monkeypatch.setattr(locks, "SILENCE_SECONDS", 30.0)
    left_by_another_machine(path)
    touching = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            f"import os, time\nwhile True:\n    os.utime({str(path)!r})\n    time.sleep(0.1)",
        ]
    )
    try:
        found = FileLock(path).take()
    finally:
        touching.kill()
        touching.wait()
    assert (found.process, found.host) == (7, "elsewhere")


def test_another_machine_that_noted_its_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "SILENCE_SECONDS", 600.0)
    left_by_another_machine(tmp_path / "lock")
    with open(tmp_path / "lock", "a") as handle:
        handle.write("ended 2026-01-01 00:10:00\n")
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    lock.release()


def test_a_holder_touches_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_SECONDS", 0.05)
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    before = lock.path.stat().st_mtime_ns
    deadline = time.monotonic() + 20
    while lock.path.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lock.release()


def test_a_file_that_was_deleted_is_no_lock_of_anybody_else(tmp_path):
    """Two who opened different files of one name do not both hold it."""
    lock = FileLock(tmp_path / "lock")
    assert lock.take() is None
    lock.path.unlink()
    other = FileLock(tmp_path / "lock")
    assert other.take() is None
    assert FileLock(tmp_path / "lock").take() is not None
    other.release()
    lock.release()


def test_a_study_that_is_held_is_refused_in_a_sentence(tmp_path, holder):
    (tmp_path / "lock").rename(tmp_path / ".lock")
    with pytest.raises(
        StudyError, match=f"another Snakemake is at work on this study .*{holder.pid}"
    ):
        hold_study(tmp_path)


def test_a_study_in_an_unwritable_place_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StudyError, match="cannot be written"):
        hold_study(tmp_path / "file/results")
