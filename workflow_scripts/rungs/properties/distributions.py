"""Where atoms stand in a trajectory: distances and angles between neighbours.

All functions take positions as they are written, wrapped into the cell or not.
"""

from collections.abc import Iterator

import numpy as np

from rungs.frames.distances import neighbours


def radial_distribution(
    positions: np.ndarray,
    cells: np.ndarray,
    *,
    r_max: float,
    n_bins: int = 200,
    between: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the radial distribution function g(r), over all pairs of atoms or those of two kinds.

    g(r) = ⟨number of atoms in the shell about an atom⟩ / (ρ · volume of the shell), ρ being the
    mean density (Allen and Tildesley, Computer Simulation of Liquids, section 2.6), of the second
    kind where there are two. In a gas of n atoms without forces it is 1 − 1/n over all pairs and
    between atoms of one kind, and 1 between those of two kinds. Periodic images count, so ``r_max``
    may exceed half a cell.

    Args:
        positions: (T, n, 3) in Å.
        cells: (3, 3) or (T, 3, 3) lattice vectors as rows, in Å.
        r_max: where the function ends, in Å.
        n_bins: shells.
        between: two (n,) bool, the atoms about which and those which are counted; None for all.

    Returns:
        (n_bins,) middles of the shells in Å, and (n_bins,) g.

    Raises:
        ValueError: without frames, or without atoms of one of the kinds.
    """
    if between is not None and not all(kind.any() for kind in between):
        raise ValueError("there are no atoms of such a pair")
    edges = np.linspace(0.0, r_max, n_bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    total, n_frames = np.zeros(n_bins), 0
    for frame, cell in _frames(positions, cells):
        if between is None:
            (distances,) = neighbours("d", frame, cell, r_max)
            n_centres = n_counted = len(frame)
        else:
            first, second, distances = neighbours("ijd", frame, cell, r_max)
            distances = distances[between[0][first] & between[1][second]]
            n_centres, n_counted = (int(kind.sum()) for kind in between)
        density = n_counted / abs(np.linalg.det(cell))
        total += np.histogram(distances, edges)[0] / (n_centres * density * shells)
        n_frames += 1
    return (edges[1:] + edges[:-1]) / 2, total / n_frames


def angular_distribution(
    positions: np.ndarray, cells: np.ndarray, *, bond: float, n_bins: int = 90
) -> tuple[np.ndarray, np.ndarray]:
    """Return the density of the angles between two bonds of one atom.

    Args:
        positions: (T, n, 3) in Å.
        cells: (3, 3) or (T, 3, 3) lattice vectors as rows, in Å.
        bond: atoms nearer than this are bonded, in Å.
        n_bins: between 0° and 180°.

    Returns:
        (n_bins,) middles of the bins in degrees, and (n_bins,) density per degree, whose integral
        is 1; 0 where no atom has two bonds.

    Raises:
        ValueError: without frames.
    """
    from matscipy.neighbours import first_neighbours, triplet_list

    edges = np.linspace(0.0, 180.0, n_bins + 1)
    counts = np.zeros(n_bins)
    for frame, cell in _frames(positions, cells):
        first, lengths, vectors = neighbours("idD", frame, cell, bond)
        if not len(first):
            continue
        one, other = triplet_list(first_neighbours(len(frame), first))
        cosines = (vectors[one] * vectors[other]).sum(axis=1) / (lengths[one] * lengths[other])
        angles = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
        counts += np.histogram(angles, edges)[0]
    width = edges[1] - edges[0]
    return (edges[1:] + edges[:-1]) / 2, counts / max(counts.sum() * width, 1.0)


def _frames(positions: np.ndarray, cells: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    positions = np.asarray(positions, dtype=float)
    if not len(positions):
        raise ValueError("a distribution needs at least one frame")
    yield from zip(
        positions, np.broadcast_to(cells, (len(positions), 3, 3)).astype(float), strict=True
    )
