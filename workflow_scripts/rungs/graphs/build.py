"""The graph of one frame: its bonds and its angles, exactly those of CHGNet.

Bonds are undirected: bond u joins atom ``a`` with atom ``b`` in the periodic image ``image``, and
its vector ``cart_coords[a] - cart_coords[b] - image @ cell`` points as CHGNet's do, from the
neighbour to the centre. Either atom can be the centre, so each bond has two *halves*: half 2u is
seen from ``a`` and has the bond's vector, half 2u + 1 is seen from ``b`` and has its negative.
An angle is a pair of different halves with the same centre.
"""

from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.frames.elements import MAX_ATOMIC_NUMBER

DISTANCE_TOLERANCE = 1e-8
"""Å; CHGNet asks pymatgen for neighbours up to the cutoff plus this."""
COINCIDENT = 1e-3
"""Å; atoms closer than this have no bond direction that a float32 could hold."""
_MAX_IMAGE = np.iinfo(np.int16).max
_TOO_FAR = f"an atom lies more than {_MAX_IMAGE} cells away from the others"


@dataclass(frozen=True, slots=True, eq=False)
class FrameGraph:
    """Bonds and angles of a frame with n atoms, B bonds and A stored angles.

    Bonds that take part in an angle come first. CHGNet lists an angle between halves i and j
    twice, as (i, j) and as (j, i); it is stored once. Only an angle with a bond of exactly the
    cutoff length can occur in one order alone (see :func:`build_graph`); such angles come last.
    """

    cell: np.ndarray
    """(3, 3) float64 lattice vectors as rows, in Å."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    cart_coords: np.ndarray
    """(n, 3) float64 Cartesian positions, in Å."""
    bond_atoms: np.ndarray
    """(B, 2) int32: atoms ``a`` and ``b``."""
    bond_images: np.ndarray
    """(B, 3) int16: periodic image of atom ``b``, in lattice vectors."""
    angle_halves: np.ndarray
    """(A, 2) int32: the two halves of each stored angle."""
    n_angle_bonds: int
    """Bonds that take part in an angle: the first so many."""
    n_one_sided: int
    """Stored angles that CHGNet lists in this order only: the last so many."""

    @property
    def n_atoms(self) -> int:
        return len(self.atomic_numbers)

    @property
    def n_bonds(self) -> int:
        return len(self.bond_atoms)

    @property
    def n_angles(self) -> int:
        """Angles as CHGNet counts them: both orders."""
        return 2 * len(self.angle_halves) - self.n_one_sided

    def bond_vectors(self) -> np.ndarray:
        """(B, 3) float64 vectors from ``b`` to ``a``, in Å."""
        a, b = self.bond_atoms.T
        return self.cart_coords[a] - self.cart_coords[b] - self.bond_images @ self.cell

    def directed_edges(self) -> np.ndarray:
        """(2B, 5) rows (centre, neighbour, image of the neighbour), one for each half."""
        there = np.hstack([self.bond_atoms, self.bond_images])
        back = np.hstack([self.bond_atoms[:, ::-1], -self.bond_images])
        return np.stack([there, back], axis=1).reshape(-1, 5)

    def directed_angles(self) -> np.ndarray:
        """(n_angles, 2) rows of halves, in both orders: CHGNet's angles."""
        both = self.angle_halves[: len(self.angle_halves) - self.n_one_sided]
        return np.vstack([self.angle_halves, both[:, ::-1]])


def build_graph(
    cell: np.ndarray,
    atomic_numbers: np.ndarray,
    cart_coords: np.ndarray,
    atom_cutoff: float,
    bond_cutoff: float,
) -> FrameGraph:
    """Return the graph of a periodic frame; its edges and angles are CHGNet's, as sets.

    Two atoms are joined when they are not farther apart than ``atom_cutoff``. Two halves of bonds
    with the same centre make an angle (i, j) when bond i is not longer than ``bond_cutoff`` and
    bond j is shorter. Atoms without neighbours are allowed.

    Args:
        cell: (3, 3) lattice vectors as rows, in Å.
        atomic_numbers: (n,) whole numbers from 1 to 94.
        cart_coords: (n, 3) Cartesian positions, in Å.
        atom_cutoff: in Å.
        bond_cutoff: in Å.

    Raises:
        StudyError: with the reason, when the frame has no graph.
    """
    cell = np.ascontiguousarray(cell, dtype=np.float64)
    coords = np.ascontiguousarray(cart_coords, dtype=np.float64)
    numbers = np.ascontiguousarray(atomic_numbers, dtype=np.int64)
    _refuse_impossible(cell, numbers, coords)
    centre, neighbour, image, distance = _neighbours(cell, coords, atom_cutoff)
    first, second = _pair_directions(len(coords), centre, neighbour, image, distance, atom_cutoff)
    # CHGNet judges a bond in its first role by the direction that pymatgen lists first.
    length = distance[np.minimum(first, second)]
    halves = np.stack([first, second], axis=1).reshape(-1)
    angles, n_one_sided = _angles(
        centre[halves], np.repeat(length, 2) <= bond_cutoff, distance[halves] < bond_cutoff
    )
    # Bonds with angles to the front, so that batches can address them as one block.
    in_angle = np.zeros(len(first), dtype=bool)
    in_angle[angles.reshape(-1) >> 1] = True
    order = np.argsort(~in_angle, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    forward = first[order]
    return FrameGraph(
        cell=cell,
        atomic_numbers=numbers,
        cart_coords=coords,
        bond_atoms=np.stack([centre[forward], neighbour[forward]], axis=1).astype(np.int32),
        bond_images=image[forward].astype(np.int16),
        angle_halves=(2 * place[angles >> 1] + (angles & 1)).astype(np.int32),
        n_angle_bonds=int(in_angle.sum()),
        n_one_sided=n_one_sided,
    )


def _refuse_impossible(cell: np.ndarray, numbers: np.ndarray, coords: np.ndarray) -> None:
    if len(numbers) == 0 or coords.shape != (len(numbers), 3) or cell.shape != (3, 3):
        raise StudyError(
            f"shapes do not fit: cell {cell.shape}, {len(numbers)} atoms, positions {coords.shape}"
        )
    if not (np.isfinite(cell).all() and np.isfinite(coords).all()):
        raise StudyError("the cell or a position is not a finite number")
    if abs(np.linalg.det(cell)) < 1e-6:
        raise StudyError("the cell has no volume; CHGNet needs a cell that is periodic in 3D")
    if numbers.min() < 1 or numbers.max() > MAX_ATOMIC_NUMBER:
        raise StudyError(
            f"atomic numbers run from {numbers.min()} to {numbers.max()}; CHGNet knows the "
            f"elements with 1 to {MAX_ATOMIC_NUMBER}"
        )
    # Before any search: pymatgen's takes time and memory for every cell between two atoms.
    cells = np.floor(np.linalg.solve(cell.T, coords.T))
    if not np.ptp(cells, axis=1).max() <= _MAX_IMAGE:
        raise StudyError(_TOO_FAR)


def _neighbours(
    cell: np.ndarray, coords: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return centre, neighbour, image and distance of every directed edge.

    This is the call behind ``Structure.get_neighbor_list``, which CHGNet uses.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    centre, neighbour, image, distance = find_points_in_spheres(
        coords,
        coords,
        r=float(cutoff),
        pbc=np.ones(3, dtype=np.int64),
        lattice=cell,
        tol=DISTANCE_TOLERANCE,
    )
    keep = (centre != neighbour) | (distance > DISTANCE_TOLERANCE)
    centre, neighbour, image, distance = (x[keep] for x in (centre, neighbour, image, distance))
    if len(distance) and distance.min() < COINCIDENT:
        where = distance.argmin()
        raise StudyError(
            f"atoms {centre[where]} and {neighbour[where]} are {distance[where]:.2g} Å apart"
        )
    image = np.rint(image).astype(np.int64)
    if len(image) and np.abs(image).max() > _MAX_IMAGE:
        raise StudyError(_TOO_FAR)
    return centre, neighbour, image, distance


def _pair_directions(
    n_atoms: int,
    centre: np.ndarray,
    neighbour: np.ndarray,
    image: np.ndarray,
    distance: np.ndarray,
    cutoff: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each undirected bond, the indices of its edges ``a``→``b`` and ``b``→``a``."""
    reach = int(np.abs(image).max(initial=0))
    base = 2 * reach + 1
    if n_atoms**2 * base**3 > np.iinfo(np.int64).max:
        raise StudyError(f"{n_atoms} atoms spread over {base} cells are too many for one graph")
    # One number for each edge; the reverse edge has atoms exchanged and the image negated.
    shift = (image[:, 0] * base + image[:, 1]) * base + image[:, 2]
    middle = (base**3 - 1) // 2
    forward = (centre < neighbour) | ((centre == neighbour) & (shift > 0))
    low, high = np.minimum(centre, neighbour), np.maximum(centre, neighbour)
    key = (low * n_atoms + high) * base**3 + np.where(forward, shift, -shift) + middle
    there, back = np.flatnonzero(forward), np.flatnonzero(~forward)
    there, back = there[np.argsort(key[there])], back[np.argsort(key[back])]
    if not np.array_equal(key[there], key[back]):
        # Rounding can put one direction of a bond of exactly the cutoff length inside the cutoff
        # and the other outside. Such a bond has no weight, so nothing is lost by leaving it out.
        alone = np.concatenate(
            [there[~np.isin(key[there], key[back])], back[~np.isin(key[back], key[there])]]
        )
        if (distance[alone] < cutoff).any():
            raise StudyError("the neighbour list holds a bond in one direction only")
        there, back = there[~np.isin(there, alone)], back[~np.isin(back, alone)]
    return there, back


def _angles(centre: np.ndarray, as_first: np.ndarray, as_second: np.ndarray) -> tuple:
    """Return angles as rows of halves, those listed in one order only last, and their number.

    Args:
        centre: (2B,) centre atom of each half.
        as_first: (2B,) whether the half's bond may be the first of an angle.
        as_second: (2B,) whether the half may be the second.
    """
    both = np.flatnonzero(as_first & as_second)
    i, j = _same_centre(centre, both, both)
    pairs = [np.stack([i, j], axis=1)[i < j]]
    if len(first_only := np.flatnonzero(as_first & ~as_second)):
        pairs.append(np.stack(_same_centre(centre, first_only, np.flatnonzero(as_second)), axis=1))
    if len(second_only := np.flatnonzero(~as_first & as_second)):
        pairs.append(np.stack(_same_centre(centre, both, second_only), axis=1))
    return np.concatenate(pairs), sum(map(len, pairs[1:]))


def _same_centre(
    centre: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of a half in ``left`` and a half in ``right`` with the same centre."""
    right = right[np.argsort(centre[right], kind="stable")]
    begin = np.searchsorted(centre[right], centre[left], side="left")
    count = np.searchsorted(centre[right], centre[left], side="right") - begin
    total = int(count.sum())
    within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(left, count), right[np.repeat(begin, count) + within]
