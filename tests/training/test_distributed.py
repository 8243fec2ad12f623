"""Two processes that share each batch take the steps that one takes."""

import importlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.potentials.models import new_model
from rungs.training.distributed import (
    SINGLE_PROCESS,
    Processes,
    _wait_for_all,
    run_distributed,
)
from rungs.training.divergence import DivergedError
from rungs.training.task import TrainingTask, run_training

OPTIONS = Training(updates=12, batch_size=6, learning_rate=3e-3, validations=3)


@pytest.fixture
def make_task(graphs_file, architecture, tmp_path):
    def make(**options):
        return TrainingTask(
            new_model(architecture, 0),
            graphs_file,
            np.arange(13),  # an odd number: shares differ in size
            np.arange(13, 17),
            OPTIONS.model_copy(update=options),
            seed=0,
            checkpoint=tmp_path / f"{options}.pt",
            fingerprint={"a": 1},
            label="test",
        )

    return make


@pytest.fixture(autouse=True)
def same_number_of_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_two_processes_train_like_one(make_task):
    one, two = make_task(), make_task(processes=2)
    alone, together = run_training(one), run_training(two)
    assert [row["update"] for row in together.history] == [4, 8, 12]
    for ours, theirs in zip(together.history, alone.history, strict=True):
        for name in ("train_loss", "train_stress_loss", "validation_loss"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3), name
    first = one.model.state_dict()
    for name, tensor in two.model.state_dict().items():
        assert torch.allclose(tensor, first[name], rtol=1e-2, atol=1e-4), name


def test_more_processes_than_frames_in_a_batch(make_task):
    together = run_training(make_task(processes=3, batch_size=1, updates=4))
    alone = run_training(make_task(batch_size=1, updates=4))
    assert together.history[-1]["train_loss"] == pytest.approx(
        alone.history[-1]["train_loss"], rel=1e-3
    )


def listens_to_sigterm(process) -> bool:
    """Whether the process has a handler of its own for SIGTERM, as Linux tells it."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_all_stop_on_request_and_go_on_from_the_checkpoint(make_task):
    task = make_task(processes=2, updates=10**6, validations=1)

    def ask_once_it_runs():
        while not any(map(listens_to_sigterm, torch.multiprocessing.active_children())):
            time.sleep(0.2)
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask_once_it_runs, daemon=True).start()
    with pytest.raises(StudyError, match="SIGTERM"):
        run_training(task)
    done = torch.load(task.checkpoint, weights_only=True)["state"]["update"]
    assert 0 < done < 10**6
    assert not torch.multiprocessing.active_children()


@pytest.fixture
def distributed_work(monkeypatch):
    # A process that is started gets this one's path, and looks functions up by their modules.
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("distributed_work")


@pytest.mark.parametrize("work", ["all_reduce_but_for_one", "all_reduce_but_for_one_killed"])
def test_a_process_that_fails_is_told(distributed_work, work):
    """Not process 0, which fails as well, for its sum breaks."""
    with pytest.raises(RuntimeError, match="process 1 of 2 failed"):
        run_distributed(2, getattr(distributed_work, work))
    assert not torch.multiprocessing.active_children()


def test_of_two_that_have_ended_the_first_that_failed_is_told(tmp_path):
    """However late the one that waits looks."""

    def ended(exitcode):
        process = context.Process(target=os._exit, args=(exitcode,))
        process.start()
        process.join()
        return process

    context = torch.multiprocessing.get_context("fork")
    (tmp_path / "first-failure").write_text("1")
    assert _wait_for_all([ended(1), ended(1), ended(0)], tmp_path) == 1


def test_the_result_of_process_0_and_the_words_of_any(distributed_work):
    assert run_distributed(3, distributed_work.all_reduce) == 3
    with pytest.raises(StudyError, match="no, says process"):
        run_distributed(2, distributed_work.refuse)


def test_alone_nothing_is_started():
    assert run_distributed(1, lambda processes: processes) is SINGLE_PROCESS
    assert SINGLE_PROCESS.all_reduce(torch.ones(1)).item() == 1
    assert SINGLE_PROCESS.share([1, 2, 3]) == [1, 2, 3]


def test_shares_are_the_whole():
    parts = list(range(7))
    shares = [Processes(rank, 3).share(parts) for rank in range(3)]
    assert sorted(x for share in shares for x in share) == parts


@pytest.mark.slow
def test_a_training_that_diverges_in_several_processes_is_told_apart(make_task):
    """A search for recipes counts it as a result, not as a failure."""
    with pytest.raises(DivergedError, match="at update"):
        run_training(make_task(processes=2, learning_rate=1e30))
