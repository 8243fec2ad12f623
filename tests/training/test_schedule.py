"""Schedules complete, and batches cover every frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.training import Training
from rungs.training.schedule import (
    BatchOrder,
    learning_rate,
    number_of_updates,
    updates_of_references,
)


@given(
    n_updates=st.integers(1, 3000),
    warmup=st.floats(0, 0.5),
    final=st.floats(0, 0.5),
)
@settings(deadline=None)
def test_the_cosine_completes_whatever_the_budget(n_updates, warmup, final):
    options = Training(
        updates=n_updates, warmup=warmup, final_learning_rate=final, learning_rate=0.01
    )
    rates = [learning_rate(k, n_updates, options) for k in range(n_updates)]
    assert max(rates) <= 0.01 + 1e-15
    assert min(rates) >= 0
    if n_updates > 2:
        assert rates[-1] == pytest.approx(0.01 * final, abs=1e-12)
        n_warmup = int(np.floor(warmup * n_updates))
        assert rates[n_warmup] == pytest.approx(0.01)
        assert all(np.diff(rates[: n_warmup + 1]) > 0)
        assert all(np.diff(rates[n_warmup:]) <= 1e-15)


@given(n_frames=st.integers(1, 200), batch_size=st.integers(1, 40), seed=st.integers(0, 5))
@settings(deadline=None)
def test_an_epoch_sees_each_frame_once_in_even_batches(n_frames, batch_size, seed):
    order = BatchOrder(n_frames, batch_size, seed)
    for epoch in range(2):
        batches = [order[epoch * order.per_epoch + k] for k in range(order.per_epoch)]
        assert sorted(np.concatenate(batches)) == list(range(n_frames))
        sizes = [len(b) for b in batches]
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1


def test_order_depends_on_the_update_alone():
    straight = BatchOrder(50, 8, 0)
    batches = [straight[k] for k in range(30)]
    for k in (29, 3, 15):
        assert np.array_equal(BatchOrder(50, 8, 0)[k], batches[k])
    assert not np.array_equal(batches[0], BatchOrder(50, 8, 1)[0])
    assert not np.array_equal(batches[0], batches[straight.per_epoch])


def test_budget_in_epochs_grows_with_the_subset():
    by_epochs = Training(epochs=10, batch_size=16)
    assert number_of_updates(by_epochs, 16) == 10
    assert number_of_updates(by_epochs, 160) == 100
    assert number_of_updates(Training(updates=7), 160) == 7
    both = Training(updates=70, epochs=10, batch_size=16)
    assert [number_of_updates(both, n) for n in (1, 16, 160)] == [10, 10, 70]


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=80), st.integers(1, 20), st.integers(0, 9)
)
@settings(deadline=None)
def test_balanced_batches_cost_the_same(costs, batch_size, seed):
    """Every frame once, sizes within one, costs within one frame's."""
    costs = np.array(costs)
    order = BatchOrder(len(costs), batch_size, seed, costs)
    batches = [order[update] for update in range(order.per_epoch)]
    assert sorted(np.concatenate(batches)) == list(range(len(costs)))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 1
    totals = [costs[batch].sum() for batch in batches]
    assert max(totals) - min(totals) <= costs.max()
    again = BatchOrder(len(costs), batch_size, seed, costs)
    assert all(np.array_equal(again[u], batch) for u, batch in enumerate(batches))


def test_references_that_go_first_have_the_full_rate_and_the_schedule_comes_after():
    plain = Training(updates=80, warmup=0.25)
    first = plain.model_copy(update={"references_first": 0.2})
    assert updates_of_references(100, first) == 20
    rates = [learning_rate(update, 100, first) for update in range(100)]
    assert rates[:20] == [plain.learning_rate] * 20
    assert rates[20:] == [learning_rate(update, 80, plain) for update in range(80)]
