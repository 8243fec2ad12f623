"""A trial of a recipe: it is judged on validation frames, and may diverge."""

import csv
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rungs.config import Run
from rungs.config.methods import Method
from rungs.config.training import Training
from rungs.config.tuning import TrainingChanges, Trial, recipe_name
from rungs.errors import StudyError
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.references.fit import ReferenceEnergies, write_reference
from rungs.splits.files import write_order, write_split
from rungs.splits.split import SplitRow
from rungs.training import loop
from rungs.training.loss import loss_terms, total_loss
from rungs.training.recipes import choose_recipe, gather_trials
from rungs.training.start import starting_point
from rungs.training.trials import loss_of_units, mean_loss, try_recipe

CPU = torch.device("cpu")
OPTIONS = Training(updates=6, batch_size=4, validations=2)
SCRATCH = Method(initial="random", reference="target")


@pytest.fixture
def inputs(tmp_path, frames):
    """Eight frames to train on, eight of four materials to validate on."""
    parts = ["train"] * 10 + ["validation"] * 8 + ["test"] * 2
    write_graphs(frames, tmp_path / "graphs.safetensors", 4.0, 3.0)
    rows = [
        SplitRow("target", frame.material_id, frame.frame_id, part)
        for frame, part in zip(frames, parts, strict=True)
    ]
    write_split(tmp_path / "split.csv", rows)
    write_order(tmp_path / "order.csv", [frame.frame_id for frame in frames[:10]])
    for level in ("source", "target"):
        energies = ReferenceEnergies(np.full(94, -6.0), np.ones(94, dtype=int))
        write_reference(tmp_path / f"{level}.csv", energies)
    return SimpleNamespace(
        graphs=tmp_path / "graphs.safetensors",
        split=tmp_path / "split.csv",
        subset=tmp_path / "order.csv",
        source_reference=tmp_path / "source.csv",
        target_reference=tmp_path / "target.csv",
    )


def attempt(inputs, architecture, folder, **changes):
    changes = TrainingChanges(**changes)
    trial = Trial("scratch", 8, 0, recipe_name(changes))
    folder = folder / trial.recipe
    folder.mkdir(exist_ok=True)
    outputs = SimpleNamespace(**{name: folder / name for name in ("history", "units", "record")})
    said = try_recipe(
        trial,
        SCRATCH,
        OPTIONS,
        changes,
        initial="random",
        architecture=architecture,
        inputs=inputs,
        study_seed=0,
        checkpoint=folder / "checkpoint.pt",
        outputs=outputs,
    )
    return trial, outputs, said


def test_the_loss_on_materials_adds_up_to_that_on_all_frames(inputs, architecture):
    start = starting_point(Run("scratch", 8, 0), SCRATCH, "random", architecture, inputs, 0, CPU)
    # where all frames have the same labels, means of means are means
    options = OPTIONS.model_copy(
        update={"weights": OPTIONS.weights.model_copy(update={"stress": 0.0, "magmom": 0.0})}
    )
    units = loss_of_units(start, options, inputs.split, CPU)
    assert {unit["unit"] for unit in units} == {"m5", "m6", "m7", "m8"}
    assert [unit["n_frames"] for unit in units] == [2] * 4
    batch = GraphStore.open(inputs.graphs).batch(start.validation, CPU)
    prediction = BatchedCHGNet(start.model)(batch, create_graph=False)
    whole = total_loss(loss_terms(prediction, batch, options), options.weights).item()
    assert mean_loss(units) == pytest.approx(whole, rel=1e-5)


def test_few_materials_are_judged_frame_by_frame(inputs, architecture):
    start = starting_point(Run("scratch", 8, 0), SCRATCH, "random", architecture, inputs, 0, CPU)
    two = start._replace(validation=start.validation[:4])
    units = loss_of_units(two, OPTIONS, inputs.split, CPU)
    assert [unit["unit"] for unit in units] == ["f10", "f11", "f12", "f13"]


def test_one_that_diverges_is_a_result(inputs, architecture, tmp_path):
    tried = [attempt(inputs, architecture, tmp_path, learning_rate=rate) for rate in (1e-3, 1e30)]
    assert "diverged: the loss became" in tried[1][2]
    record = json.loads(tried[1][1].record.read_text())
    assert record["validation_loss"] is None
    assert "update" in record["diverged"]
    assert record["wall_seconds"] > 0
    trials = [trial for trial, *_ in tried]
    records = [outputs.record for _, outputs, _ in tried]
    gather_trials(trials, records, tmp_path / "trials.csv")
    with open(tmp_path / "trials.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert math.isinf(float(rows[1]["validation_loss"]))
    assert math.isfinite(float(rows[0]["validation_loss"]))
    more = {"axes": {"learning_rate": [1e-3, 1e30]}, "size": 8, "output": tmp_path / "recipe"}
    units = [outputs.units for _, outputs, _ in tried]
    choose_recipe(trials, records, units, **more)
    assert json.loads((tmp_path / "recipe").read_text())["changes"] == {"learning_rate": 1e-3}
    with pytest.raises(StudyError, match="every trial diverged for scratch at 8 frames"):
        choose_recipe(trials[1:], records[1:], units[1:], **more)


def test_no_validation_frames_is_told(inputs, architecture, tmp_path, frames):
    rows = [SplitRow("target", f.material_id, f.frame_id, "train") for f in frames]
    write_split(inputs.split, rows)
    with pytest.raises(StudyError, match="no validation frames to judge by"):
        attempt(inputs, architecture, tmp_path, learning_rate=1e-3)


def test_a_killed_trial_goes_on_where_it_was(inputs, architecture, tmp_path, monkeypatch):
    (tmp_path / "undisturbed").mkdir()
    _, expected, _ = attempt(inputs, architecture, tmp_path / "undisturbed", learning_rate=1e-3)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = loop.Trainer._update

    def die(self, number, positions):
        if number == 4:
            raise KeyboardInterrupt
        return update(self, number, positions)

    monkeypatch.setattr(loop.Trainer, "_update", die)
    with pytest.raises(KeyboardInterrupt):
        attempt(inputs, architecture, tmp_path, learning_rate=1e-3)
    monkeypatch.setattr(loop.Trainer, "_update", update)
    checkpoint = tmp_path / "learning_rate-0.001/checkpoint.pt"
    assert checkpoint.exists()
    _, found, _ = attempt(inputs, architecture, tmp_path, learning_rate=1e-3)
    assert not checkpoint.exists()
    record = json.loads(found.record.read_text())
    assert record["updates"] == 2
    assert found.units.read_text() == expected.units.read_text()
