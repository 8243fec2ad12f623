"""The loss, against numbers worked out by hand."""

import pytest
import torch

from rungs.config.training import LossWeights, Training
from rungs.potentials.potential import Prediction
from rungs.training.loss import loss_terms, total_loss


@pytest.fixture
def batch(store):
    return store.batch([0, 1])  # frame 0 has neither stress nor magnetic moments


def shifted(batch, by):
    return Prediction(
        batch.energy + by, batch.forces + by, batch.stress + by, batch.magmoms.abs() + by
    )


@pytest.mark.parametrize(
    ("loss", "by", "expected"),
    [
        ("MSE", 0.5, 0.25),
        ("Huber", 0.05, 0.5 * 0.05**2),
        ("Huber", 0.5, 0.1 * (0.5 - 0.05)),  # linear beyond delta
    ],
)
def test_mean_over_what_is_labelled(batch, loss, by, expected):
    options = Training(updates=1, loss=loss, huber_delta=0.1)
    terms = loss_terms(shifted(batch, by), batch, options)
    assert set(terms) == {"energy", "force", "stress", "magmom"}
    for term in terms.values():
        assert term.item() == pytest.approx(expected, rel=1e-4)


def test_unlabelled_frames_do_not_count(store):
    batch = store.batch([0])
    terms = loss_terms(shifted(batch, 1.0), batch, Training(updates=1))
    assert terms["stress"].item() == 0
    assert terms["magmom"].item() == 0
    assert terms["force"].item() > 0


def test_total_is_the_weighted_sum():
    terms = {"energy": torch.tensor(2.0), "force": torch.tensor(3.0)}
    weights = LossWeights(energy=3.0, force=0.5)
    assert total_loss(terms, weights).item() == 7.5
