"""Labelled frames of mixed sizes, one of them without angles, one with an isolated atom."""

import numpy as np
import pytest

from rungs.frames.frame import Frame

CUTOFFS = (4.5, 3.0)


@pytest.fixture(scope="session")
def cutoffs() -> tuple[float, float]:
    return CUTOFFS


@pytest.fixture(scope="session")
def frames() -> list[Frame]:
    random = np.random.default_rng(3)
    cells = [np.eye(3) * 4.1, np.eye(3) * 2.6, np.diag([9.0, 10.0, 11.0])]
    cells += [np.diag(random.uniform(3.5, 6, 3)) + random.normal(0, 0.4, (3, 3)) for _ in range(6)]
    made = []
    for i, cell in enumerate(cells):
        n = [1, 1, 3][i] if i < 3 else i
        grid = np.array(list(np.ndindex(2, 2, 2)))[:n] / 2
        sites = grid + random.uniform(-0.08, 0.08, (n, 3)) if i >= 3 else grid * [0.2, 0.9, 1]
        made.append(
            Frame(
                frame_id=f"frame µ{i}",
                material_id=f"m{i}",
                functional="test",
                cell=cell,
                atomic_numbers=random.choice([1, 8, 26, 94], n),
                cart_coords=sites @ cell,
                energy=float(random.normal()) * n,
                forces=random.normal(size=(n, 3)),
                stress=None if i % 3 == 1 else random.normal(size=6),
                magmoms=None if i % 4 == 1 else random.normal(size=n),
            )
        )
    return made
