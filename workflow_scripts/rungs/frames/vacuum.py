"""A periodic cell for what is not periodic in all directions: slabs, chains, molecules, atoms.

Networks here see no farther than their cutoffs, so a cell with more empty space than that gives
energies and forces of the slab or molecule itself. Its stress is that of another body, so a frame
in such a cell has none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LONE_ATOM_VACUUM = 20.0
"""Å around a single atom that is periodic in no direction, which needs no option: it is set aside
as an isolated atom."""
_STEP = 5.0
"""Å; lengths are rounded up to multiples of it, so that the frames of one molecule or slab share a
cell, as far as it is made, and can be compared with each other."""
_NO_VECTOR = 1e-6
"""Å; a lattice vector shorter than this is none."""


class NotPeriodicError(ValueError):
    """A frame is not periodic in all directions, and nothing was declared about that."""

    kind = "not periodic"
    """Of the fault, for counting."""


class PeriodicCell(NamedTuple):
    """A cell that is periodic in all directions."""

    cell: np.ndarray
    """(3, 3) lattice vectors as rows, in Å."""
    has_vacuum: bool
    """Whether the cell was made, or made longer, here: then a stress given for the frame is not
    this cell's and counts as missing."""


def periodic_cell(
    cell: np.ndarray,
    pbc: Sequence[bool],
    cart_coords: np.ndarray,
    vacuum: float | None,
    section: str = "source",
) -> PeriodicCell:
    """Return the cell as it is where it is periodic, else one with empty space where it is not.

    A direction whose lattice vector has no length counts as not periodic. In those directions the
    cell is as long as the atoms extend, plus the vacuum, rounded up to a multiple of 5 Å, and its
    vectors stand upright on the periodic ones. Positions stay as they are.

    Args:
        cell: (3, 3) lattice vectors as rows, in Å; zeros where there are none.
        pbc: (3,) whether the frame is periodic along each vector.
        cart_coords: (n, 3) Cartesian positions, in Å.
        vacuum: the least empty space between a frame and its image, in Å: the key ``vacuum`` of
            the level; None where it has none.
        section: ``source`` or ``target``, for messages.

    Raises:
        NotPeriodicError: without ``vacuum``, for a frame that is not periodic, but for a single
            atom that is periodic in no direction.
    """
    cell = np.asarray(cell, dtype=np.float64).reshape(3, 3)
    # of most frames, without arrays of three numbers
    if all(pbc) and all(max(map(abs, vector)) > _NO_VECTOR for vector in cell.tolist()):
        return PeriodicCell(cell, has_vacuum=False)
    coords = np.asarray(cart_coords, dtype=np.float64).reshape(-1, 3)
    declared = np.asarray(pbc, dtype=bool)
    periodic = declared & (np.linalg.norm(cell, axis=1) > _NO_VECTOR)
    if periodic.all():
        return PeriodicCell(cell, has_vacuum=False)
    if vacuum is None and len(coords) == 1 and not periodic.any():
        vacuum = LONE_ATOM_VACUUM
    if vacuum is None:
        raise NotPeriodicError(_words(declared, periodic, section))
    cell = cell.copy()
    if not periodic.any():
        directions = np.eye(3)
    elif periodic.sum() == 1:
        directions = _around(cell, int(np.flatnonzero(periodic)[0]))
    else:
        directions = _upright(cell, int(np.flatnonzero(~periodic)[0]))
    for axis in np.flatnonzero(~periodic):
        extent = np.ptp(coords @ directions[axis]) if len(coords) else 0.0
        # a position that is no number is for the screening to refuse
        length = _STEP * np.ceil((extent + vacuum) / _STEP) if np.isfinite(extent) else vacuum
        cell[axis] = length * directions[axis]
    return PeriodicCell(cell, has_vacuum=True)


def _around(cell: np.ndarray, axis: int) -> np.ndarray:
    """Unit vectors along lattice vector ``axis`` and across it, right-handed."""
    directions = np.zeros((3, 3))
    along = cell[axis] / np.linalg.norm(cell[axis])
    # the Cartesian axis that is farthest from it
    aside = np.eye(3)[np.abs(along).argmin()]
    across = aside - (aside @ along) * along
    across /= np.linalg.norm(across)
    directions[axis] = along
    directions[(axis + 1) % 3] = across
    directions[(axis + 2) % 3] = np.cross(along, across)
    return directions


def _upright(cell: np.ndarray, axis: int) -> np.ndarray:
    """In row ``axis`` the unit vector that stands on the two others, right-handed; zeros where
    these two span no plane, which the screening refuses as a flat cell."""
    directions = np.zeros((3, 3))
    normal = np.cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3])
    area = np.linalg.norm(normal)
    if area > _NO_VECTOR:
        directions[axis] = normal / area
    return directions


def _words(declared: np.ndarray, periodic: np.ndarray, section: str) -> str:
    found = " ".join("T" if yes else "F" for yes in declared)
    without = int((declared & ~periodic).sum())
    lacks = f" and {without} of its lattice vectors have no length" if without else ""
    return (
        f"is periodic as {found}{lacks}, expected T T T; `{section}.vacuum: 20.0` puts it into a "
        "periodic cell with that much empty space (Å), without a stress"
    )
