"""Nested subsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.splits.subsets import check_sizes, draw_order, take

ids = st.sets(st.text(min_size=1, max_size=6), min_size=1, max_size=40)


@given(ids, st.integers(0, 2**62), st.data())
@settings(deadline=None)
def test_an_order_is_a_permutation_that_ignores_the_order_of_the_ids(names, seed, data):
    order = draw_order(names, seed)
    assert sorted(order) == sorted(names)
    assert draw_order(data.draw(st.permutations(sorted(names))), seed) == order


@given(ids, st.data())
@settings(deadline=None)
def test_subsets_are_nested(names, data):
    order = draw_order(names, 0)
    small, large = sorted(data.draw(st.tuples(*[st.integers(0, len(names))] * 2)))
    assert set(take(order, small)) <= set(take(order, large))
    assert len(take(order, small)) == small


def test_a_frame_more_leaves_the_others_in_their_order():
    names = [f"f{i}" for i in range(100)]
    assert [n for n in draw_order([*names, "new"], 3) if n != "new"] == draw_order(names, 3)


def test_seeds_draw_differently_and_evenly():
    """Over many seeds each frame is in a subset of 10 out of 40 about a quarter of the time."""
    names = [f"f{i:02d}" for i in range(40)]
    counts = dict.fromkeys(names, 0)
    for seed in range(400):
        for name in draw_order(names, seed)[:10]:
            counts[name] += 1
    values = np.array(list(counts.values()))
    # 5 standard deviations of a binomial distribution
    assert np.abs(values - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)
    assert draw_order(names, 0) != draw_order(names, 1)


def test_repeated_id_is_refused():
    with pytest.raises(StudyError, match="'a' is twice"):
        draw_order(["a", "b", "a"], 0)


def test_sizes_beyond_the_frames_there_are():
    check_sizes([0, 5, 10], 10)
    with pytest.raises(StudyError, match=r"subsets\.sizes has 11, 20, but .* has 10 frames"):
        check_sizes([0, 10, 11, 20], 10)
    with pytest.raises(StudyError, match="has 2 frames"):
        take(["a", "b"], 3)
