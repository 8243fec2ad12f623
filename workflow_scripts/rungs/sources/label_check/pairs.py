"""Pairs of frames that lie close together, with what energies, forces and stresses say of the step
between them.

To second order in the step, with the mean of both ends (the trapezoidal rule),

    E₂ − E₁ = − Σᵢ ½(Fᵢ₁ + Fᵢ₂) · uᵢ + V σ : ε,

u being the displacements at fixed cell and ε the strain that leads from one cell to the other.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rungs.frames.frame import VOIGT, Frame

PARTNERS = 6
"""Earlier frames of the same atoms that a frame is compared with."""
ALL_PARTNERS = 500
"""As many where those few leave a label unchecked."""
_ENOUGH = 20
"""Of these that are near; more tell nothing new, and frames that all lie together have millions."""
MAX_STEP = 0.5
"""Å; atoms that move farther are on no straight way."""
MAX_STRAIN = 0.12
EV_PER_GPA = 1 / 160.2176634
"""Å³ GPa in eV."""
_FLAT = 1e-3
"""Å³."""
_NO_STEP = 1e-3
"""Å; forces do no work worth speaking of on a shorter way."""
_NO_STRAIN = 1e-7
_ROWS, _COLUMNS = np.array(VOIGT).T
_TWICE = np.where(_ROWS == _COLUMNS, 1.0, 2.0)
"""How often each of the six components stands in the matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """p pairs of frames."""

    energy: np.ndarray
    """(p,) change of the total energy, in eV."""
    by_forces: np.ndarray
    """(p,) work done against the forces, in eV."""
    stress: np.ndarray
    """(p, 6) mean stress in GPa, as it is read; 0 where the cells are the same."""
    strain: np.ndarray
    """(p, 6) volume times strain, off-diagonal components twice, in eV/GPa: what each component of
    the stress does work on."""
    n_atoms: np.ndarray
    """(p,) atoms of each frame."""

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def by_stress(self) -> np.ndarray:
        """(p,) work done by the stress, in eV."""
        return (self.stress * self.strain).sum(axis=1)

    def take(self, chosen: np.ndarray) -> "Pairs":
        """Return the pairs that are ``chosen``, a mask or places."""
        return Pairs(*(getattr(self, name)[chosen] for name in self.__slots__))


def nearby_pairs(frames: Iterable[Frame], partners: int = PARTNERS) -> Pairs:
    """Pairs among ``frames`` that are close to each other and have the labels to compare.

    Args:
        frames: in their order.
        partners: earlier frames of the same atoms that each is compared with.
    """
    alike: dict[bytes, list[_Point]] = defaultdict(list)
    for frame in frames:
        if frame.converged is not False and _is_whole(frame):
            alike[frame.atomic_numbers.tobytes()].append(_Point(frame))
    steps = []
    for points in alike.values():
        fractional = np.array([point.fractional for point in points])
        cells = np.array([point.frame.cell for point in points])
        for i in range(1, len(points)):
            begin = max(i - partners, 0)
            near = _may_be_near(fractional[begin : i + 1], cells[begin : i + 1])
            found = (
                _step(points[begin + other], points[i]) for other in np.flatnonzero(near)[::-1]
            )
            steps += [*islice((step for step in found if step is not None), _ENOUGH)][::-1]
    rows = np.array(steps).reshape(-1, 15)
    return Pairs(rows[:, 0], rows[:, 1], rows[:, 2:8], rows[:, 8:14], rows[:, 14])


class _Point:
    """A frame with its fractional coordinates and its volume in Å³."""

    __slots__ = ("fractional", "frame", "volume")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.volume = frame.volume
        self.fractional = frame.cart_coords @ np.linalg.inv(frame.cell)


def _may_be_near(fractional: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(k,) whether each of the first k frames may be near the last, as is seen at once."""
    last = cells[-1]
    apart = np.abs(cells[:-1] - last).max(axis=(1, 2)) < 2 * MAX_STRAIN * np.abs(last).max()
    shift = fractional[:-1][apart] - fractional[-1]
    shift -= np.round(shift)
    near = np.zeros(len(apart), dtype=bool)
    near[apart] = np.abs(shift @ last).max(axis=(1, 2)) < 1.5 * MAX_STEP
    return near


def _is_whole(frame: Frame) -> bool:
    if frame.energy is None or (frame.forces is None and frame.stress is None):
        return False
    if frame.shape_fault() or not frame.n_atoms or not abs(np.linalg.det(frame.cell)) > _FLAT:
        return False
    values = (frame.energy, frame.cart_coords, frame.forces, frame.stress)
    return all(value is None or np.isfinite(value).all() for value in values)


def _step(one: _Point, other: _Point) -> list[float] | None:
    """The row of a pair; None for frames that are far apart or whose work is not known."""
    between = (one.frame.cell + other.frame.cell) / 2
    if abs(np.linalg.det(between)) < _FLAT:
        return None
    deformation = np.linalg.solve(between, other.frame.cell - one.frame.cell)
    strain = (deformation + deformation.T) / 2
    size = np.linalg.norm(deformation)
    # forces and stress of a turned cell would have to be turned back
    if size > MAX_STRAIN or np.linalg.norm(deformation - strain) > 0.1 * size + 1e-6:
        return None
    shift = other.fractional - one.fractional
    shift -= np.round(shift)
    moves = shift @ between
    way = np.abs(moves).max()
    if way > MAX_STEP:
        return None
    by_forces = 0.0
    if one.frame.forces is not None and other.frame.forces is not None:
        by_forces = -0.5 * np.sum((one.frame.forces + other.frame.forces) * moves)
    elif way > _NO_STEP:
        return None
    stress, on = np.zeros(6), np.zeros(6)
    if size > _NO_STRAIN:
        if one.frame.stress is None or other.frame.stress is None:
            return None
        stress = (one.frame.stress + other.frame.stress) / 2
        volume = (one.volume + other.volume) / 2
        on = volume * EV_PER_GPA * _TWICE * strain[_ROWS, _COLUMNS]
    energy = other.frame.energy - one.frame.energy
    return [energy, by_forces, *stress, *on, one.frame.n_atoms]
