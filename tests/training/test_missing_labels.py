"""Labels that frames lack: no weight in the loss, no NaN, and right counts in what is validated."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from rungs.config.training import LossWeights, Training
from rungs.errors import StudyError
from rungs.potentials.models import new_model
from rungs.potentials.prediction_errors import evaluate
from rungs.potentials.properties import PROPERTIES
from rungs.potentials.references import set_reference
from rungs.training.loop import Trainer, TrainingData
from rungs.training.loss import loss_terms, weights_of_labelled
from rungs.training.progress import Progress
from rungs.training.step import Step

CPU = torch.device("cpu")
WEIGHTS = LossWeights()
OPTIONS = Training(updates=12, batch_size=4, learning_rate=5e-3, validations=3)
FRAMES = np.arange(20)


def only(name):
    return LossWeights(**{p: getattr(WEIGHTS, p) * (p == name) for p in PROPERTIES})


def gradient(store, architecture, frames, weights=WEIGHTS, **more):
    options = Training(updates=1, weights=weights, **more)
    return Step(new_model(architecture, 0), store, options, CPU).gradient(frames)


def names_of(row, start):
    return {name for name in PROPERTIES if any(key.startswith(f"{start}_{name}_") for key in row)}


@pytest.mark.parametrize("loss", ["Huber", "MSE"])
def test_the_gradient_is_that_of_the_labelled_frames_alone(
    store, partly_labelled, architecture, loss
):
    """Property by property, against batches of frames that all have it."""
    labelled = partly_labelled.labelled()
    mixed, terms = gradient(partly_labelled, architecture, FRAMES, loss=loss)
    expected = torch.zeros_like(mixed)
    for name in PROPERTIES:
        chosen = np.flatnonzero(labelled[name] & store.labelled()[name])
        assert 0 < len(chosen) < len(FRAMES)
        alone, own = gradient(store, architecture, chosen, only(name), loss=loss)
        expected += alone
        assert terms[f"train_{name}_loss"] == pytest.approx(own[f"train_{name}_loss"], rel=1e-5)
    assert torch.allclose(mixed, expected, rtol=1e-3, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize(("chosen", "known"), [(range(12, 16), "force"), (range(16, 20), "energy")])
def test_a_batch_without_any_label_of_a_property_is_sound(
    partly_labelled, architecture, chosen, known
):
    values, terms = gradient(partly_labelled, architecture, np.array(chosen))
    assert torch.isfinite(values).all()
    assert values.abs().max() > 0
    assert set(terms) == {"train_loss", f"train_{known}_loss", "gradient_norm"}
    expected = getattr(WEIGHTS, known) * terms[f"train_{known}_loss"]
    assert terms["train_loss"] == pytest.approx(expected)


def test_energies_alone_need_no_forces_and_give_the_same_gradient(store, architecture):
    """What is not in the loss is not predicted; the gradient is none the less that of a loss in
    which forces have next to no weight."""
    alone, _ = gradient(store, architecture, FRAMES, only("energy"))
    nearly = only("energy").model_copy(update={"force": 1e-12})
    beside, _ = gradient(store, architecture, FRAMES, nearly)
    assert torch.allclose(alone, beside, rtol=1e-4, atol=1e-6 * beside.abs().max())


@pytest.mark.parametrize("parts", [3, 20])
def test_parts_of_a_batch_add_up_although_labels_are_missing(partly_labelled, architecture, parts):
    whole, terms = gradient(partly_labelled, architecture, FRAMES)
    other, in_parts = gradient(partly_labelled, architecture, FRAMES, accumulation_steps=parts)
    assert in_parts == pytest.approx(terms, rel=1e-4)
    assert torch.allclose(other, whole, rtol=1e-3, atol=1e-5 * whole.abs().max())


def test_weights_of_what_no_frame_has_are_nothing(partly_labelled):
    assert weights_of_labelled(WEIGHTS, (partly_labelled, FRAMES)) == WEIGHTS
    assert weights_of_labelled(WEIGHTS, (partly_labelled, np.arange(16, 20))) == only("energy")
    with pytest.raises(StudyError, match=r"none of the 4 training frames .* labelled with energy"):
        weights_of_labelled(only("force"), (partly_labelled, np.arange(16, 20)))


def trainer(store, training, validation, architecture, **options):
    model = new_model(architecture, 0)
    set_reference(model, np.full(94, -6.0))
    data = TrainingData(store, np.array(training), store, np.array(validation))
    return Trainer(model, data, OPTIONS.model_copy(update=options), seed=0, device=CPU)


def test_training_on_energies_is_validated_on_what_there_is(
    partly_labelled, architecture, tmp_path
):
    run = trainer(partly_labelled, range(16, 20), [0, 1, 12], architecture)
    (*_, row) = run.train(tmp_path / "run.pt", {}, "test").history
    assert names_of(row, "train") == {"energy"}
    assert names_of(row, "validation") == {"energy", "force"}
    assert set(evaluate(run.judge, partly_labelled, np.array([0, 1, 12]), CPU)) == {
        "energy",
        "force",
    }
    assert all(math.isfinite(value) for value in row.values())


class Chunked:
    """A store whose chunks have a size of one's choice."""

    def __init__(self, store, size):
        self._store, self._size = store, size

    def chunks(self, indices):
        return (indices[i : i + self._size] for i in range(0, len(indices), self._size))

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_validation_loss_gives_each_property_its_weight(partly_labelled, architecture, size):
    """However the frames fall into chunks, a property is the mean over the frames that have it."""
    frames = np.array([16, 17, 18, 12, 13])
    run = trainer(partly_labelled, range(12), frames, architecture)
    run.data = dataclasses.replace(run.data, validation=Chunked(partly_labelled, size))
    expected = 0.0
    for name, chosen in (("energy", frames[:3]), ("force", frames[3:])):
        batch = partly_labelled.batch(chosen)
        prediction = run.judge(batch, create_graph=False)
        term = loss_terms(prediction, batch, OPTIONS)[name].item()
        expected += getattr(WEIGHTS, name) * term
    _, loss = run._validate()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_validation_frames_without_a_label_that_counts_choose_nothing(
    partly_labelled, architecture, tmp_path
):
    run = trainer(partly_labelled, range(12), range(16, 20), architecture, weights=only("force"))
    result = run.train(tmp_path / "run.pt", {}, "test")
    assert result.chosen_update == OPTIONS.updates
    assert "validation_loss" not in result.history[-1]


def test_means_between_validations_are_over_the_batches_with_the_label():
    progress = Progress()
    progress.add({"train_loss": 3.0, "train_energy_loss": 1.0})
    progress.add({"train_loss": 1.0, "train_force_loss": 4.0})
    assert progress.take_means() == {
        "train_loss": 2.0,
        "train_energy_loss": 1.0,
        "train_force_loss": 4.0,
    }
    # a checkpoint of before labels could be missing has one count for all
    assert Progress(sums={"train_loss": 3.0}, n_summed=2).take_means() == {"train_loss": 1.5}
