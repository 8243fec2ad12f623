"""Distances between atoms of a periodic frame."""

import numpy as np

from rungs.frames.frame import Frame

_FEW_ATOMS = 200
"""Up to here comparing all pairs at once is the fastest way to find two that overlap."""


def shortest_distance(frame: Frame, limit: float) -> tuple[float, int, int] | None:
    """Shortest distance below ``limit`` between two atoms, periodic images included.

    Returns:
        The distance in Å and the indices of the two atoms, the same index twice for an atom and
        its own image; None where no two atoms are that close.
    """
    if limit <= 0:
        return None
    fractional = np.linalg.solve(frame.cell.T, frame.cart_coords.T).T
    if frame.n_atoms <= _FEW_ATOMS and limit < heights(frame.cell).min() / 2:
        return _shortest_among_nearest_images(fractional, frame.cell, limit)
    from pymatgen.optimization.neighbors import find_points_in_spheres

    # Wrapped first, so that atoms far outside the cell cost nothing.
    coords = np.ascontiguousarray((fractional - np.floor(fractional)) @ frame.cell)
    centre, neighbour, images, distances = find_points_in_spheres(
        coords, coords, r=limit, pbc=np.ones(3, dtype=np.int64), lattice=frame.cell.copy(), tol=1e-8
    )
    other = (centre != neighbour) | np.any(images != 0, axis=1)
    other &= distances < limit
    if not other.any():
        return None
    nearest = np.flatnonzero(other)[np.argmin(distances[other])]
    first, second = sorted((int(centre[nearest]), int(neighbour[nearest])))
    return float(distances[nearest]), first, second


def _shortest_among_nearest_images(
    fractional: np.ndarray, cell: np.ndarray, limit: float
) -> tuple[float, int, int] | None:
    """As :func:`shortest_distance`, for a limit below half of the cell's smallest height.

    Two points that close differ by less than half a cell along each axis, so only the image with
    the nearest fractional coordinates can be so close, and an atom's own images never are.
    """
    between = fractional[:, None] - fractional
    between -= np.round(between)
    squared = ((between @ cell) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    nearest = int(squared.argmin())
    if not squared.flat[nearest] < limit**2:
        return None
    first, second = sorted(divmod(nearest, len(fractional)))
    return float(np.sqrt(squared.flat[nearest])), first, second


def neighbours(
    what: str, positions: np.ndarray, cell: np.ndarray, cutoff: float
) -> tuple[np.ndarray, ...]:
    """Return what matscipy's neighbour list is asked for by letters, always as a tuple.

    Args:
        what: of ``i`` and ``j``, the two atoms, ``d``, their distance in Å, and ``D``, the vector
            from one to the other. Each pair is there from either atom, periodic images included.
        positions: (n, 3) in Å, wrapped into the cell or not.
        cell: (3, 3) lattice vectors as rows, in Å.
        cutoff: in Å.
    """
    from matscipy.neighbours import neighbour_list

    found = neighbour_list(
        what,
        positions=positions,
        cell=cell,
        pbc=np.ones(3, dtype=bool),
        numbers=np.ones(len(positions), dtype=np.int32),
        cutoff=cutoff,
    )
    return found if isinstance(found, tuple) else (found,)


def heights(cell: np.ndarray) -> np.ndarray:
    """(3,) distances between opposite faces of the cell, in Å; 0 for a cell that is a plane."""
    faces = np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    volume = abs(np.linalg.det(cell))
    return np.divide(volume, faces, out=np.zeros(3), where=faces > 0)
