"""Training on both levels at once: shares, weights, labels, and reference energies of each."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rungs.config import Run
from rungs.config.methods import Companion, Method
from rungs.config.training import LossWeights, Training
from rungs.errors import StudyError
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.model_files import load_model, save_model
from rungs.potentials.models import new_model
from rungs.potentials.predict import predict
from rungs.potentials.references import set_reference
from rungs.references.fit import ReferenceEnergies, write_reference
from rungs.splits.files import write_order, write_split
from rungs.splits.split import SplitRow
from rungs.training.companion import Beside, Chosen, CompanionFrames, companion_frames
from rungs.training.loop import COMPANION_COLUMNS, Trainer, TrainingData
from rungs.training.pseudolabels import write_pseudolabels
from rungs.training.runs import fine_tune
from rungs.training.start import starting_point
from rungs.training.step import Step

CPU = torch.device("cpu")
OPTIONS = Training(
    updates=12,
    batch_size=8,
    validations=3,
    learning_rate=3e-3,
    weights=LossWeights(stress=0.0, magmom=0.0),
)
SOURCE, TARGET = np.full(94, -7.0), np.full(94, -6.0)


@pytest.fixture
def source_file(frames, tmp_path):
    """The same frames at another level: 1 eV an atom lower, and other forces."""
    moved = [
        dataclasses.replace(
            f, frame_id=f"s{f.frame_id}", energy=f.energy - 2.0, forces=0.5 * f.forces
        )
        for f in frames
    ]
    write_graphs(moved, tmp_path / "source.safetensors", 4.0, 3.0)
    return tmp_path / "source.safetensors"


@pytest.fixture
def inputs(tmp_path, frames, graphs_file, source_file, architecture):
    parts = ["train"] * 12 + ["validation"] * 6 + ["test"] * 2
    rows = [
        SplitRow(level, f.material_id, ("s" if level == "source" else "") + f.frame_id, part)
        for level in ("source", "target")
        for f, part in zip(frames, parts, strict=True)
    ]
    write_split(tmp_path / "split.csv", rows)
    write_order(tmp_path / "order.csv", [f.frame_id for f in frames[:12]])
    for level, energies in (("source", SOURCE), ("target", TARGET)):
        ones = np.ones(94, dtype=int)
        write_reference(tmp_path / f"{level}.csv", ReferenceEnergies(energies, ones))
    model = new_model(architecture, 3)
    set_reference(model, SOURCE)
    save_model(model, tmp_path / "pretrained.pt")
    write_pseudolabels(
        model=tmp_path / "pretrained.pt",
        graphs=source_file,
        split=tmp_path / "split.csv",
        n_frames=None,
        study_seed=0,
        checkpoint=tmp_path / "pseudolabels.pt",
        output=tmp_path / "pseudolabels.parquet",
    )
    return SimpleNamespace(
        graphs=graphs_file,
        source_graphs=source_file,
        split=tmp_path / "split.csv",
        subset=tmp_path / "order.csv",
        source_reference=tmp_path / "source.csv",
        target_reference=tmp_path / "target.csv",
        pretrained=tmp_path / "pretrained.pt",
        pseudolabels=tmp_path / "pseudolabels.parquet",
    )


def method_of(companion=None, **more):
    values = {"initial": "pretrained", "reference": "target", "companion": companion} | more
    return Method.model_validate(values)


def trained(inputs, folder, method, options=OPTIONS, architecture=None):
    folder.mkdir(exist_ok=True)
    names = ("model", "history", "reference", "record")
    outputs = SimpleNamespace(**{name: folder / name for name in names})
    fine_tune(
        Run("m", 8, 0),
        method,
        options,
        initial="random",
        architecture=architecture,
        inputs=inputs,
        study_seed=0,
        checkpoint=folder / "checkpoint.pt",
        outputs=outputs,
    )
    return load_model(outputs.model).state_dict(), outputs


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def beside(source_file, **more):
    values = {"share": 0.5, "weight": 1.0} | more
    return CompanionFrames(
        source_file, np.arange(12), np.arange(12, 16), shift=TARGET - SOURCE, **values
    )


def test_a_share_of_0_is_plain_fine_tuning(inputs, tmp_path):
    plain, _ = trained(inputs, tmp_path / "plain", method_of())
    nothing, _ = trained(inputs, tmp_path / "nothing", method_of({"share": 0.0}))
    assert same(plain, nothing)
    half, _ = trained(inputs, tmp_path / "half", method_of({"share": 0.5}))
    assert not same(plain, half)


def test_the_weight_acts_and_so_do_labels(inputs, tmp_path):
    results = [
        trained(inputs, tmp_path / str(i), method_of({"share": 0.5, **more}))[0]
        for i, more in enumerate(
            ({}, {"weight": 3.0}, {"labels": "model"}, {"frames": 4}, {"share": 0.25})
        )
    ]
    for i, one in enumerate(results):
        assert not any(same(one, other) for other in results[i + 1 :])


def test_the_history_has_both_levels(inputs, tmp_path):
    _, outputs = trained(inputs, tmp_path / "run", method_of({"share": 0.5}))
    rows = outputs.history.read_text().splitlines()
    columns = rows[0].split(",")
    values = dict(zip(columns, rows[-1].split(","), strict=True))
    assert float(values["train_companion_loss"]) > 0
    for column in COMPANION_COLUMNS.values():
        assert float(values[column]) > 0
    record = json.loads(outputs.record.read_text())
    assert record["frames_seen"] == 12 * 8
    # the target's references are the model's
    assert float(outputs.reference.read_text().splitlines()[12].split(",")[2]) == pytest.approx(-6)


def test_each_level_has_its_own_references(source_file, store):
    """On the target's references a frame has the interaction energy of its own level."""
    opened = beside(source_file).open()
    interaction = opened.energies_per_atom[:12] - opened.compositions(np.arange(12)) @ TARGET
    plain = GraphStore.open(source_file)
    expected = plain.energies_per_atom[:12] - plain.compositions(np.arange(12)) @ SOURCE
    assert np.allclose(interaction, expected, atol=1e-12)
    assert np.isnan(opened.energies_per_atom[16:]).all()
    # an offset between the levels that references hold is no contradiction to the network
    assert np.allclose(opened.energies_per_atom[:12], store.energies_per_atom[:12], atol=1e-12)


def test_the_gradient_is_that_of_the_two_losses(architecture, store, source_file):
    asked = beside(source_file, share=0.25, weight=3.0)
    opened = asked.open()
    model = new_model(architecture, 0)
    model.composition_model.requires_grad_(False)
    step = Step(model, store, OPTIONS, CPU, companion=Beside(opened, 0.25, 3.0))
    both, terms = step.gradient(Chosen(np.arange(6), np.arange(2)))
    own = Step(model, store, OPTIONS, CPU).gradient(np.arange(6))
    other = Step(model, opened, OPTIONS, CPU).gradient(np.arange(2))
    expected = 0.75 * own[0] + 0.75 * other[0]
    assert torch.allclose(both, expected, rtol=1e-4, atol=1e-6)
    loss = 0.75 * own[1]["train_loss"] + 0.75 * other[1]["train_loss"]
    assert terms["train_loss"] == pytest.approx(loss, rel=1e-5)
    assert terms["train_companion_loss"] == pytest.approx(other[1]["train_loss"], rel=1e-5)
    assert terms["train_force_loss"] == pytest.approx(own[1]["train_force_loss"], rel=1e-5)


def test_parts_and_a_companion_give_the_same_gradient(architecture, store, source_file):
    opened = beside(source_file).open()
    model = new_model(architecture, 0)
    model.composition_model.requires_grad_(False)
    chosen = Chosen(np.arange(6), np.arange(5))
    whole = Step(model, store, OPTIONS, CPU, companion=Beside(opened, 0.5, 1.0)).gradient(chosen)
    parted = OPTIONS.model_copy(update={"accumulation_steps": 3})
    parts = Step(model, store, parted, CPU, companion=Beside(opened, 0.5, 1.0)).gradient(chosen)
    assert torch.allclose(whole[0], parts[0], rtol=1e-4, atol=1e-6)
    assert whole[1]["train_loss"] == pytest.approx(parts[1]["train_loss"], rel=1e-5)


@pytest.mark.parametrize(("share", "n_beside"), [(0.5, 4), (0.25, 2), (0.01, 1), (0.7, 6)])
def test_a_batch_is_divided_by_the_share(architecture, store, source_file, share, n_beside):
    data = TrainingData(
        store, np.arange(12), store, np.arange(12, 16), beside(source_file, share=share)
    )
    trainer = Trainer(new_model(architecture, 0), data, OPTIONS, seed=0, device=CPU)
    assert trainer.n_updates == OPTIONS.updates
    sizes = {(len(chosen.own), len(chosen.beside)) for chosen in map(trainer._frames, range(12))}
    assert max(own + other for own, other in sizes) <= OPTIONS.batch_size
    assert max(other for _, other in sizes) == n_beside


def test_pseudolabels_are_what_the_pretrained_model_says(inputs):
    method = method_of({"share": 0.5, "labels": "model", "frames": 5})
    start = starting_point(Run("m", 8, 0), method, "random", None, inputs, 0, CPU)
    opened = start.companion.open()
    places = start.companion.training
    assert len(places) == 5
    found = list(
        predict(load_model(inputs.pretrained), GraphStore.open(inputs.source_graphs), places)
    )
    shift = opened.compositions(places) @ (TARGET - SOURCE)
    expected = np.array([x.energy_per_atom for x in found]) + shift
    assert np.allclose(opened.energies_per_atom[places], expected, atol=1e-6)
    batch = opened.batch(places)
    assert np.allclose(batch.forces, np.concatenate([x.forces for x in found]), atol=1e-5)
    assert batch.force_mask.all()
    assert not batch.magmom_mask.any()


def test_a_replay_holds_what_was_learned(inputs, tmp_path):
    """On frames that the target lacks, errors of the source grow less with replay."""
    options = OPTIONS.model_copy(update={"updates": 60, "learning_rate": 1e-2})
    start = load_model(inputs.pretrained)
    store = GraphStore.open(inputs.source_graphs)
    before = np.concatenate([x.forces for x in predict(start, store, range(12, 18))])

    def moved(weights):
        model = load_model(inputs.pretrained)
        model.load_state_dict(weights)
        after = np.concatenate([x.forces for x in predict(model, store, range(12, 18))])
        return np.abs(after - before).mean()

    plain, _ = trained(inputs, tmp_path / "plain", method_of(), options)
    replayed = method_of({"share": 0.5, "labels": "model"})
    kept, _ = trained(inputs, tmp_path / "kept", replayed, options)
    assert moved(kept) < moved(plain)


def test_a_killed_training_goes_on_bit_for_bit(
    architecture, store, source_file, tmp_path, monkeypatch
):
    from rungs.training import loop

    def trainer():
        data = TrainingData(store, np.arange(8), store, np.arange(12, 16), beside(source_file))
        return Trainer(new_model(architecture, 0), data, OPTIONS, seed=0, device=CPU)

    whole = trainer()
    whole.train(tmp_path / "whole.pt", {}, "test")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = loop.Trainer._update

    def die(self, number, positions):
        if number == 7:
            raise KeyboardInterrupt
        return update(self, number, positions)

    killed = trainer()
    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_update", die)
        with pytest.raises(KeyboardInterrupt):
            killed.train(tmp_path / "run.pt", {}, "test")
    again = trainer()
    assert again.train(tmp_path / "run.pt", {}, "test").updates_done_here == 5
    assert same(again.model.state_dict(), whole.model.state_dict())


def test_a_checkpoint_of_another_companion_is_not_gone_on_from(source_file):
    one, other = beside(source_file), beside(source_file)
    assert one.fingerprint() == other.fingerprint()
    fewer = dataclasses.replace(one, training=np.arange(11))
    assert fewer.fingerprint() != one.fingerprint()
    assert dataclasses.replace(one, shift=one.shift + 1).fingerprint() != one.fingerprint()


def test_more_frames_than_there_are_and_none_at_all(source_file):
    more = {
        "graphs": source_file,
        "validation": [],
        "source": SOURCE,
        "target": TARGET,
        "labels": None,
        "n_followed": 0,
    }
    with pytest.raises(
        StudyError, match=r"companion.frames is 9, but the source's .* has 3 frames"
    ):
        companion_frames(Companion(frames=9), training=["sf00", "sf01", "sf02"], **more)
    with pytest.raises(StudyError, match="the source has no training frames"):
        companion_frames(Companion(), training=[], **more)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"companion": {"share": 1.0}}, "share"),
        ({"companion": {"share": -0.1}}, "share"),
        ({"companion": {"weight": 0.0}}, "weight"),
        ({"companion": {"frames": 0}}, "frames"),
        ({"companion": {}, "train_reference": True}, "each level keeps its reference energies"),
        ({"companion": {"labels": "model"}, "initial": "random"}, "random weights know no labels"),
    ],
)
def test_what_cannot_be_is_named(values, words):
    with pytest.raises(ValidationError, match=words):
        Method.model_validate({"initial": "pretrained", "reference": "target", **values})
