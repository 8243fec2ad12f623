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
