"""Which losses stop a training."""

import math

import pytest

from rungs.training.divergence import FEWEST, WINDOW, DivergenceCheck


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_no_number(loss):
    assert f"loss became {loss}" in DivergenceCheck(None).fault(loss, 1.0)
    assert f"gradient became {loss}, of a loss of 0.25" in DivergenceCheck(None).fault(0.25, loss)


def test_a_jump_needs_a_past():
    divergence = DivergenceCheck(100.0)
    assert divergence.fault(1.0, 1.0) is None
    assert divergence.fault(1e6, 1.0) is None  # too early to say


def test_a_jump_is_measured_by_the_median():
    divergence = DivergenceCheck(100.0, [0.1] * FEWEST)
    assert divergence.fault(9.9, 1.0) is None
    assert "jumped to 10.1, 101 times the median" in divergence.fault(10.1, 1.0)
    # what stopped the training is not part of its past
    assert divergence.recent[-1] == 9.9
    assert DivergenceCheck(None, [0.1] * FEWEST).fault(1e9, 1.0) is None


def test_it_remembers_a_window():
    divergence = DivergenceCheck(100.0)
    for loss in range(200):
        divergence.fault(float(loss + 1), 1.0)
    assert len(divergence.recent) == WINDOW
    assert DivergenceCheck(100.0, divergence.recent).recent == divergence.recent


def test_a_jump_that_stays_below_the_beginning_is_none():
    """Energies alone, learnt by heart: most batches are at nothing, some far above them."""
    divergence = DivergenceCheck(100.0)
    for update in range(200):
        assert divergence.fault(0.03 * 0.95**update, 1.0) is None
    assert divergence.fault(2e-3, 1.0) is None  # some 1,000 times the median
    gone_on = DivergenceCheck(100.0, divergence.recent, divergence.first)
    assert gone_on.fault(2e-3, 1.0) is None
    assert "jumped to 0.05" in gone_on.fault(0.05, 1.0)
    # of checkpoints without the first losses every jump counts
    assert "jumped to 0.002" in DivergenceCheck(100.0, divergence.recent).fault(2e-3, 1.0)
