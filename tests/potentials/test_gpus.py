"""Each job has its GPUs to itself: on machines whose GPUs are pretended."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch

from rungs.errors import StudyError
from rungs.potentials import device, gpus
from rungs.potentials.gpus import claim_gpus

PRETENDING = """
import os, sys, time, multiprocessing
from pathlib import Path
import torch
from rungs.potentials import gpus

gpus.LOCKS = Path(sys.argv[1])
gpus.visible_gpus = lambda: sys.argv[2].split(",")


def sleep(claim, ready):  # a process that the program starts
    ready.set()
    time.sleep(600)
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Call it with the names of the GPUs that PyTorch is to see."""
    monkeypatch.setattr(gpus, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(gpus, "_PATIENCE", 0.02)
    monkeypatch.delenv(gpus.SHARING, raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def pretend(*names):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(names))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda i: SimpleNamespace(uuid=names[i])
        )
        monkeypatch.setattr(torch.cuda, "set_device", [].append)

    return pretend


@pytest.fixture
def job_of_its_own(monkeypatch):
    """What a new process would know of devices."""
    monkeypatch.setattr(device, "_held", None)
    monkeypatch.setattr(device, "_rank", 0)


@pytest.fixture
def other_process(tmp_path):
    """Call it with the code of another program on the same pretended machine; it gives the
    process and the line that this has printed. What is left of it ends with the test."""
    processes = []

    def start(code):
        script = tmp_path / f"program_{len(processes)}.py"
        script.write_text(PRETENDING + code)
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "locks"), "GPU-a"],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_jobs_take_different_gpus(machine):
    machine("a", "b", "c")
    claims = [claim_gpus(1) for _ in range(3)]
    assert [claim.places for claim in claims] == [(0,), (1,), (2,)]
    claims[1].release()
    again = claim_gpus(1)
    assert again.places == (1,)
    for claim in (claims[0], claims[2], again):
        claim.release()


def test_a_job_waits_for_the_one_gpu_says_so_and_gets_it(machine):
    machine("a")
    first, lines, got = claim_gpus(1), [], []
    waiting = threading.Thread(target=lambda: got.append(claim_gpus(1, lines.append)))
    waiting.start()
    deadline = time.monotonic() + 10
    while not lines:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.1)
    assert not got
    (line,) = lines
    assert "waiting for a GPU" in line
    assert f"GPU-a: process {os.getpid()}" in line
    first.release()
    waiting.join(timeout=10)
    assert got[0].places == (0,)
    assert lines[1].startswith("got a GPU after")
    got[0].release()


def test_a_killed_job_leaves_its_gpu_free(machine, other_process):
    machine("a")
    killed, line = other_process(
        "claim = gpus.claim_gpus(1)\nprint(claim.places, flush=True)\ntime.sleep(600)\n"
    )
    assert line == "(0,)"
    assert gpus._lock("GPU-a") is None
    killed.kill()
    killed.wait()
    claim_gpus(1, pytest.fail).release()


def test_a_gpu_is_free_when_the_last_process_of_a_team_has_ended(machine, other_process):
    """Of a killed training with several processes, those that are left still compute."""
    machine("a")
    parent, child = other_process(
        """
if __name__ == "__main__":
    claim = gpus.claim_gpus(1)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    child = context.Process(target=sleep, args=(claim, ready))
    child.start()
    ready.wait()
    print(child.pid, flush=True)
    time.sleep(600)
"""
    )
    parent.kill()
    parent.wait()
    assert gpus._lock("GPU-a") is None, "the child has it still"
    os.kill(int(child), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (lock := gpus._lock("GPU-a")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.close(lock)


def test_several_gpus_are_taken_together_or_not_at_all(machine):
    machine("a", "b")
    one = claim_gpus(1)
    got = []
    waiting = threading.Thread(target=lambda: got.append(claim_gpus(2, [].append)))
    waiting.start()
    time.sleep(0.2)
    # It holds none of them while it waits, or nearly so: it looks and lets go.
    deadline = time.monotonic() + 10
    while (lock := gpus._lock("GPU-b")) is None:
        assert time.monotonic() < deadline
    os.close(lock)
    assert not got
    one.release()
    waiting.join(timeout=10)
    assert got[0].places == (0, 1)
    got[0].release()


def test_what_the_scheduler_gave_is_taken_by_the_cards_own_name(machine, monkeypatch):
    """Two jobs that see one card each may both call it 0."""
    machine("b")
    claim = claim_gpus(1)
    machine("a", "b")
    assert claim_gpus(1).places == (0,)
    claim.release()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-x,MIG-y")
    machine("a", "a")
    assert gpus.visible_gpus() == ["MIG-x", "MIG-y"]


def test_fewer_gpus_than_wanted_are_refused_and_none_means_the_processor(machine):
    machine("a")
    with pytest.raises(StudyError, match="wants 2 GPUs, but sees 1"):
        claim_gpus(2)
    machine()
    assert claim_gpus(2).places == ()


def test_sharing_on_purpose(machine, monkeypatch):
    machine("a")
    monkeypatch.setenv(gpus.SHARING, "2")
    claims = [claim_gpus(1, pytest.fail) for _ in range(2)]
    assert [claim.places for claim in claims] == [(0,), (0,)]
    assert gpus._lock("GPU-a") is None
    for claim in claims:
        claim.release()
    monkeypatch.setenv(gpus.SHARING, "none")
    with pytest.raises(StudyError, match="RUNGS_JOBS_PER_GPU is 'none'"):
        claim_gpus(1)


@pytest.mark.usefixtures("job_of_its_own")
def test_a_job_computes_on_the_gpu_that_is_free(machine):
    machine("a", "b")
    other = claim_gpus(1)
    device.prepare_process(torch.get_num_threads(), gpus=1)
    assert device.pick_device() == device.pick_device() == torch.device("cuda", 1)
    other.release()
    assert device.pick_device() == torch.device("cuda", 1), "a job stays where it is"
    device._held.release()


@pytest.mark.usefixtures("job_of_its_own")
def test_a_job_that_asked_for_no_gpu_takes_none(machine):
    machine("a")
    device.prepare_process(torch.get_num_threads())
    assert device.pick_device() == torch.device("cpu")
    assert device.hold_gpus(2).places == ()
    claim_gpus(1, pytest.fail).release()


@pytest.mark.usefixtures("job_of_its_own")
def test_processes_of_a_team_have_a_gpu_each(machine):
    machine("a", "b", "c")
    other = claim_gpus(1)
    assert device.pick_device() == torch.device("cuda", 1)
    claim = device.hold_gpus(2)
    assert claim.places == (1, 2)
    device.take_part_on(claim, 1)
    assert device.pick_device() == torch.device("cuda", 2)
    claim.release()
    other.release()
