"""A machine that goes in mid-training, with its disk: the next one goes on from the bucket."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.graphs.store import GraphStore
from rungs.potentials.models import new_model
from rungs.training import loop
from rungs.training.checkpoint import load_checkpoint
from rungs.training.loop import Trainer, TrainingData

OPTIONS = Training(updates=80, batch_size=4, validations=4)
PATH = Path("results/mine/checkpoints/run.pt")
MACHINE = """
import sys
from rungs.training import loop
from test_checkpoints_in_a_bucket import architecture_of, train
loop.CHECKPOINT_SECONDS = 0.0
train(sys.argv[1], architecture_of(sys.argv[2]))
"""


def architecture_of(text):
    from rungs.config.architectures import CHGNetArchitecture

    return CHGNetArchitecture.model_validate_json(text)


def train(graphs, architecture, fingerprint=None):
    store = GraphStore.open(graphs)
    data = TrainingData(store, np.arange(12), store, np.arange(12, 16))
    model = new_model(architecture, 0)
    trainer = Trainer(model, data, OPTIONS, seed=0, device=torch.device("cpu"))
    return trainer.train(PATH, fingerprint or {"training": "this one"}, "test"), model


def keys(bucket):
    found = bucket.client().list_objects_v2(Bucket=bucket.name)
    return {item["Key"].removeprefix("some/place/") for item in found.get("Contents", ())}


@pytest.fixture
def machine(tmp_path, bucket, monkeypatch):
    """The working directory of a machine whose study is in the bucket."""
    for name, value in bucket.environment().items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_training_goes_on_from_the_bucket_after_kill_9(
    machine, bucket, graphs_file, architecture, monkeypatch, tmp_path, capfd
):
    search = [str(Path(__file__).parent), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", MACHINE, str(graphs_file), architecture.model_dump_json()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
    )
    deadline = time.monotonic() + 120
    while str(PATH) not in keys(bucket):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(machine)
    machine.mkdir()
    monkeypatch.chdir(machine)
    result, model = train(graphs_file, architecture)
    assert "resuming after update" in capfd.readouterr().err
    assert 0 < result.updates_done_here < OPTIONS.updates
    for name in bucket.environment():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    undisturbed, other = train(graphs_file, architecture)
    assert undisturbed.updates_done_here == OPTIONS.updates
    for one, two in zip(result.history, undisturbed.history, strict=True):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}
    weights = other.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.usefixtures("machine")
def test_a_checkpoint_of_another_training_is_set_aside_there_too(
    bucket, graphs_file, architecture, monkeypatch, capfd
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(sys.modules[__name__], "OPTIONS", OPTIONS.model_copy(update={"updates": 4}))
    train(graphs_file, architecture)
    PATH.unlink()
    state, _ = load_checkpoint(PATH, {})
    assert state is None  # nothing is fetched but by a training
    result, _ = train(graphs_file, architecture, {"training": "another one"})
    assert "'this one' in the checkpoint, 'another one' now" in capfd.readouterr().err
    assert result.updates_done_here == 4
    assert keys(bucket) == {str(PATH), str(PATH.with_name("run.refused.pt"))}


@pytest.mark.usefixtures("machine")
def test_a_bucket_that_is_gone_ends_no_training(graphs_file, architecture, monkeypatch, capfd):
    """At the start it does: what is there would be overwritten."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(sys.modules[__name__], "OPTIONS", OPTIONS.model_copy(update={"updates": 4}))
    monkeypatch.setenv("RUNGS_BUCKET", "s3://never-made/x")
    result, _ = train(graphs_file, architecture)
    assert result.last_update == 4
    assert capfd.readouterr().err.count("warning: ") == 1
    assert PATH.exists()
    monkeypatch.setenv("RUNGS_BUCKET_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StudyError, match="could not be fetched: nothing answers"):
        train(graphs_file, architecture)
