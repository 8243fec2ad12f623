"""A network that tells two levels apart: by a vector on its embedding, or by a readout for each."""

import copy

import numpy as np
import pytest
import torch

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.potentials.model_files import AT_SOURCE, load_at_source, load_model, save_model
from rungs.potentials.models import potential_of
from rungs.potentials.references import references_of
from rungs.potentials.registry import architecture_of
from rungs.training import loop
from rungs.training.companion import Beside, Chosen, CompanionFrames
from rungs.training.layers import freeze
from rungs.training.loop import Trainer, TrainingData
from rungs.training.step import Step

from .test_any import OPTIONS, same

CPU = torch.device("cpu")
KINDS = ("embedding", "heads")


@pytest.fixture(params=KINDS)
def fidelity(request) -> str:
    return request.param


def trainer(model, store, file, fidelity, options=OPTIONS, **more) -> Trainer:
    companion = CompanionFrames(
        file,
        np.arange(12),
        np.arange(12, 16),
        share=0.5,
        weight=1.0,
        shift=np.full(94, 0.5),
        fidelity=fidelity,
    )
    data = TrainingData(store, np.arange(8), store, np.arange(12, 16), companion)
    return Trainer(model, data, options, seed=1, device=CPU, **more)


def beside(labelled, fidelity) -> Beside:
    return Beside(labelled, 0.5, 1.0, fidelity)


def differing(model, fidelity) -> tuple[str, ...]:
    if fidelity == "embedding":
        return (architecture_of(model).embedding(model)[0],)
    return architecture_of(model).groups(model)["readout"]


def test_both_levels_start_from_the_same_network(model, labelled, fidelity):
    shared = Step(
        copy.deepcopy(model), labelled, OPTIONS, CPU, companion=beside(labelled, "shared")
    )
    apart = Step(copy.deepcopy(model), labelled, OPTIONS, CPU, companion=beside(labelled, fidelity))
    chosen = Chosen(np.arange(4), np.arange(4, 8))
    (_, one), (_, other) = shared.gradient(chosen), apart.gradient(chosen)
    assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-6)


def test_gradients_go_to_their_level(model, labelled, fidelity):
    references_of(model).requires_grad_(False)
    step = Step(model, labelled, OPTIONS, CPU, companion=beside(labelled, fidelity))
    # so that the two differ
    with torch.no_grad():
        step.source.vector.add_(0.05)
    gradient, _ = step.gradient(Chosen(np.arange(4), np.arange(4, 8)))
    own = Step(copy.deepcopy(model), labelled, OPTIONS, CPU).gradient(np.arange(4))[0]
    with step.source.taken(step.flat.vector):
        at_source = copy.deepcopy(model)
    other = Step(at_source, labelled, OPTIONS, CPU).gradient(np.arange(4, 8))[0]
    places = step.source._places
    if fidelity == "embedding":
        rows = other[places].view(step.source._shape)
        assert torch.allclose(step._of_source, 0.5 * rows.sum(0), rtol=1e-3, atol=1e-5)
        assert torch.allclose(gradient, 0.5 * own + 0.5 * other, rtol=1e-3, atol=1e-5)
    else:
        assert torch.allclose(step._of_source, 0.5 * other[places], rtol=1e-3, atol=1e-5)
        assert torch.allclose(gradient[places], 0.5 * own[places], rtol=1e-3, atol=1e-5)


def test_the_network_is_as_it_was_after_a_look_at_the_source(model, labelled, fidelity):
    step = Step(model, labelled, OPTIONS, CPU, companion=beside(labelled, fidelity))
    with torch.no_grad():
        step.source.vector.add_(0.05)
    before = copy.deepcopy(model)
    step.gradient(Chosen(np.arange(4), np.arange(4, 8)))
    assert same(model, before)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_results_of_both_levels_are_plain_models(
    model, labelled, labelled_file, tmp_path, fidelity, averaging
):
    options = OPTIONS.model_copy(update={"averaging": averaging})
    run = trainer(model, labelled, labelled_file, fidelity, options)
    result = run.train(tmp_path / "run.pt", {}, "test")
    assert result.source_weights
    prefixes = differing(model, fidelity)
    assert all(name.startswith(prefixes) for name in result.source_weights)
    found = result.source_weights
    save_model(model, tmp_path / "model.pt", {AT_SOURCE: found})
    target, source = load_model(tmp_path / "model.pt"), load_at_source(tmp_path / "model.pt")
    assert same(target, model)
    named = dict(source.named_parameters())
    for name, parameter in target.named_parameters():
        assert torch.equal(named[name], parameter) != (name in found)
    if fidelity == "embedding":
        # one vector for all elements
        name, n_rows = architecture_of(model).embedding(model)
        shift = (found[name] - dict(target.named_parameters())[name]).detach().view(n_rows, -1)
        assert torch.allclose(shift, shift[:1].expand_as(shift), atol=1e-6)
    batch = labelled.batch(range(4))
    one, other = (potential_of(m)(batch, create_graph=False) for m in (target, source))
    assert not torch.allclose(one.forces, other.forces, atol=1e-6)


def test_a_killed_training_ends_as_an_undisturbed_one(
    model, labelled, labelled_file, tmp_path, monkeypatch, fidelity
):
    whole = copy.deepcopy(model)
    expected = trainer(whole, labelled, labelled_file, fidelity).train(
        tmp_path / "w.pt", {}, "test"
    )
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    update = loop.Trainer._update

    def die(self, number, positions):
        if number == 7:
            raise KeyboardInterrupt
        return update(self, number, positions)

    killed = trainer(copy.deepcopy(model), labelled, labelled_file, fidelity)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_update", die)
        with pytest.raises(KeyboardInterrupt):
            killed.train(tmp_path / "run.pt", {}, "test")
    again = copy.deepcopy(model)
    run = trainer(again, labelled, labelled_file, fidelity)
    result = run.train(tmp_path / "run.pt", {}, "test")
    assert result.updates_done_here == 5
    assert same(again, whole)
    for name, values in expected.source_weights.items():
        assert torch.equal(values, result.source_weights[name])


def test_what_differs_has_to_be_trained(model, labelled, labelled_file, fidelity):
    freeze(model, ["atom_embedding" if fidelity == "embedding" else "readout"])
    with pytest.raises(StudyError, match=f"companion.fidelity: {fidelity} needs a trained"):
        trainer(model, labelled, labelled_file, fidelity)


def test_adapters_and_levels_do_not_go_together(fidelity):
    companion = {"fidelity": fidelity}
    values = {"initial": "pretrained", "reference": "target", "companion": companion}
    with pytest.raises(ValueError, match="do not go together"):
        Method.model_validate({**values, "adapters": {}})
