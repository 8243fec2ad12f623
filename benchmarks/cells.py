"""The frames that the benchmark trains on, and labels for them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from pymatgen.core import Lattice, Structure

MPTRJ = Path(__file__).parents[2] / "shared/data/mptrj_random_1k/mptrj-random-1k.xyz"


class Labels(NamedTuple):
    """Labels of one frame: eV/atom, eV/Å, GPa under tension, μB."""

    energy: float
    forces: np.ndarray
    stress: np.ndarray
    magmoms: np.ndarray


def small_cells(n: int, seed: int = 0) -> list[Structure]:
    """Return rattled 6-atom cells, rutile and fluorite by turns, of various compounds."""
    rng = np.random.default_rng(seed)
    rutile = [[0, 0, 0], [0.5, 0.5, 0.5], [0.3, 0.3, 0], [0.7, 0.7, 0], [0.8, 0.2, 0.5]]
    rutile.append([0.2, 0.8, 0.5])
    layered = [[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]
    layered += [[0.25, 0.75, 0.25], [0.75, 0.25, 0.75]]
    cells = []
    for i in range(n):
        cation = ["Ti", "Sn", "Mn", "Mg", "Zr", "Ca"][i % 6]
        anion = ["O", "F", "S"][i % 3]
        scale = rng.uniform(0.95, 1.1)
        lattice = Lattice(np.diag([4.7, 4.7, 3.6]) * scale + rng.normal(0, 0.05, (3, 3)))
        sites = np.array([rutile, layered][i % 2]) + rng.normal(0, 0.01, (6, 3))
        cells.append(Structure(lattice, [cation] * 2 + [anion] * 4, sites))
    return cells


def read_cells(path: Path, n: int) -> list[Structure]:
    """Return ``n`` structures, evenly spaced through an extended-XYZ file."""
    from ase.io import read

    frames = read(path, ":")
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, n).astype(int)]
    return [
        Structure(
            Lattice(np.array(f.cell)), f.numbers, f.get_positions(), coords_are_cartesian=True
        )
        for f in chosen
    ]


def random_labels(structures: list[Structure], seed: int = 0) -> list[Labels]:
    """Return labels of a likely size: what is timed does not depend on them."""
    rng = np.random.default_rng(seed)
    labels = []
    for structure in structures:
        n, half = len(structure), rng.normal(0, 1, (3, 3))
        energy, forces = float(rng.normal(-5, 1)), rng.normal(0, 0.3, (n, 3))
        labels.append(Labels(energy, forces, half + half.T, rng.uniform(0, 2, n)))
    return labels
