"""Do energies, forces and stresses belong together? Declared units and signs put to the test.

Between two configurations that lie close together the energy changes by the work done against
forces and stress. To second order in the step, with the mean of both ends (the trapezoidal rule),

    E₂ − E₁ = − Σᵢ ½(Fᵢ₁ + Fᵢ₂) · uᵢ + V σ : ε,

u being the displacements at fixed cell and ε the strain that leads from one cell to the other.
Where a source has such pairs, the slope of energy against work is 1; a wrong sign makes it −1, a
wrong unit some other number. Only what many pairs agree on is believed.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from rungs.errors import StudyError
from rungs.frames.frame import VOIGT, Frame, Rejected

EXAMINED = 4000
"""Frames at the beginning of a source that are looked at."""
PARTNERS = 6
"""Earlier frames of the same atoms that a frame is compared with."""
MAX_STEP = 0.5
"""Å; atoms that move farther are on no straight way."""
MAX_STRAIN = 0.12
MIN_PAIRS = 20
AGREEING = 0.75
"""Share of the pairs that must have the median's sign and half to twice its size."""
EXPLAINED = 0.25
"""Share of the pairs from which on the declaration holds, whatever else would explain them."""
SOUND = (0.6, 1.67)
"""Slopes that no wrong sign or unit explains."""
DOMINANT = 3.0
"""How much larger the work of one kind must be than that of the other, to tell them apart."""
EV_PER_GPA = 1 / 160.2176634
"""Å³ GPa in eV."""
_CLOSE = 0.35
"""Part of the energy change that the work may leave unexplained."""
_LEAST_WORK = 1e-6
"""eV."""
_ITERATIONS = 30
_FLAT = 1e-3
"""Å³."""


class Finding(NamedTuple):
    """What the pairs say of one label."""

    label: str
    """``forces`` or ``stress``."""
    n_pairs: int
    slope: float | None
    """Median of energy change over work; None without enough pairs that carry a signal."""
    agreeing: float
    """Share of the pairs near the median."""
    explained: float = 0.0
    """Share of the pairs whose energy change is what the labels say, as they are declared."""

    @property
    def is_clear(self) -> bool:
        return self.slope is not None and self.agreeing >= AGREEING

    @property
    def is_sound(self) -> bool:
        fits = self.explained >= EXPLAINED
        return not self.is_clear or fits or SOUND[0] <= self.slope <= SOUND[1]

    def __str__(self) -> str:
        if self.slope is None:
            return f"{self.label}: not checkable, {self.n_pairs} pairs of nearby frames"
        if not self.is_clear:
            return f"{self.label}: not checkable, {self.n_pairs} pairs that do not agree"
        return f"{self.label}: {self.n_pairs} pairs, slope of energy against work {self.slope:.3f}"


def check_labels(
    items: Iterable[Frame | Rejected], section: str
) -> tuple[list[Finding], Iterator[Frame | Rejected]]:
    """Examine the beginning of a source, and give its items back, all of them in their order.

    Args:
        items: what a source yields; the first :data:`EXAMINED` are held in memory.
        section: ``source`` or ``target``, for messages.

    Returns:
        What was found of forces and stress, and the items.

    Raises:
        StudyError: where the pairs agree on a slope that only a wrong sign or unit explains.
    """
    items = iter(items)
    head = list(islice(items, EXAMINED))
    findings = examine(item for item in head if isinstance(item, Frame))
    for finding in findings:
        if not finding.is_sound:
            raise StudyError(
                f"{section}.data: energies and {finding.label} do not belong together: between "
                f"{finding.n_pairs} pairs of nearby frames the energy changes by "
                f"{finding.slope:.4g} times the work of the {finding.label}, where 1 is expected. "
                f"{_likely_reason(finding, findings)}. Mend what {section}.data declares, or the "
                "files; `screening: {check_labels: false}` lets them pass"
            )
    return findings, chain(head, items)


def examine(frames: Iterable[Frame]) -> list[Finding]:
    """Compare nearby frames of the same atoms; a finding for forces and one for stress."""
    earlier: dict[bytes, deque[_Point]] = defaultdict(lambda: deque(maxlen=PARTNERS))
    steps = []
    for frame in frames:
        if frame.converged is False or not _is_whole(frame):
            continue
        point = _Point(frame)
        partners = earlier[frame.atomic_numbers.tobytes()]
        steps += [step for other in partners if (step := _step(other, point)) is not None]
        partners.append(point)
    energy, by_forces, by_stress = np.array(steps).reshape(-1, 3).T
    forces, stress = _joint_slopes(energy, np.stack([by_forces, by_stress]))
    return [
        _finding("forces", energy, by_forces, by_stress, (forces, stress)),
        _finding("stress", energy, by_stress, by_forces, (stress, forces)),
    ]


def _joint_slopes(energy: np.ndarray, works: np.ndarray) -> tuple[float, float]:
    """Slopes of energy against both works together, by least absolute deviations.

    Pairs count by their relative error, so that large steps do not outweigh the others. Where a
    kind of work does not occur, its slope is 1.
    """
    scales = np.array([np.median(np.abs(w[w != 0])) if w.any() else np.inf for w in works])
    if not energy.size:
        return 1.0, 1.0
    # as multiples of typical values, so that no unit, however wrong, makes one of them vanish
    typical = np.median(np.abs(energy)) or 1.0
    columns = (works.T / scales) / (0.1 + np.abs(energy) / typical)[:, None]
    wanted = (energy / typical) / (0.1 + np.abs(energy) / typical)
    weights, found = np.ones(energy.size), np.zeros(2)
    for _ in range(_ITERATIONS):
        found = np.linalg.lstsq(columns * weights[:, None], wanted * weights, rcond=None)[0]
        weights = 1 / np.sqrt(np.maximum(np.abs(columns @ found - wanted), 1e-4))
    forces, stress = np.where(np.isfinite(scales), found * typical / scales, 1.0)
    return float(forces), float(stress)


class _Point:
    """A frame with its fractional coordinates."""

    __slots__ = ("fractional", "frame")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.fractional = frame.cart_coords @ np.linalg.inv(frame.cell)


def _is_whole(frame: Frame) -> bool:
    if frame.energy is None or frame.forces is None:
        return False
    if frame.shape_fault() or not frame.n_atoms or not abs(np.linalg.det(frame.cell)) > _FLAT:
        return False
    values = (frame.energy, frame.cart_coords, frame.forces)
    has_stress = frame.stress is None or np.isfinite(frame.stress).all()
    return has_stress and all(np.isfinite(value).all() for value in values)


def _step(one: _Point, other: _Point) -> tuple[float, float, float] | None:
    """Change of energy, work of the forces and work of the stress, in eV; None for frames that are
    far apart or whose work is not known."""
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
    if np.abs(moves).max() > MAX_STEP:
        return None
    by_forces = -0.5 * np.sum((one.frame.forces + other.frame.forces) * moves)
    by_stress = 0.0
    if size > 1e-7:
        if one.frame.stress is None or other.frame.stress is None:
            return None
        stress = (_matrix(one.frame.stress) + _matrix(other.frame.stress)) / 2
        volume = (one.frame.volume + other.frame.volume) / 2
        by_stress = volume * np.sum(stress * strain) * EV_PER_GPA
    return other.frame.energy - one.frame.energy, by_forces, by_stress


def _matrix(voigt: np.ndarray) -> np.ndarray:
    matrix = np.empty((3, 3))
    for value, (i, j) in zip(voigt, VOIGT, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _finding(
    label: str,
    energy: np.ndarray,
    work: np.ndarray,
    other: np.ndarray,
    slopes: tuple[float, float] = (1.0, 1.0),
) -> Finding:
    """The slope of energy, less what the other work explains, against ``work``.

    Args:
        label: of ``work``.
        energy, work, other: (n,) of all pairs, in eV.
        slopes: by which ``work`` and ``other`` are to be taken, to tell which of them dominates.
    """
    own, another = slopes[0] * work, slopes[1] * other
    telling = (np.abs(own) > DOMINANT * np.abs(another)) & (np.abs(work) > _LEAST_WORK)
    if telling.any():
        # the larger half: in the smaller one rounding and the loop's tolerance show
        telling &= np.abs(work) >= np.median(np.abs(work[telling]))
    n_pairs = int(telling.sum())
    if n_pairs < MIN_PAIRS:
        return Finding(label, n_pairs, None, 0.0)
    ratios = (energy - another)[telling] / work[telling]
    slope = float(np.median(ratios))
    near = ratios / slope if slope else np.zeros_like(ratios)
    agreeing = float(np.mean((near > 0.5) & (near < 2)))
    # along one path both works rise together, and other slopes explain the energy as well
    largest = np.max(np.abs([energy, work, other]), axis=0)
    close = np.abs(energy - work - other) < _CLOSE * largest
    explained = float(np.mean(close[telling]))
    if explained >= EXPLAINED and slopes != (1.0, 1.0):
        declared = _finding(label, energy, work, other)
        return declared._replace(explained=max(explained, declared.explained))
    return Finding(label, n_pairs, slope, agreeing, explained)


_REASONS = {
    "forces": {
        1e3: "they look like forces in eV/Å that are read as meV/Å",
        1e-3: "they look like forces in meV/Å that are read as eV/Å",
        51.422: "they look like forces in Ha/Bohr that are read as eV/Å",
        1 / 51.422: "they look like forces in eV/Å that are read as Ha/Bohr",
        0.043364: "they look like forces in kcal/mol/Å that are read as eV/Å",
        23.0605: "they look like forces in eV/Å that are read as kcal/mol/Å",
    },
    "stress": {
        160.218: "it looks like a stress in eV/Å³ that is read as GPa",
        1602.18: "it looks like a stress in eV/Å³ that is read as kbar",
        10.0: "it looks like a stress in GPa that is read as kbar",
        0.1: "it looks like a stress in kbar that is read as GPa",
        1 / 160.218: "it looks like a stress in GPa that is read as eV/Å³",
        1 / 1602.18: "it looks like a stress in kbar that is read as eV/Å³",
    },
}


def _likely_reason(finding: Finding, findings: list[Finding]) -> str:
    """What the slope looks like, in words."""
    slopes = [f.slope for f in findings if f.is_clear]
    if len(slopes) == 2 and all(0.67 < slope / finding.slope < 1.5 for slope in slopes):
        return (
            "Forces and stress agree with each other, so the energies are at fault: of another "
            "unit, per atom instead of in total (or the other way round), or of the other sign"
        )
    sign = " with the other sign" if finding.slope < 0 else ""
    for factor, words in _REASONS[finding.label].items():
        if 0.77 < abs(finding.slope) / factor < 1.3:
            return words[0].upper() + words[1:] + sign
    if 0.5 < -finding.slope < 2:
        return "The sign looks like the other one"
    return "The unit of one of the two is another, or the energies are per atom"
