"""Parts of the network that learn at another rate, and references that learn first."""

import copy

import numpy as np
import pytest
import torch

from rungs.config.training import RateFactors, Training
from rungs.potentials.models import new_model
from rungs.potentials.references import get_reference, set_reference
from rungs.potentials.registry import architecture
from rungs.training import loop
from rungs.training.loop import Trainer, TrainingData
from rungs.training.schedule import updates_of_references

CPU = torch.device("cpu")
OPTIONS = Training(updates=24, batch_size=4, learning_rate=5e-3, validations=6)


@pytest.fixture
def data(store):
    return TrainingData(store, np.arange(12), store, np.arange(12, 16))


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def changed_parts(model, before) -> set[str]:
    part_of = architecture("chgnet").part_of
    return {part_of(n) for n, p in model.named_parameters() if not torch.equal(p, before[n])}


def test_factors_on_the_learning_rate_are_by_part(data, architecture, tmp_path):
    """At 0 a part stays; with a factor and the inverse rate it does the same; decay obeys too."""
    model = new_model(architecture, 0)
    before = copy.deepcopy(dict(model.named_parameters()))
    options = {"weight_decay": 0.1, "optimizer": "AdamW"}

    def train(factors, rate=1e-3):
        factors = RateFactors.model_validate(factors)
        more = {"learning_rate_factors": factors, "learning_rate": rate}
        chosen = OPTIONS.model_copy(update=options | more)
        start = copy.deepcopy(model)
        run = Trainer(start, data, chosen, seed=0, device=CPU, train_reference=True)
        run.train(tmp_path / "run.pt", {}, "test")
        return start

    readout = train({"embeddings": 0, "convolutions": 0})
    assert changed_parts(readout, before) == {"readout", "references"}
    body = train({"readout": 0, "references": 0})
    assert changed_parts(body, before) == {"embeddings", "convolutions"}
    alike = [train({}, 1e-3), train(dict.fromkeys(RateFactors.model_fields, 0.5), 2e-3)]
    assert same(*map(weights, alike))


def test_references_go_first(data, architecture):
    """For a third of the updates the network stays, and the loss falls by the references alone."""
    options = OPTIONS.model_copy(
        update={"references_first": 0.34, "averaging": 0.0, "learning_rate": 0.05, "warmup": 0.2}
    )
    assert updates_of_references(24, options) == 8
    model = new_model(architecture, 0)
    set_reference(model, get_reference(model) + 1.0)
    before = copy.deepcopy(dict(model.named_parameters()))
    run = Trainer(model, data, options, seed=0, device=CPU, train_reference=True)
    losses = []
    for update in range(8):
        terms, rate = run._update(update, run.order[update])
        losses.append(terms["train_energy_loss"])
        assert rate == options.learning_rate
    assert changed_parts(model, before) == {"references"}
    assert losses[-1] < losses[0]
    _, rate = run._update(8, run.order[8])
    assert rate < options.learning_rate  # the warm-up begins here
    assert changed_parts(model, before) == {"embeddings", "convolutions", "readout", "references"}


def test_with_references_first_a_killed_training_ends_as_an_undisturbed_one(
    data, architecture, tmp_path, monkeypatch
):
    options = OPTIONS.model_copy(update={"references_first": 0.34})
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def run(killed_at=None):
        it = Trainer(
            new_model(architecture, 0), data, options, seed=0, device=CPU, train_reference=True
        )
        update = it._update

        def die(number, positions):
            if number == killed_at:
                raise KeyboardInterrupt
            return update(number, positions)

        monkeypatch.setattr(it, "_update", die)
        it.train(tmp_path / f"{killed_at}.pt", {}, "test")
        return weights(it.model)

    expected = run()
    for killed_at in (4, 12):
        with pytest.raises(KeyboardInterrupt):
            run(killed_at)
        (tmp_path / f"{killed_at}.pt").rename(tmp_path / "None.pt")
        assert same(run(), expected)
