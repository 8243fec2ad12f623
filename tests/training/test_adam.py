"""The optimiser: PyTorch's numbers, its average, its pieces and its state."""

import copy
from functools import partial

import pytest
import torch

from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.training.adam import Adam, Piece

PIECES = Piece(1000, decay=0.3), Piece(94, decay=0.0, factor=0.25)
N = 1094
RATES = (1e-2, 1e-3, 5e-3, 2e-3)
SCALES = (1.0, 0.2, 0.7, 1.0)
DECAYS = (0.1, 0.5, 0.9, 0.95)


def vector(seed=0, dtype=torch.float32):
    return 10 * torch.randn(N, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def gradient(update, dtype=torch.float32):
    random = torch.Generator().manual_seed(1 + update)
    return torch.randn(N, generator=random, dtype=dtype)


class Ours:
    """An optimiser with an average, which begins at another vector."""

    def __init__(self, kind, compiled, start=None, dtype=torch.float32):
        if compiled and compiled_library() is None:
            pytest.skip("the compiled functions cannot be built here")
        self.vector, self.average = start or (vector(dtype=dtype), vector(100, dtype))
        self.adam = Adam(
            self.vector,
            PIECES,
            average=self.average,
            decoupled=kind == "AdamW",
            compiled=compiled,
        )

    def step(self, update, **more):
        self.adam.step(
            gradient(update, self.vector.dtype),
            RATES[update],
            scale=SCALES[update],
            decay=DECAYS[update],
            **more,
        )


class PyTorchs:
    """A class of torch.optim, and an average."""

    def __init__(self, kind, dtype=torch.float32):
        sizes = [piece.size for piece in PIECES]
        self.parts = [torch.nn.Parameter(part.clone()) for part in vector(dtype=dtype).split(sizes)]
        self.average = vector(100, dtype)
        groups = [
            {"params": [part], "weight_decay": piece.decay}
            for part, piece in zip(self.parts, PIECES, strict=True)
        ]
        self.optimizer = getattr(torch.optim, kind)(groups, fused=True)

    @property
    def vector(self):
        return torch.cat([part.detach() for part in self.parts])

    def step(self, update):
        scaled = gradient(update, self.average.dtype) * SCALES[update]
        pieces = scaled.split([piece.size for piece in PIECES])
        for group, part, piece, of in zip(
            self.optimizer.param_groups, self.parts, pieces, PIECES, strict=True
        ):
            group["lr"] = RATES[update] * of.factor
            part.grad = piece
        self.optimizer.step()
        self.average.lerp_(self.vector, 1 - DECAYS[update])


def train(optimizer, updates):
    for update in updates:
        optimizer.step(update)
    return optimizer.vector.clone(), optimizer.average.clone()


exactly = partial(torch.testing.assert_close, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_the_numbers_are_pytorchs(kind):
    found = train(Ours(kind, compiled=False), range(4))
    exactly(found, train(PyTorchs(kind), range(4)))
    assert not torch.equal(found[0], vector())


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_one_pass_does_the_same(kind, dtype, error):
    """To the last places: products and sums are rounded once, not twice."""
    found = train(Ours(kind, compiled=True, dtype=dtype), range(4))
    expected = train(PyTorchs(kind, dtype), range(4))
    torch.testing.assert_close(found, expected, rtol=error, atol=error)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_it_goes_on_from_a_state(kind, compiled):
    first = Ours(kind, compiled)
    middle = train(first, range(2))
    state = copy.deepcopy(first.adam.state_dict())
    second = Ours(kind, compiled, middle)
    second.adam.load_state_dict(state)
    exactly(train(second, range(2, 4)), train(Ours(kind, compiled), range(4)))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_piece_that_is_left_out_stays_and_is_averaged(compiled):
    """Its moments too: when it comes in, its first step is a first step."""
    ours = Ours("Adam", compiled)
    before, average = ours.vector.clone(), ours.average.clone()
    ours.step(0, only=[False, True])
    exactly(ours.vector[:1000], before[:1000])
    assert not (ours.vector[1000:] == before[1000:]).any()
    expected = average.lerp(before, 1 - DECAYS[0])
    torch.testing.assert_close(ours.average[:1000], expected[:1000])
    ours.step(1)
    fresh = Ours("Adam", compiled)
    fresh.step(1)
    exactly(ours.vector[:1000], fresh.vector[:1000])
    assert not torch.equal(ours.vector[1000:], fresh.vector[1000:])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_factor_of_0_keeps_a_piece(compiled):
    start = vector()
    before = start.clone()
    pieces = [Piece(1000, decay=0.3, factor=0.0), Piece(94)]
    Adam(start, pieces, decoupled=True, compiled=compiled).step(gradient(0), 1e-2)
    exactly(start[:1000], before[:1000])
    assert not torch.equal(start[1000:], before[1000:])


def test_pieces_have_to_make_up_the_vector():
    with pytest.raises(ValueError, match="pieces of 1094 parameters"):
        Adam(vector(), [Piece(1000)])
