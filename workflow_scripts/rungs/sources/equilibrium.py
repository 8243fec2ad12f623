"""Lattice lengths at which the published GGA-level CHGNet has its energy minimum."""

from collections.abc import Sequence

import numpy as np

from rungs.sources.compounds import Crystal
from rungs.sources.labelling import Geometry, Labeller

MODEL = "0.3.0"
"""The geometry of a crystal is the same whatever model labels it: its minimum is this one's."""
SCAN = np.linspace(0.86, 1.24, 20)
"""Lengths scanned, relative to that of touching ions."""
_DECIMALS = 3
"""Å; rounded, so that the last digits of a machine's floating-point sums do not matter."""


def equilibrium_lengths(crystals: Sequence[Crystal]) -> list[float | str]:
    """For each crystal the length a in Å at its energy minimum, or the reason why there is none.

    The energy is scanned over isotropic scalings of the starting geometry; the minimum is that of
    the parabola in ln a through the lowest point and its two neighbours.
    """
    labeller = Labeller(MODEL)
    starts = np.array([crystal.starting_length() for crystal in crystals])
    lengths = starts[:, None] * SCAN
    energies = labeller.energies(
        [
            ideal_geometry(crystal, length)
            for crystal, row in zip(crystals, lengths, strict=True)
            for length in row
        ]
    ).reshape(lengths.shape)
    return [_minimum(row, values) for row, values in zip(lengths, energies, strict=True)]


def ideal_geometry(crystal: Crystal, length: float) -> Geometry:
    """The prototype without displacements, at the length a in Å."""
    cell = crystal.cell(length)
    return Geometry(cell, crystal.atomic_numbers, crystal.prototype.fractional @ cell)


def _minimum(lengths: np.ndarray, energies: np.ndarray) -> float | str:
    lowest = int(np.argmin(energies))
    if lowest in (0, len(lengths) - 1):
        return (
            f"its energy has no minimum between a = {lengths[0]:.3f} Å and {lengths[-1]:.3f} Å; "
            f"it is lowest at {lengths[lowest]:.3f} Å, the end of the scan"
        )
    near = slice(lowest - 1, lowest + 2)
    x = np.log(lengths[near] / lengths[lowest])
    curvature, slope, _ = np.polyfit(x, energies[near], 2)
    return round(float(lengths[lowest] * np.exp(-slope / (2 * curvature))), _DECIMALS)
