"""The optimiser: PyTorch's numbers, and its state."""

import copy

import pytest
import torch

from rungs.training.adam import Adam

SIZES, DECAYS = (1000, 94), (0.3, 0.0)
RATES = (1e-2, 1e-3, 5e-3, 2e-3)


def vectors():
    random = torch.Generator().manual_seed(0)
    return [10 * torch.randn(size, generator=random) for size in SIZES]


def gradients(update):
    random = torch.Generator().manual_seed(1 + update)
    return [torch.randn(size, generator=random) for size in SIZES]


class Ours(Adam):
    def __init__(self, kind, start):
        super().__init__(start, DECAYS, decoupled=kind == "AdamW")
        self.vectors = start


class PyTorchs:
    """A class of torch.optim with the interface of ours."""

    def __init__(self, kind, start):
        self.vectors = [torch.nn.Parameter(vector) for vector in start]
        groups = [
            {"params": [vector], "weight_decay": decay}
            for vector, decay in zip(self.vectors, DECAYS, strict=True)
        ]
        self.optimizer = getattr(torch.optim, kind)(groups, fused=True)
        self.state_dict = self.optimizer.state_dict

    def step(self, gradients, rate):
        for group, vector, gradient in zip(
            self.optimizer.param_groups, self.vectors, gradients, strict=True
        ):
            group["lr"] = rate
            vector.grad = gradient
        self.optimizer.step()


def train(optimizer, updates):
    for update in updates:
        optimizer.step(gradients(update), RATES[update])
    return [vector.detach().clone() for vector in optimizer.vectors]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_the_numbers_are_pytorchs(kind):
    found = train(Ours(kind, vectors()), range(4))
    assert equal(found, train(PyTorchs(kind, vectors()), range(4)))
    assert not equal(found, vectors())


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
@pytest.mark.parametrize("before", [Ours, PyTorchs])
def test_it_goes_on_from_a_state(kind, before):
    first = before(kind, vectors())
    middle = train(first, range(2))
    state = copy.deepcopy(first.state_dict())
    second = Ours(kind, middle)
    second.load_state_dict(state)
    found = train(second, range(2, 4))
    assert equal(found, train(PyTorchs(kind, vectors()), range(4)))


def test_an_empty_vector_is_left_alone():
    """As where all of a network is frozen and its reference energies are trained."""
    references = vectors()[1]
    optimizer = Adam([torch.zeros(0), references], DECAYS)
    optimizer.step([torch.zeros(0), gradients(0)[1]], RATES[0])
    assert torch.equal(references, train(PyTorchs("Adam", vectors()), [0])[1])
