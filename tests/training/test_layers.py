"""Layers by name, and layers that stay as they are."""

import copy

import numpy as np
import pytest
import torch

from rungs.config.architectures import GROUPS
from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model
from rungs.potentials.registry import architecture
from rungs.training.layers import freeze
from rungs.training.loop import Trainer, TrainingData

OPTIONS = Training.model_validate(
    {
        "updates": 4,
        "batch_size": 4,
        "validations": 1,
        "learning_rate": 1e-2,
        "optimizer": "AdamW",
        "averaging": 0.9,
    }
)


def trained(model, store, tmp_path, train_reference=False):
    data = TrainingData(store, np.arange(8), store, np.arange(8, 12))
    trainer = Trainer(
        model, data, OPTIONS, seed=1, device=torch.device("cpu"), train_reference=train_reference
    )
    trainer.train(tmp_path / "checkpoint.pt", {}, "test")
    return model


def changed(model, before) -> set[str]:
    """Names of the parameters that are no longer the same, bit for bit."""
    return {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}


@pytest.mark.parametrize(
    ("names", "prefixes"),
    [
        (["atom_embedding"], ("atom_embedding.",)),
        (["atom_convolutions", "angle_updates"], ("atom_conv_layers.", "angle_layers.")),
        (["first_atom_convolution", "bond_embedding"], ("atom_conv_layers.0.", "bond_embedding.")),
        (["readout"], ("mlp.", "readout_norm.")),
    ],
)
def test_frozen_layers_stay_bit_identical_and_the_others_learn(
    architecture, store, tmp_path, names, prefixes
):
    model = new_model(architecture, 0)
    before = copy.deepcopy(dict(model.named_parameters()))
    freely = changed(trained(copy.deepcopy(model), store, tmp_path), before)
    assert any(name.startswith(prefixes) for name in freely)
    freeze(model, names)
    found = changed(trained(model, store, tmp_path), before)
    assert found == {name for name in freely if not name.startswith(prefixes)}
    assert found


def test_the_references_can_be_trained_above_frozen_layers(architecture, store, tmp_path):
    model = new_model(architecture, 0)
    before = copy.deepcopy(dict(model.named_parameters()))
    freeze(model, ["atom_embedding"])
    found = changed(trained(model, store, tmp_path, train_reference=True), before)
    assert "composition_model.fc.weight" in found
    assert "atom_embedding.embedding.weight" not in found


def test_every_name_of_the_configuration_is_a_layer_of_the_published_network():
    model = load_published("0.3.0")
    n_all = sum(p.requires_grad for p in model.parameters())
    for name in GROUPS["chgnet"]:
        one = copy.deepcopy(model)
        freeze(one, [name])
        assert sum(p.requires_grad for p in one.parameters()) < n_all
    assert {
        layer.name.lower().replace(" ", "_") for layer in architecture("chgnet").layers(model)
    } <= set(GROUPS["chgnet"])


def test_a_network_of_nothing_but_frozen_layers_is_refused(architecture):
    model = new_model(architecture, 0)
    for name in ("bond_basis_expansion", "bond_weights_ag", "bond_weights_bg", "site_wise"):
        if hasattr(model, name):
            getattr(model, name).requires_grad_(False)
    if hasattr(model, "angle_basis_expansion"):
        model.angle_basis_expansion.requires_grad_(False)
    names = ["atom_embedding", "bond_embedding", "angle_embedding", "atom_convolutions"]
    with pytest.raises(StudyError, match="no layer is left to train"):
        freeze(model, [*names, "bond_convolutions", "angle_updates", "readout"])


def test_a_layer_that_the_network_lacks_is_told(architecture):
    model = new_model(architecture.model_copy(update={"n_conv": 1}), 0)
    with pytest.raises(StudyError, match="no layer bond_convolutions; leave it out"):
        freeze(model, ["bond_convolutions"])
