"""The training loop: it learns, keeps the best weights, goes on where it was killed."""

import copy
import dataclasses
import os
import signal

import numpy as np
import pytest
import torch

from rungs.config.training import LossWeights, Training
from rungs.errors import StudyError
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.models import new_model
from rungs.potentials.prediction_errors import evaluate
from rungs.potentials.references import get_reference, set_reference
from rungs.training import loop
from rungs.training.divergence import DivergenceCheck
from rungs.training.loop import Trainer, TrainingData

CPU = torch.device("cpu")
OPTIONS = Training(updates=24, batch_size=4, learning_rate=5e-3, validations=6)


@pytest.fixture
def data(store):
    return TrainingData(store, np.arange(12), store, np.arange(12, 16))


def trainer(data, architecture, options=OPTIONS, seed=0, **more):
    model = new_model(architecture, seed)
    set_reference(model, np.full(94, -6.0))
    return Trainer(model, data, options, seed=seed, device=CPU, **more)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_training_lowers_the_error(data, architecture, store, tmp_path):
    run = trainer(data, architecture, OPTIONS.model_copy(update={"updates": 150}))
    before = evaluate(run.step.potential, store, np.arange(16, 20), CPU)
    result = run.train(tmp_path / "run.pt", {}, "test")
    after = evaluate(run.step.potential, store, np.arange(16, 20), CPU)
    assert after["energy"].mae < 0.5 * before["energy"].mae
    assert after["force"].mae < before["force"].mae
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert result.frames_seen_here == 150 * 4


def test_the_best_weights_are_kept(data, architecture, tmp_path, monkeypatch):
    """Those that stood at the best validation, whatever comes after."""
    run = trainer(data, architecture)
    losses = iter([5.0, 3.0, 1.0, 2.0, 4.0, 1.5])
    seen = []

    def validate():
        seen.append(weights(run.kept))
        return {"validation_loss": (loss := next(losses))}, loss

    monkeypatch.setattr(run, "_validate", validate)
    result = run.train(tmp_path / "run.pt", {}, "test")
    assert result.chosen_update == 12
    assert same(weights(run.model), seen[2])
    assert not same(weights(run.model), seen[-1])


@pytest.mark.parametrize(
    ("patience", "last", "chosen"), [(1, 16, 12), (2, 20, 12), (3, 24, 12), (None, 24, 12)]
)
def test_patience_ends_a_training_that_gets_no_better(
    data, architecture, tmp_path, monkeypatch, patience, last, chosen
):
    run = trainer(data, architecture, OPTIONS.model_copy(update={"patience": patience}))
    losses = iter([5.0, 3.0, 1.0, 2.0, 4.0, 1.5])
    monkeypatch.setattr(run, "_validate", lambda: ({}, next(losses)))
    result = run.train(tmp_path / "run.pt", {}, "test")
    assert (result.last_update, result.chosen_update) == (last, chosen)
    assert result.history[-1]["update"] == last


def test_patience_is_counted_on_after_an_interruption(data, architecture, tmp_path, monkeypatch):
    """Killed between the two validations without a gain that patience allows."""
    options = OPTIONS.model_copy(update={"patience": 2})
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def run(losses, killed_at=None):
        it = trainer(data, architecture, options)
        update = it._update

        def die(number, positions):
            if number == killed_at:
                raise KeyboardInterrupt
            return update(number, positions)

        monkeypatch.setattr(it, "_update", die)
        monkeypatch.setattr(it, "_validate", lambda: ({}, losses.pop(0)))
        return it.train(tmp_path / "run.pt", {}, "test")

    with pytest.raises(KeyboardInterrupt):
        run([5.0, 3.0, 4.0], killed_at=14)
    assert run([3.5, 1.0]).last_update == 16


def test_patience_without_validation_frames_waits_for_the_end(data, architecture, tmp_path):
    lone = dataclasses.replace(data, validation_indices=np.array([], dtype=np.int64))
    options = OPTIONS.model_copy(update={"patience": 1})
    result = trainer(lone, architecture, options).train(tmp_path / "run.pt", {}, "test")
    assert result.last_update == OPTIONS.updates


def test_without_validation_the_last_weights_are_taken(data, architecture, tmp_path):
    lone = dataclasses.replace(data, validation_indices=np.array([], dtype=np.int64))
    result = trainer(lone, architecture).train(tmp_path / "run.pt", {}, "test")
    assert result.chosen_update == OPTIONS.updates
    assert "validation_loss" not in result.history[-1]
    assert result.history[-1]["train_loss"] > 0


def test_same_seed_same_weights_and_another_seed_others(data, architecture, tmp_path):
    runs = [trainer(data, architecture, seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        run.train(tmp_path / "run.pt", {}, "test")
    assert same(weights(runs[0].model), weights(runs[1].model))
    assert not same(weights(runs[0].model), weights(runs[2].model))


@pytest.mark.parametrize("killed_at", [1, 4, 5, 13, 23])
def test_a_killed_training_ends_as_an_undisturbed_one(
    data, architecture, tmp_path, monkeypatch, killed_at
):
    straight = trainer(data, architecture)
    expected = straight.train(tmp_path / "straight.pt", {}, "test")

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)  # one after every update
    broken = trainer(data, architecture)
    update = broken._update

    def die(number, positions):
        if number == killed_at:
            raise KeyboardInterrupt
        return update(number, positions)

    monkeypatch.setattr(broken, "_update", die)
    with pytest.raises(KeyboardInterrupt):
        broken.train(tmp_path / "run.pt", {"a": 1}, "test")
    resumed = trainer(data, architecture, seed=0)
    result = resumed.train(tmp_path / "run.pt", {"a": 1}, "test")
    assert result.updates_done_here == OPTIONS.updates - killed_at
    assert same(weights(resumed.model), weights(straight.model))
    timeless = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in found.history]
        for found in (result, expected)
    ]
    assert timeless[0] == timeless[1]


def test_references_move_only_when_they_are_trained(data, architecture, tmp_path):
    for train_reference in (False, True):
        run = trainer(data, architecture, train_reference=train_reference)
        before = get_reference(run.model)
        run.train(tmp_path / "run.pt", {}, "test")
        moved = np.abs(get_reference(run.model) - before)
        assert (moved[[7, 11]] > 0).all() == train_reference
        assert not moved[25]  # iron is in no frame


def test_weight_decay_spares_the_references(data, architecture, tmp_path):
    options = OPTIONS.model_copy(update={"weight_decay": 10.0, "optimizer": "AdamW"})
    run = trainer(data, architecture, options, train_reference=True)
    run.train(tmp_path / "run.pt", {}, "test")
    assert get_reference(run.model)[25] == -6.0


def with_energy(data, frame, energy):
    """Return ``data`` with another energy label for one training frame."""
    arrays = {name: np.array(array) for name, array in data.training.arrays.items()}
    arrays["energies_per_atom"][frame] = energy
    store = copy.copy(data.training)
    store.arrays = arrays
    return dataclasses.replace(data, training=store)


def test_a_broken_label_stops_the_training_with_its_frame(data, architecture, tmp_path):
    run = trainer(with_energy(data, 5, np.inf), architecture)
    with pytest.raises(StudyError, match=r"loss became (nan|inf), at update \d.*f05"):
        run.train(tmp_path / "run.pt", {}, "test")


def test_a_loss_that_jumps_stops_the_training_with_its_frame(data, architecture, tmp_path):
    """One frame in an epoch of 12, first seen in an update after enough others."""
    options = OPTIONS.model_copy(update={"updates": 60, "batch_size": 1, "stop_at_jump": 50.0})
    order = trainer(data, architecture, options).order
    first = [int(order[u][0]) for u in range(12)]
    bad = with_energy(data, first[11], 1e4)
    run = trainer(bad, architecture, options)
    run.divergence = DivergenceCheck(50.0, [1.0] * 12)
    with pytest.raises(StudyError, match=rf"jumped to .* at update 12 on frames .*f{first[11]:02}"):
        run.train(tmp_path / "run.pt", {}, "test")


def test_a_request_to_stop_writes_a_checkpoint_first(data, architecture, tmp_path, monkeypatch):
    straight = trainer(data, architecture)
    straight.train(tmp_path / "straight.pt", {}, "test")
    run = trainer(data, architecture)
    update = run._update

    def terminate_at_five(number, positions):
        if number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(number, positions)

    monkeypatch.setattr(run, "_update", terminate_at_five)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StudyError, match=r"SIGTERM\) after update 6 of 24"):
        run.train(tmp_path / "run.pt", {}, "test")
    assert signal.getsignal(signal.SIGTERM) is handler
    resumed = trainer(data, architecture)
    assert resumed.train(tmp_path / "run.pt", {}, "test").updates_done_here == 18
    assert same(weights(resumed.model), weights(straight.model))


@pytest.mark.parametrize("loss", ["Huber", "MSE"])
@pytest.mark.parametrize("optimizer", ["Adam", "AdamW"])
def test_choices_of_loss_and_optimiser_train(data, architecture, tmp_path, loss, optimizer):
    options = OPTIONS.model_copy(
        update={"loss": loss, "optimizer": optimizer, "clip_gradient_norm": None}
    )
    result = trainer(data, architecture, options).train(tmp_path / "run.pt", {}, "test")
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]


def test_a_weight_of_zero_leaves_the_property_out(data, architecture, tmp_path):
    options = OPTIONS.model_copy(
        update={"weights": LossWeights(energy=1.0, force=0.0, stress=0.0, magmom=0.0)}
    )
    result = trainer(data, architecture, options).train(tmp_path / "run.pt", {}, "test")
    assert "train_force_loss" not in result.history[-1]
    assert result.history[-1]["train_loss"] == pytest.approx(
        result.history[-1]["train_energy_loss"]
    )
    assert result.history[-1]["validation_force_mae_mev_per_angstrom"] > 0


def test_saved_model_is_chgnets_own(data, architecture, frames, store, tmp_path):
    """Train, save, load with chgnet, predict with chgnet: the same numbers."""
    from chgnet.model import CHGNet
    from pymatgen.core import Structure

    from rungs.potentials.model_files import save_model

    run = trainer(data, architecture, train_reference=True)
    run.train(tmp_path / "run.pt", {}, "test")
    save_model(run.model, tmp_path / "model.pt")
    loaded = CHGNet.from_file(str(tmp_path / "model.pt"))
    ours = BatchedCHGNet(run.model)(store.batch([17]), create_graph=False)
    frame = frames[17]
    theirs = loaded.predict_structure(
        Structure(frame.cell, frame.atomic_numbers, frame.cart_coords, coords_are_cartesian=True)
    )
    assert theirs["e"] == pytest.approx(ours.energy.item(), abs=1e-5)
    assert np.allclose(theirs["f"], ours.forces, atol=1e-5)
    assert np.allclose(theirs["s"], ours.stress[0], atol=1e-4)
    assert np.allclose(theirs["m"], ours.magmoms, atol=1e-5)


def test_the_average_lags_behind_the_weights(data, architecture, tmp_path, monkeypatch):
    """It is a convex combination of the weights so far, and 0 switches it off."""
    run = trainer(data, architecture, OPTIONS.model_copy(update={"averaging": 0.9}))
    seen = [weights(run.model)]
    apply = run.step.apply

    def remember(gradient, norm, update, rate, **more):
        apply(gradient, norm, update, rate, **more)
        seen.append(weights(run.model))

    monkeypatch.setattr(run.step, "apply", remember)
    monkeypatch.setattr(run, "_validate", lambda: ({}, 0.0))
    run.train(tmp_path / "run.pt", {}, "test")
    expected = seen[0]
    for update, now in enumerate(seen[1:]):
        decay = min(0.9, (1 + update) / (10 + update))
        expected = {k: decay * expected[k] + (1 - decay) * now[k] for k in now}
    for name, tensor in weights(run.model).items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name

    plain = trainer(data, architecture, OPTIONS.model_copy(update={"averaging": 0.0}))
    assert plain.kept is plain.model
