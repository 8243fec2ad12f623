"""Frames to test with."""

import dataclasses

import numpy as np
import pytest

from rungs.frames.frame import Frame


@pytest.fixture
def sound_frame() -> Frame:
    """Two atoms, every field labelled, nothing to complain about."""
    return Frame(
        frame_id="MgO:0",
        material_id="MgO",
        functional="GGA",
        cell=4.2 * np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
        atomic_numbers=[12, 8],
        cart_coords=[[0, 0, 0], [2.1, 2.1, 2.1]],
        energy=-11.9,
        forces=[[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]],
        stress=[1.0, 2.0, 3.0, 0.1, 0.2, 0.3],
        magmoms=[0.0, 0.1],
        group="by hand",
        given_part="train",
    )


@pytest.fixture
def altered(sound_frame):
    """A function that gives the sound frame with some fields changed."""
    return lambda **fields: dataclasses.replace(sound_frame, **fields)
