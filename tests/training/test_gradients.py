"""Gradients of the layers: whose they are, when they are recorded, in an unchanged training."""

import copy
import math

import numpy as np
import pytest
import torch

from rungs.config.training import Training
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model
from rungs.potentials.registry import architecture
from rungs.training.gradients import first_epoch, layer_norms
from rungs.training.loop import Trainer, TrainingData
from rungs.training.loss import loss_terms, total_loss
from rungs.training.schedule import BatchOrder
from rungs.training.step import Step

CHGNET = architecture("chgnet")

OPTIONS = Training(updates=40, batch_size=4, averaging=0.0, validations=1, compiled=False)
CPU = torch.device("cpu")


def test_the_published_network_has_the_eight_layers_of_the_paper():
    found = {layer.name: layer.prefix for layer in CHGNET.layers(load_published("0.3.0"))}
    assert found == {
        "atom embedding": "atom_embedding.",
        "bond embedding": "bond_embedding.",
        "angle embedding": "angle_embedding.",
        "first atom convolution": "atom_conv_layers.0.",
        "last atom convolution": "atom_conv_layers.3.",
        "first bond convolution": "bond_conv_layers.0.",
        "last bond convolution": "bond_conv_layers.2.",
        "first layer of the MLP": "mlp.layers.0.",
    }


def test_two_blocks_have_one_bond_convolution(architecture):
    names = [layer.name for layer in CHGNET.layers(new_model(architecture, 0))]
    assert "first bond convolution" in names
    assert "last bond convolution" not in names
    assert len(names) == 7


@pytest.mark.parametrize("trained", [False, True])
def test_norms_are_those_of_autograd(architecture, store, trained):
    """Against plain backpropagation, parameter by parameter."""
    model = new_model(architecture, 0)
    model.composition_model.requires_grad_(trained)
    plain = copy.deepcopy(model)
    batch = store.batch(np.arange(4))
    terms = loss_terms(BatchedCHGNet(plain, compiled=False)(batch), batch, OPTIONS)
    total_loss(terms, OPTIONS.weights).backward()
    step = Step(model, store, OPTIONS, CPU)
    gradient, _ = step.gradient(np.arange(4))
    norms = layer_norms(model, step.flat, gradient)
    assert ("reference energies" in norms) == trained
    prefixes = {layer.name: layer.prefix for layer in CHGNET.layers(plain)}
    prefixes |= {"reference energies": "composition_model."} if trained else {}
    assert set(norms) == set(prefixes)
    for name, prefix in prefixes.items():
        squares = sum(
            float(p.grad.double().square().sum())
            for key, p in plain.named_parameters()
            if key.startswith(prefix) and p.grad is not None
        )
        assert norms[name] == pytest.approx(math.sqrt(squares), rel=1e-4, abs=1e-9)


def test_an_epoch_is_recorded_in_tenths_from_first_to_next_epochs_first(architecture, store):
    frames = np.arange(20)
    model = new_model(architecture, 0)
    model.composition_model.requires_grad_(False)
    small = OPTIONS.model_copy(update={"batch_size": 1, "updates": 100})
    rows = first_epoch(model, store, frames, small, 3, CPU)
    updates = [row["update"] for row in rows if row["layer"] == "whole network"]
    assert updates == list(range(0, 21, 2))
    assert sorted({row["epoch"] for row in rows}) == pytest.approx(np.arange(11) / 10)
    # Fewer updates than tenths: each of them; a budget below an epoch ends the record.
    rows = first_epoch(new_model(architecture, 0), store, frames, OPTIONS, 3, CPU)
    assert sorted({row["update"] for row in rows}) == [0, 1, 2, 3, 4, 5]
    short = OPTIONS.model_copy(update={"updates": 2})
    rows = first_epoch(new_model(architecture, 0), store, frames, short, 3, CPU)
    assert sorted({row["update"] for row in rows}) == [0, 1]


def test_the_epoch_is_the_training_s_own(architecture, store, tmp_path):
    """After an epoch the weights are those of the training with the same seed and options."""
    frames, none = np.arange(20), np.arange(0)
    one_epoch = OPTIONS.model_copy(update={"updates": 5})
    assert BatchOrder(20, 4, 0).per_epoch == 5
    recorded = new_model(architecture, 0)
    recorded.composition_model.requires_grad_(False)
    first_epoch(recorded, store, frames, one_epoch, 7, CPU)
    trained = new_model(architecture, 0)
    data = TrainingData(store, frames, store, none)
    Trainer(trained, data, one_epoch, seed=7, device=CPU).train(tmp_path / "c.pt", {}, "test")
    theirs = dict(trained.named_parameters())
    for name, parameter in recorded.named_parameters():
        assert torch.equal(parameter, theirs[name]), name
