"""A shift of the source's reference energies that few target frames can support.

The two levels' reference energies differ by a shift that follows the nuclear charge: between
density functionals most of it is the exchange and correlation of the atoms' own electrons. A smooth
function of Z therefore says most of it, for elements that the frames lack too, and what single
elements add to it is kept as small as the frames allow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.references.fit import ReferenceEnergies, checked_data

STRENGTHS = (*(10.0 ** (k / 2) for k in range(-16, 5)), math.inf)
"""Strengths that cross-validation chooses from; infinity leaves the trend alone."""
MAX_TERMS = 3
"""Most terms of the trend: a constant, Z and Z²."""
MAX_FOLDS = 10
_Z = np.arange(1, MAX_ATOMIC_NUMBER + 1) / 50.0
_TREND = np.stack([np.ones_like(_Z), _Z, _Z**2], axis=1)
_RCOND = 1e-12
_TIE = 1e-4
"""Errors that differ by less than this share tie: rounding must not choose."""


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How much a shift is shrunken, and towards what."""

    terms: int
    """Terms of the trend in Z: 0 (none, the source itself), 1 (constant), 2 (and Z), 3 (and Z²)."""
    strength: float
    """λ: what 1 eV² of squared departures from the trend costs, as mean squared error in eV²."""


def fit_shrunken(
    compositions: np.ndarray, energies: np.ndarray, source: np.ndarray, shrinkage: Shrinkage
) -> ReferenceEnergies:
    """Fit reference energies source + δ by ridge regression on the shift δ.

    δ minimises mean((X·δ - y)²) + λ·min_c Σ_z (δ_z - T(z)·c)² with the residual
    y = energies - X·source and the trend T(z) = (1, Z, Z²) up to ``shrinkage.terms``, whose
    coefficients c cost nothing. For λ → 0 this is least squares; for λ → ∞ it is the source plus
    the trend that fits best, and without a trend the source itself. An element that the frames
    lack gets the trend.

    Args:
        compositions: (n, 94) atomic fractions, each row summing to 1.
        energies: (n,) energies in eV/atom.
        source: (94,) reference energies of the source in eV/atom.
        shrinkage: λ and the trend.

    Raises:
        StudyError: without frames, or where an energy or composition is no finite number.
        ValueError: when the shapes do not agree or a row of fractions does not sum to 1.
    """
    x, energies, source = checked_data(compositions, energies, source)
    present = np.flatnonzero(x.any(axis=0))
    normal = _Normal.of(x[:, present], energies - x @ source)
    fitted = source + _solve(normal, present, shrinkage)
    return ReferenceEnergies(
        energies=fitted,
        n_frames=np.count_nonzero(x, axis=0),
        rank=int(np.linalg.matrix_rank(normal.gram, hermitian=True, tol=1e-12)),
        residual_mae=float(np.abs(energies - x @ fitted).mean()),
    )


def choose_shrinkage(
    compositions: np.ndarray,
    energies: np.ndarray,
    source: np.ndarray,
    groups: Sequence[str] | None = None,
) -> Shrinkage:
    """Choose λ and the number of terms that predict left-out materials best.

    Whole materials are left out, each alone where there are ten or fewer and in ten folds
    otherwise, taken in turn in the order of their names, so that nothing here is random. The
    smallest mean squared error wins, with the stronger shrinkage and the shorter trend where they
    tie. The trend has at least the constant, so that another zero of energy changes nothing, and
    fewer terms than there are materials; a single material says nothing but a common shift.

    Args:
        compositions, energies, source: as in :func:`fit_shrunken`.
        groups: the material of each frame; None where each frame is one.
    """
    x, energies, source = checked_data(compositions, energies, source)
    names, group = np.unique(
        np.arange(len(x)) if groups is None else np.asarray(groups), return_inverse=True
    )
    if len(names) < 2:
        return Shrinkage(terms=1, strength=math.inf)
    fold = group % min(len(names), MAX_FOLDS)
    y = energies - x @ source
    present = np.flatnonzero(x.any(axis=0))
    x = x[:, present]
    parts = [_Normal.of(x[fold == k], y[fold == k]) for k in range(fold.max() + 1)]
    whole = sum(parts, _Normal.empty(len(present)))
    best, least, tiny = Shrinkage(1, math.inf), math.inf, _TIE**2 * float(y @ y)
    for terms in range(1, min(MAX_TERMS, len(names) - 1) + 1):
        for strength in reversed(STRENGTHS):
            candidate, squares = Shrinkage(terms, strength), 0.0
            for k, part in enumerate(parts):
                delta = _solve(whole - part, present, candidate)[present]
                squares += float(np.square(x[fold == k] @ delta - y[fold == k]).sum())
            if squares < least * (1 - _TIE) - tiny:
                best, least = candidate, squares
    return best


@dataclass(frozen=True, slots=True)
class _Normal:
    """Sums that least squares need: XᵀX, Xᵀy and the number of frames."""

    gram: np.ndarray
    moment: np.ndarray
    n: int

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "_Normal":
        return cls(x.T @ x, x.T @ y, len(y))

    @classmethod
    def empty(cls, n_elements: int) -> "_Normal":
        return cls(np.zeros((n_elements, n_elements)), np.zeros(n_elements), 0)

    def __add__(self, other: "_Normal") -> "_Normal":
        return _Normal(self.gram + other.gram, self.moment + other.moment, self.n + other.n)

    def __sub__(self, other: "_Normal") -> "_Normal":
        return _Normal(self.gram - other.gram, self.moment - other.moment, self.n - other.n)


def _solve(normal: _Normal, present: np.ndarray, shrinkage: Shrinkage) -> np.ndarray:
    """Return the (94,) shift; ``normal`` is about the elements ``present``."""
    trend = _TREND[:, : shrinkage.terms]
    here = trend[present]
    to_coefficients = np.linalg.pinv(here)
    gram, moment = normal.gram / normal.n, normal.moment / normal.n
    if math.isinf(shrinkage.strength):
        return trend @ (_pinv(here.T @ gram @ here) @ (here.T @ moment))
    # What is left of a shift after the trend nearest to it: Σ_z (δ_z - T(z)·c)², least in c.
    departures = np.eye(len(present)) - here @ to_coefficients
    delta = _pinv(gram + shrinkage.strength * departures) @ moment
    shift = trend @ (to_coefficients @ delta)
    shift[present] = delta
    return shift


def _pinv(matrix: np.ndarray) -> np.ndarray:
    """Return the pseudo-inverse of a symmetric matrix: what is undetermined stays 0."""
    return np.linalg.pinv(matrix, rcond=_RCOND, hermitian=True)
