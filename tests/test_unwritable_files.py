"""Disks that are full or cannot be written to, with real ones of a few kilobytes."""

import os
import subprocess
import sys

import pytest
import torch

from rungs.files import UnwritableError, whole_file, write_fault, write_text

FULL = "the disk is full; make room, then give the same command again"


def test_a_full_disk_is_told_whatever_the_library_says(small_disk):
    """PyTorch's own error has no number and no name."""
    path = small_disk / "results/model.pt"
    with (
        pytest.raises(UnwritableError, match=f"model.pt cannot be written: {FULL}"),
        whole_file(path) as partial,
    ):
        torch.save(torch.zeros(2_000_000), partial)
    assert list(path.parent.iterdir()) == []


def test_the_old_file_stays_on_a_full_disk(small_disk):
    path = small_disk / "table.csv"
    write_text(path, "old")
    with pytest.raises(UnwritableError, match=FULL):
        write_text(path, "new" * 1_000_000)
    assert path.read_text() == "old"


def test_a_read_only_disk_is_told(small_disk, remount):
    remount(small_disk, "ro")
    with pytest.raises(UnwritableError, match="read-only; make it writable"):
        write_text(small_disk / "results/table.csv", "a")
    assert write_fault(small_disk / "results") is not None


def test_an_error_of_something_else_is_left_alone(tmp_path):
    with pytest.raises(PermissionError, match="not mine"), whole_file(tmp_path / "file"):
        raise PermissionError(13, "not mine", "another file")
    assert write_fault(tmp_path / "file") is None
    assert list(tmp_path.iterdir()) == []


def job(folder, body):
    code = (
        f"from rungs.workflow.jobs import job\nwith job('{folder}/job.log') as say:\n    {body}\n"
    )
    # With Python's buffers, which some environments switch off: what they hold must not get lost,
    # nor come out in the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_job_on_a_full_disk_ends_in_a_sentence(small_disk):
    """The disk fills up while it runs, its log too."""
    body = (
        "from rungs.files import write_text; print('begun', flush=True); "
        f"write_text('{small_disk}/table.csv', 'x' * 3_000_000)"
    )
    code, told = job(small_disk, body)
    assert (code, told) == (1, f"error: {small_disk}/table.csv cannot be written: {FULL}\n")
    assert [path.name for path in small_disk.iterdir()] == ["job.log"]


def test_a_job_that_cannot_even_write_its_log_says_so(small_disk, fill):
    fill()
    code, told = job(small_disk, "print('never')")
    assert (code, told) == (1, f"error: {small_disk}/job.log cannot be written: {FULL}\n")


@pytest.mark.parametrize(
    "body", ["print('x' * 3_000_000, flush=True)", "while True: print('x' * 99, flush=True)"]
)
def test_a_log_that_fills_the_disk_ends_in_a_sentence(small_disk, body):
    code, told = job(small_disk, body)
    assert code == 1
    assert told == f"error: {small_disk}/job.log cannot be written: {FULL}\n"
