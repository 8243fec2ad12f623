"""Events for TensorBoard: what stands in them, live, after a kill, and that they cost nothing."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import torch

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.potentials.models import new_model
from rungs.potentials.references import set_reference
from rungs.training import loop
from rungs.training.loop import HISTORY_COLUMNS, Trainer, TrainingData
from rungs.training.tracking import EventWriter

OPTIONS = Training(updates=12, batch_size=4, validations=4)
DONE_AT = 7


@pytest.fixture
def trainer(store, architecture):
    """A function that makes the same small training each time."""
    data = TrainingData(store, np.arange(12), store, np.arange(12, 16))

    def make():
        model = new_model(architecture, 0)
        set_reference(model, np.full(94, -6.0))
        return Trainer(model, data, OPTIONS, seed=0, device=torch.device("cpu"))

    return make


def shown(folder):
    """Every (tag, step, value) of a folder as the files have it, doubled ones included."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    return sorted(
        (value.tag, event.step, value.simple_value)
        for path in folder.glob("events.out.tfevents.*")
        for event in LegacyEventFileLoader(str(path)).Load()
        for value in event.summary.value
    )


def killed(training, at, monkeypatch):
    """Make a training die before an update, as kill -9 would: without closing anything."""
    update = training._update

    def die(number, positions):
        if number == at:
            raise KeyboardInterrupt
        return update(number, positions)

    monkeypatch.setattr(training, "_update", die)


def test_events_are_the_history_and_the_updates(trainer, tmp_path):
    result = trainer().train(tmp_path / "run.pt", {}, "test", tmp_path / "events")
    found = shown(tmp_path / "events")
    write_rows(tmp_path / "history.csv", HISTORY_COLUMNS, result.history)
    with open(tmp_path / "history.csv", newline="") as handle:
        history = list(csv.DictReader(handle))
    column = "validation_energy_mae_mev_per_atom"
    assert [
        (step, value) for tag, step, value in found if tag == "validation/energy_mae_mev_per_atom"
    ] == [(int(row["update"]), pytest.approx(float(row[column]), rel=1e-6)) for row in history]
    assert [step for tag, step, _ in found if tag == "update/loss"] == list(range(1, 13))
    assert {"train/loss", "train/gradient_norm", "train/learning_rate"} < {x[0] for x in found}


def test_a_resumed_training_shows_every_update_once(trainer, tmp_path, monkeypatch):
    straight = tmp_path / "straight"
    trainer().train(tmp_path / "straight.pt", {}, "test", straight)
    broken = trainer()
    killed(broken, DONE_AT, monkeypatch)
    # the last checkpoint is one of some updates before the kill
    saves = iter([False, False, False, True, False, False, False])
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    save = loop.save_checkpoint
    monkeypatch.setattr(loop, "save_checkpoint", lambda *given: next(saves) and save(*given))
    with pytest.raises(KeyboardInterrupt):
        broken.train(tmp_path / "run.pt", {}, "test", tmp_path / "events")
    assert max(step for _, step, _ in shown(tmp_path / "events")) == DONE_AT
    monkeypatch.undo()
    result = trainer().train(tmp_path / "run.pt", {}, "test", tmp_path / "events")
    assert result.updates_done_here == 12 - 4
    assert [go["after_update"] for go in result.goes] == [0, 4]
    assert shown(tmp_path / "events") == shown(straight)
    assert len(list((tmp_path / "events").iterdir())) == 1


def test_a_training_that_begins_anew_shows_nothing_of_the_old(trainer, tmp_path):
    for _ in range(2):
        trainer().train(tmp_path / "run.pt", {}, "test", tmp_path / "events")
    steps = [step for tag, step, _ in shown(tmp_path / "events") if tag == "update/loss"]
    assert steps == list(range(1, 13))


def test_a_file_that_breaks_off_is_read_to_there(tmp_path):
    def write(done):
        writer = EventWriter(tmp_path, done, 10)
        for update in range(done + 1, 7):
            terms = {"train_loss": 1.0 / update, "gradient_norm": 1.0}
            writer.add_update(update, terms, 1e-3)
        writer.close()

    write(0)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    write(3)
    assert [step for tag, step, _ in shown(tmp_path) if tag == "update/loss"] == list(range(1, 7))


def test_events_are_there_while_it_trains(tmp_path):
    writer = EventWriter(tmp_path, 0, 10)
    writer.add_update(1, {"train_loss": 1.0, "gradient_norm": 1.0}, 1e-3)
    writer._writer.flush()  # what happens by itself every ten seconds
    assert ("update/loss", 1, 1.0) in shown(tmp_path)
    writer.close()


def test_long_trainings_show_some_of_their_updates(tmp_path):
    writer = EventWriter(tmp_path, 0, 2000)
    for update in range(1, 2001):
        writer.add_update(update, {"train_loss": 1.0, "gradient_norm": 1.0}, 1e-3)
    writer.close()
    assert sum(tag == "update/loss" for tag, _, _ in shown(tmp_path)) == 200


def test_without_the_package_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(StudyError, match=r"pip install .*\[tensorboard\]"):
        EventWriter(tmp_path, 0, 10)


def test_a_study_without_events_never_loads_the_package():
    code = "import sys, rungs.training.runs; print('tensorboard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
