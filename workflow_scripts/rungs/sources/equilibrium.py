"""Lattice lengths at which the published GGA-level CHGNet has its energy minimum.

The lengths of all built-in crystals are kept in ``equilibrium.csv``, so that no study has to scan
them and every machine builds the same geometries. ``python -m rungs.sources.equilibrium`` computes
the file anew, which takes a minute.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rungs.files import write_rows
from rungs.sources.compounds import Crystal, all_crystals, element_crystals
from rungs.sources.labelling import Geometry, Labeller

MODEL = "0.3.0"
"""The geometry of a crystal is the same whatever model labels it: its minimum is this one's."""
SCAN = np.linspace(0.86, 1.24, 20)
"""Lengths scanned, relative to that of touching ions or atoms."""
TABLE = Path(__file__).with_name("equilibrium.csv")
_COLUMNS = ("material_id", "length_angstrom")
_DECIMALS = 3
"""Å; rounded, so that the last digits of a machine's floating-point sums do not matter."""


def known_lengths(crystals: Sequence[Crystal]) -> list[float | str]:
    """As :func:`equilibrium_lengths`, from the table; a crystal that it lacks is scanned."""
    with open(TABLE, newline="", encoding="utf-8") as handle:
        known: dict[str, float | str] = {
            row["material_id"]: float(row["length_angstrom"]) for row in csv.DictReader(handle)
        }
    new = [crystal for crystal in crystals if crystal.material_id not in known]
    if new:
        ids = [crystal.material_id for crystal in new]
        known.update(zip(ids, equilibrium_lengths(new), strict=True))
    return [known[crystal.material_id] for crystal in crystals]


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


def write_table() -> None:
    """Scan all built-in crystals and write ``equilibrium.csv``.

    Raises:
        ValueError: for a crystal without a minimum; it does not belong into the list.
    """
    compounds = all_crystals()
    crystals = compounds + element_crystals(compounds)
    rows = []
    for crystal, length in zip(crystals, equilibrium_lengths(crystals), strict=True):
        if isinstance(length, str):
            raise ValueError(f"{crystal.material_id}: {length}")
        rows.append(dict(zip(_COLUMNS, (crystal.material_id, length), strict=True)))
    write_rows(TABLE, _COLUMNS, rows)


if __name__ == "__main__":
    write_table()
