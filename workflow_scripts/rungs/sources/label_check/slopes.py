"""Slopes of energy against work: 1 where labels belong together, and what else they look like."""

from typing import NamedTuple

import numpy as np

from rungs.sources.label_check.pairs import Pairs

MIN_PAIRS = 20
AGREEING = 0.75
"""Share of the pairs that must have the median's sign and half to twice its size."""
EXPLAINED = 0.25
"""Share of the pairs from which on the declaration holds, whatever else would explain them."""
SOUND = (0.6, 1.67)
"""Slopes that no wrong sign or unit explains."""
DOMINANT = 3.0
"""How much larger the work of one kind must be than that of the other, to tell them apart."""
_CLOSE = 0.35
"""Part of the energy change that the work may leave unexplained."""
_LEAST_WORK = 1e-6
"""eV."""
_ITERATIONS = 30


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


def findings_of(pairs: Pairs) -> list[Finding]:
    """A finding for forces and one for stress."""
    energy, by_forces, by_stress = pairs.energy, pairs.by_forces, pairs.by_stress
    forces, stress = joint_slopes(energy, np.stack([by_forces, by_stress]))
    return [
        _finding("forces", energy, by_forces, by_stress, (forces, stress)),
        _finding("stress", energy, by_stress, by_forces, (stress, forces)),
    ]


def joint_slopes(energy: np.ndarray, works: np.ndarray) -> tuple[float, float]:
    """Slopes of energy against both works together, by least absolute deviations.

    Pairs count by their relative error, so that large steps do not outweigh the others. Where a
    kind of work does not occur, its slope is 1.

    Args:
        energy: (p,) changes of energy, in eV.
        works: (2, p) work of forces and of stress, in eV.
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
