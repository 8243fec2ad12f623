"""One update: parts add up to the whole, memory that runs out, the flat vector."""

import dataclasses

import numpy as np
import pytest
import torch

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.models import new_model
from rungs.training.loss import label_counts, loss_terms, total_loss
from rungs.training.parameter_vector import FlatParameters
from rungs.training.prefetch import Prefetcher
from rungs.training.step import Step

CPU = torch.device("cpu")
OPTIONS = Training(updates=4, batch_size=8)
FRAMES = np.arange(8)


def make(store, architecture, **options) -> Step:
    return Step(new_model(architecture, 0), store, OPTIONS.model_copy(update=options), CPU)


@pytest.mark.parametrize("loss", ["Huber", "MSE"])
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_of_a_batch_make_the_same_update(store, architecture, loss, parts):
    whole, terms = make(store, architecture, loss=loss).gradient(FRAMES)
    gradient, terms_in_parts = make(
        store, architecture, loss=loss, accumulation_steps=parts
    ).gradient(FRAMES)
    assert terms_in_parts == pytest.approx(terms, rel=1e-5)
    assert torch.allclose(gradient, whole, rtol=1e-4, atol=1e-5 * whole.abs().max())


def test_everything_is_made_on_the_device_of_the_batch(store, architecture):
    """PyTorch's meta device has no numbers, but refuses tensors of another device as a GPU does."""
    meta = torch.device("meta")
    model = new_model(architecture, 0).to(meta)
    flat = FlatParameters(model)
    batch = store.batch(FRAMES, meta)
    assert batch.n_angles
    assert batch.volumes.device == batch.angle_bonds.device == meta
    prediction = BatchedCHGNet(model)(batch)
    counts = label_counts([batch], meta)
    loss = total_loss(loss_terms(prediction, batch, OPTIONS, counts), OPTIONS.weights)
    gradient = flat.gradient(loss)
    assert gradient.shape == flat.vector.shape
    assert {t.device for t in (prediction.magmoms, loss, gradient, flat.vector)} == {meta}


def test_the_vector_is_the_model(store, architecture):
    step = make(store, architecture)
    for parameter, piece in zip(
        step.flat.parameters, step.flat.vector.split(step.flat.sizes), strict=True
    ):
        assert parameter.data_ptr() == piece.data_ptr()
    weight = step.model.mlp.layers[0].weight
    before = weight.detach().clone()
    gradient, terms = step.gradient(FRAMES)
    step.apply(gradient, terms["gradient_norm"], 0, 1e-2)
    assert not torch.equal(before, weight)


def test_the_gradient_is_autograds(store, architecture):
    step = make(store, architecture)
    gradient, _ = step.gradient(FRAMES)
    plain = make(store, architecture)
    plain.potential.compiled = False
    assert torch.allclose(gradient, plain.gradient(FRAMES)[0], rtol=1e-3, atol=1e-6)


class Starved:
    """A potential that has memory for ``most`` frames at once."""

    def __init__(self, potential, most):
        self.potential, self.most = potential, most
        self.cores = potential.cores

    def __call__(self, batch, **options):
        if batch.n_frames > self.most:
            raise torch.OutOfMemoryError("too much")
        return self.potential(batch, **options)


def test_the_next_batch_is_made_early(store, architecture):
    ahead = make(store, architecture)
    ahead._batches._made = Prefetcher(ahead._batches._make, background=True)
    plain = make(store, architecture)
    frames = [np.arange(i, i + 4) for i in range(4)]
    for now, after in zip(frames, [*frames[1:], None], strict=True):
        found, _ = ahead.gradient(now, after)
        assert torch.equal(found, plain.gradient(now)[0])


def test_a_prefetched_item_is_made_once_and_only_if_it_is_the_one():
    made = []

    def make_item(key):
        made.append(key)
        return key * 10

    items = Prefetcher(make_item, background=True)
    assert items.take(1, 2) == 10
    assert items.take(2, 3) == 20
    assert items.take(4) == 40  # 3 is made in vain
    assert made[:2] == [1, 2]
    assert made.count(4) == 1
    lazy = Prefetcher(make_item, background=False)
    assert [lazy.take(5, 6), lazy.take(6)] == [50, 60]


def test_out_of_memory_halves_the_batch_once(store, architecture, capsys):
    expected, _ = make(store, architecture).gradient(FRAMES)
    step = make(store, architecture)
    step.potential = Starved(step.potential, 4)
    gradient, _ = step.gradient(FRAMES)
    assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-5 * expected.abs().max())
    assert "out of memory with 8 frames at once: batches go in 2 parts" in capsys.readouterr().err
    step.potential.most = 2
    with pytest.raises(StudyError, match="no memory for 4 frames at once"):
        step.gradient(FRAMES)


def test_other_errors_are_not_taken_for_memory(store, architecture):
    step = make(store, architecture)
    batch = dataclasses.replace(store.batch(FRAMES), cutoffs=(1.0, 1.0))
    step._batches._store = type("Wrong", (), {"batch": lambda *_: batch})()
    with pytest.raises(StudyError, match="cutoffs"):
        step.gradient(FRAMES)
