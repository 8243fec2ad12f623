"""Distances over periodic images, against every image counted out."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rungs.frames.distances import shortest_distance
from rungs.frames.frame import Frame


@given(
    cell=st.lists(st.floats(-4, 4), min_size=9, max_size=9),
    coords=st.lists(st.floats(-30, 30), min_size=9, max_size=9),
    limit=st.floats(0.1, 3),
)
@settings(max_examples=150, deadline=None)
def test_shortest_distance_is_that_of_all_images(cell, coords, limit):
    """Against every image within reach, counted out."""
    cell = np.reshape(cell, (3, 3))
    heights = np.abs(np.linalg.det(cell)) / np.linalg.norm(
        [np.cross(cell[1], cell[2]), np.cross(cell[2], cell[0]), np.cross(cell[0], cell[1])], axis=1
    ).clip(1e-12)
    assume(heights.min() > 0.7)
    coords = np.reshape(coords, (3, 3))
    frame = Frame("x", "x", "x", cell, [1, 2, 3], coords, 0.0, np.zeros((3, 3)))
    reach = int(np.ceil(limit / heights.min())) + 1
    images = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    fractional = np.linalg.solve(cell.T, coords.T).T
    wrapped = fractional - np.floor(fractional)
    between = (wrapped[:, None, None] - wrapped[None, :, None] + images) @ cell
    distances = np.linalg.norm(between, axis=-1)
    for i in range(3):
        distances[i, i, len(images) // 2] = np.inf
    expected = distances.min()
    assume(abs(expected - limit) > 1e-6)
    found = shortest_distance(frame, limit)
    if expected > limit:
        assert found is None
    else:
        assert found[0] == pytest.approx(expected, abs=1e-6)
