"""Which losses stop a training."""

import math

import pytest

from rungs.training.guard import FEWEST, WINDOW, LossGuard


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_no_number(loss):
    assert f"loss became {loss}" in LossGuard(None).fault(loss, 1.0)
    assert f"gradient became {loss}, of a loss of 0.25" in LossGuard(None).fault(0.25, loss)


def test_a_jump_needs_a_past():
    guard = LossGuard(100.0)
    assert guard.fault(1.0, 1.0) is None
    assert guard.fault(1e6, 1.0) is None  # too early to say


def test_a_jump_is_measured_by_the_median():
    guard = LossGuard(100.0, [0.1] * FEWEST)
    assert guard.fault(9.9, 1.0) is None
    assert "jumped to 10.1, 101 times the median" in guard.fault(10.1, 1.0)
    # what stopped the training is not part of its past
    assert guard.recent[-1] == 9.9
    assert LossGuard(None, [0.1] * FEWEST).fault(1e9, 1.0) is None


def test_it_remembers_a_window():
    guard = LossGuard(100.0)
    for loss in range(200):
        guard.fault(float(loss + 1), 1.0)
    assert len(guard.recent) == WINDOW
    assert LossGuard(100.0, guard.recent).recent == guard.recent
