"""Are energies totals? Frames of different size and like composition tell."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rungs.frames.energy_fit import EnergyFit, has_fitting_energy
from rungs.frames.frame import Frame
from rungs.sources.label_check.units import PER_ATOM, TOTALS

MORE_FRAMES = 20
"""Frames beyond one for each element, to tell anything."""
CERTAIN = 3.0
"""How much less scatter another reading must leave."""
TELLING = 0.15
"""Scatter over the energies' size that it may leave."""
_WORDS = {0: PER_ATOM, 2: TOTALS}


class Sizes(NamedTuple):
    """How energies scatter about a fit on composition, in parts of their size."""

    as_totals: float
    other: float
    """In the reading that ``words`` describes."""
    words: str


def not_totals(frames: Sequence[Frame]) -> Sizes | None:
    """What energies look like that surely do not grow with the number of atoms as totals do.

    Energies are fitted on composition (:mod:`rungs.frames.energy_fit`) as they are read, as if they
    were per atom, and as if they had been multiplied by the number of atoms once too often. None
    where the energies as read scatter least, or about as little as the others.

    Args:
        frames: those of them with an energy count.
    """
    known = [frame for frame in frames if has_fitting_energy(frame)]
    n_elements = len(set().union(*(set(frame.atomic_numbers.tolist()) for frame in known)))
    n_atoms = np.array([frame.n_atoms for frame in known], dtype=float)
    if len(known) < n_elements + MORE_FRAMES or np.ptp(n_atoms) == 0:
        return None
    scatter = {}
    for power in (1, 0, 2):
        fit = EnergyFit()
        for frame in known:
            # so that the fit's energies per atom are E / n^power
            fit.add(frame.atomic_numbers, frame.energy * frame.n_atoms ** (1.0 - power))
        size = np.median(np.abs([f.energy / f.n_atoms**power for f in known]))
        if not size > 0:
            return None
        scatter[power] = float(np.minimum(np.abs(fit.distances()) / size, 1).mean())
    best = min((0, 2), key=scatter.get)
    if scatter[best] < TELLING and scatter[1] > CERTAIN * max(scatter[best], 1e-9):
        return Sizes(scatter[1], scatter[best], _WORDS[best])
    return None
