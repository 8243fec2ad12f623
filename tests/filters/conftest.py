"""Frames to filter."""

import numpy as np
import pytest

from rungs.config.filters import Filters
from rungs.filters import FilterChain
from rungs.frames.frame import Frame, Rejected


@pytest.fixture
def frame():
    """A function that makes a frame of rock salt: its energy in eV/atom, the rest as one asks."""

    def make(number=0, energy=-5.0, material="MgO", **fields) -> Frame:
        cell = 4.2 * np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        fields = {
            "frame_id": f"{material}-{number}",
            "material_id": material,
            "functional": "GGA",
            "cell": cell,
            "atomic_numbers": [12, 8],
            "cart_coords": [[0, 0, 0], [2.1, 2.1, 2.1]],
            "forces": np.zeros((2, 3)),
        } | fields
        total = None if energy is None else energy * len(fields["atomic_numbers"])
        return Frame(energy=total, **fields)

    return make


@pytest.fixture
def run(tmp_path):
    """A function that filters and gives the ids kept, the rejects, and the chain's counts."""

    def apply(items, **options):
        chain = FilterChain(Filters.model_validate(options), tmp_path, "source")
        out = list(chain(items))
        kept = [item.frame_id for item in out if isinstance(item, Frame)]
        assert list(tmp_path.iterdir()) == []
        return kept, [item for item in out if isinstance(item, Rejected)], dict(chain.counts)

    return apply
