"""What a method lets change of a network: low-rank adapters and a pull to the start, for any."""

import copy

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rungs.config.methods import Adapters, Method
from rungs.errors import StudyError
from rungs.potentials.model_files import load_model, save_model
from rungs.potentials.references import references_of
from rungs.potentials.registry import architecture_of
from rungs.training import loop
from rungs.training.adapters import LowRank
from rungs.training.changes import Changes
from rungs.training.layers import freeze
from rungs.training.loop import Trainer, TrainingData
from rungs.training.parameter_vector import FlatParameters
from rungs.training.step import Step

from .test_any import OPTIONS, same

CPU = torch.device("cpu")
RANK_2 = Changes(Adapters(rank=2), seed=1)


def trainer(model, store, changes, options=OPTIONS, **more) -> Trainer:
    data = TrainingData(store, np.arange(12), store, np.arange(12, 16))
    return Trainer(model, data, options, seed=1, device=CPU, changes=changes, **more)


def trained(model, store, folder, changes, options=OPTIONS, **more):
    one = copy.deepcopy(model)
    trainer(one, store, changes, options, **more).train(folder / "run.pt", {}, "test")
    (folder / "run.pt").unlink(missing_ok=True)
    return one


def matrices(model):
    """Values of all linear layers, by name and offset."""
    return {
        (x.name, x.offset): x.parameter.detach()
        .reshape(-1)[x.offset : x.offset + x.rows * x.columns]
        .view(x.rows, x.columns)
        .clone()
        for x in architecture_of(model).linear_layers(model)
    }


def test_a_change_has_the_rank_that_was_asked_for(model, labelled, tmp_path):
    after = trained(model, labelled, tmp_path, RANK_2)
    start, end = matrices(model), matrices(after)
    ranks = {
        key: int(torch.linalg.matrix_rank((end[key] - start[key]).double(), rtol=1e-3))
        for key in start
    }
    assert max(ranks.values()) == 2
    assert sum(rank > 0 for rank in ranks.values()) > len(ranks) / 2
    # nothing else changes
    names = {name for name, _ in start}
    before = dict(model.named_parameters())
    for name, parameter in after.named_parameters():
        if name not in names:
            assert torch.equal(parameter, before[name]), name


def test_all_linear_layers_are_there(model):
    """As many numbers as the network has in matrices that multiply features."""
    found = architecture_of(model).linear_layers(model)
    assert len({(x.name, x.offset) for x in found}) == len(found) > 5
    own = dict(model.named_parameters())
    for x in found:
        assert x.parameter is own[x.name]
        assert x.offset + x.rows * x.columns <= x.parameter.numel()
    of_references = {id(p) for p in references_of(model).parameters()}
    assert not any(id(x.parameter) in of_references for x in found)


def test_it_starts_from_the_network_as_it_is(model, labelled):
    expected = copy.deepcopy(model)
    run = trainer(model, labelled, RANK_2)
    run.step.adapters.push()
    assert same(model, expected)


def test_the_gradient_is_that_of_the_two_factors(double, labelled):
    references_of(double).requires_grad_(False)
    step = Step(double, labelled, OPTIONS, CPU, changes=RANK_2)
    adapters = step.adapters
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        adapters.vector.add_(0.1 * torch.randn(len(adapters.vector), generator=random))
    adapters.push()
    store = labelled

    def loss():
        batch = store.batch(range(4), dtype=torch.float64)
        from rungs.training.loss import loss_terms, total_loss

        terms = loss_terms(step.potential(batch, magmoms=False), batch, OPTIONS)
        return total_loss(terms, OPTIONS.weights)

    found = adapters.pull(step.flat.gradient(loss()))
    for _ in range(3):
        direction = torch.randn(len(found), generator=random, dtype=torch.float64)
        values = []
        for sign in (1, -2, 1):
            with torch.no_grad():
                adapters.vector.add_(direction, alpha=sign * 1e-6)
            adapters.push()
            values.append(loss().item())
        slope = (values[0] - values[1]) / 2e-6
        assert slope == pytest.approx(float(found @ direction), rel=2e-4, abs=1e-7)


def test_alpha_scales_the_change(model):
    flat = FlatParameters(copy.deepcopy(model))
    gradient = torch.randn(len(flat.vector), generator=torch.Generator().manual_seed(0))
    network = copy.deepcopy(model)
    flat = FlatParameters(network)
    pulls = [
        LowRank(network, flat, Adapters(rank=2, alpha=alpha), 0).pull(gradient)
        for alpha in (None, 2.0, 4.0)
    ]
    assert torch.equal(pulls[0], pulls[1])
    assert torch.allclose(pulls[2], 2 * pulls[0])


def test_only_chosen_layers_have_adapters(model, labelled, tmp_path):
    asked = Changes(Adapters(rank=1, layers=["readout"]))
    after = trained(model, labelled, tmp_path, asked)
    prefixes = architecture_of(model).groups(model)["readout"]
    start, end = matrices(model), matrices(after)
    changed = {
        name for name, offset in start if not torch.equal(*(m[name, offset] for m in (start, end)))
    }
    assert changed
    assert all(name.startswith(prefixes) for name in changed)


def test_frozen_layers_have_none(model, labelled):
    freeze(model, ["readout"])
    with pytest.raises(StudyError, match="no linear layer that is trained"):
        trainer(model, labelled, Changes(Adapters(layers=["readout"])))


def test_references_can_be_trained_along(model, labelled, tmp_path):
    after = trained(model, labelled, tmp_path, RANK_2, train_reference=True)
    before = references_of(model).fc.weight
    assert not torch.equal(references_of(after).fc.weight, before)
    without = trained(model, labelled, tmp_path, RANK_2)
    assert torch.equal(references_of(without).fc.weight, before)


def test_what_is_saved_is_a_network_as_any_other(model, labelled, tmp_path):
    after = trained(model, labelled, tmp_path, RANK_2)
    save_model(after, tmp_path / "model.pt")
    assert same(load_model(tmp_path / "model.pt"), after)


@pytest.mark.parametrize("changes", [RANK_2, Changes(anchor=0.1)], ids=["adapters", "anchor"])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_killed_training_ends_as_an_undisturbed_one(
    model, labelled, tmp_path, monkeypatch, changes, averaging
):
    options = OPTIONS.model_copy(update={"averaging": averaging})
    whole = trained(model, labelled, tmp_path, changes, options)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = loop.Trainer._update

    def die(self, number, positions):
        if number == 7:
            raise KeyboardInterrupt
        return update(self, number, positions)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_update", die)
        with pytest.raises(KeyboardInterrupt):
            trainer(copy.deepcopy(model), labelled, changes, options).train(
                tmp_path / "killed.pt", {}, "test"
            )
    again = copy.deepcopy(model)
    run = trainer(again, labelled, changes, options)
    assert run.train(tmp_path / "killed.pt", {}, "test").updates_done_here == 5
    assert same(again, whole)


def test_an_anchor_adds_its_gradient_and_its_loss(model, labelled):
    references_of(model).requires_grad_(False)
    plain = Step(copy.deepcopy(model), labelled, OPTIONS, CPU)
    held = Step(copy.deepcopy(model), labelled, OPTIONS, CPU, changes=Changes(anchor=0.5))
    away = 0.01 * torch.randn(len(plain.flat.vector), generator=torch.Generator().manual_seed(0))
    for step in (plain, held):
        with torch.no_grad():
            step.flat.vector.add_(away)
    one, without = plain.gradient(np.arange(4))
    other, with_anchor = held.gradient(np.arange(4))
    assert torch.allclose(other - one, 0.5 * away, atol=1e-5)
    more = with_anchor["train_loss"] - without["train_loss"]
    assert more == pytest.approx(0.25 * float(away.square().sum()), rel=1e-3)


def test_the_stronger_the_anchor_the_nearer_the_start(model, labelled, tmp_path):
    def distance(strength):
        after = trained(model, labelled, tmp_path, Changes(anchor=strength))
        pairs = zip(after.parameters(), model.parameters(), strict=True)
        return sum(float((a - b).detach().square().sum()) for a, b in pairs)

    assert distance(1.0) < 0.5 * distance(0.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"adapters": {"rank": 0}}, "rank"),
        ({"adapters": {"layers": ["other"]}}, "layers"),
        ({"adapters": {}, "initial": "random"}, "adapters needs `initial: pretrained`"),
        ({"anchor": 0.1, "initial": "random"}, "anchor needs `initial: pretrained`"),
        ({"anchor": -0.1}, "anchor"),
        ({"anchor": 0.1, "adapters": {}}, "take one of them"),
    ],
)
def test_what_cannot_be_is_named(values, words):
    with pytest.raises(ValidationError, match=words):
        Method.model_validate({"initial": "pretrained", "reference": "target", **values})
