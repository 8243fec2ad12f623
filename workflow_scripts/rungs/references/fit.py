"""Elemental reference energies: what an atom of each element contributes on average."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS

COLUMNS = ("element", "atomic_number", "energy_ev_per_atom", "n_frames")

_RCOND = 1e-6
"""Directions of composition space weaker than this, relative to the strongest, count as not
determined. It lies above what rounded fractions (1/3, 2/3) leave, even in single precision, and
below one frame of a rare element among a million."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceEnergies:
    """Elemental reference energies for Z = 1 to 94."""

    energies: np.ndarray
    """(94,) float64, eV per atom of the element."""
    n_frames: np.ndarray
    """(94,) number of fitted frames that contain the element."""
    rank: int | None = None
    """Number of independent compositions in the fit; None where read from a file."""
    residual_mae: float | None = None
    """Mean absolute residual of the fit, in eV/atom; None where read from a file."""

    @property
    def n_elements(self) -> int:
        """Number of elements in the fitted frames. The energies of single elements are determined
        by the data alone only where this equals the rank."""
        return int(np.count_nonzero(self.n_frames))

    @property
    def summary(self) -> str:
        """One line: how many elements, whether the data determine them, and the residual."""
        text = f"{self.n_elements} elements"
        if self.rank is not None and self.rank < self.n_elements:
            text += f", of which the frames determine {self.rank} combinations"
        if self.residual_mae is not None:
            text += f", mean absolute residual {1000 * self.residual_mae:.0f} meV/atom"
        return text

    def predict(self, compositions: np.ndarray) -> np.ndarray:
        """(n,) energies in eV/atom of (n, 94) atomic fractions."""
        return np.asarray(compositions, dtype=np.float64) @ self.energies


def fit_reference(
    compositions: np.ndarray, energies: np.ndarray, prior: np.ndarray | None = None
) -> ReferenceEnergies:
    """Fit reference energies to energies per atom by least squares around a prior.

    With the residual r = e - X·prior and its mean c, the minimum-norm least-squares solution δ of
    X·δ = r - c gives the reference energies prior + c + δ. Where the data determine them, this is
    ordinary least squares (chgnet's ``AtomRef.fit``). Where they do not, it stays closest to the
    shifted prior: an element that the data lack gets its prior energy plus the common shift c, or,
    without a prior, the mean energy per atom of the data; never 0 eV.

    Args:
        compositions: (n, 94) atomic fractions, each row summing to 1.
        energies: (n,) energies in eV/atom.
        prior: (94,) reference energies of another level in eV/atom; None for zero.

    Raises:
        StudyError: without frames, or where an energy or composition is no finite number.
        ValueError: when the shapes do not agree or a row of fractions does not sum to 1.
    """
    fractions, energies, base = checked_data(compositions, energies, prior)
    residual = energies - fractions @ base
    shift = residual.mean()
    present = np.flatnonzero(fractions.any(axis=0))
    delta, _, rank, _ = np.linalg.lstsq(fractions[:, present], residual - shift, rcond=_RCOND)
    fitted = base + shift
    fitted[present] += delta
    return ReferenceEnergies(
        energies=fitted,
        n_frames=np.count_nonzero(fractions, axis=0),
        rank=int(rank),
        residual_mae=float(np.abs(energies - fractions @ fitted).mean()),
    )


def checked_data(
    compositions: np.ndarray, energies: np.ndarray, prior: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (n, 94) fractions, (n,) energies and the (94,) prior (0 for None) as float64.

    Raises:
        StudyError: without frames, or where a number is not finite.
        ValueError: when the shapes do not agree or a row of fractions does not sum to 1.
    """
    fractions = np.asarray(compositions, dtype=np.float64)
    energies = np.asarray(energies, dtype=np.float64)
    base = np.zeros(MAX_ATOMIC_NUMBER) if prior is None else np.asarray(prior, dtype=np.float64)
    if fractions.shape != (len(energies), MAX_ATOMIC_NUMBER) or energies.ndim != 1:
        raise ValueError(
            f"compositions have shape {fractions.shape} and energies {energies.shape}, expected "
            f"(n, {MAX_ATOMIC_NUMBER}) and (n,)"
        )
    if base.shape != (MAX_ATOMIC_NUMBER,):
        raise ValueError(f"prior has shape {base.shape}, expected ({MAX_ATOMIC_NUMBER},)")
    if len(energies) == 0:
        raise StudyError(
            "reference energies need at least one frame with an energy; give the fit a larger "
            "subset (subsets.sizes) or fit on the training part"
        )
    if not (np.isfinite(fractions).all() and np.isfinite(energies).all()):
        bad = np.flatnonzero(~(np.isfinite(fractions).all(axis=1) & np.isfinite(energies)))
        raise StudyError(
            f"energies or compositions that are no finite number in {len(bad)} of {len(energies)} "
            f"frames, first in row {bad[0]}; make the frames again"
        )
    if not np.isfinite(base).all():
        raise StudyError("the prior reference energies are no finite numbers; fit them again")
    if np.abs(fractions.sum(axis=1) - 1).max() > 1e-5:
        raise ValueError("each row of compositions must sum to 1")
    return fractions, energies, base


def write_reference(path: str | os.PathLike, reference: ReferenceEnergies) -> None:
    """Write the columns ``element``, ``atomic_number``, ``energy_ev_per_atom`` and ``n_frames``,
    one row for each of the 94 elements, in full precision."""
    rows = (
        dict(zip(COLUMNS, (symbol, z, float(energy), int(count)), strict=True))
        for z, (symbol, energy, count) in enumerate(
            zip(SYMBOLS, reference.energies, reference.n_frames, strict=True), start=1
        )
    )
    write_rows(path, COLUMNS, rows)


def read_reference(path: str | os.PathLike) -> ReferenceEnergies:
    """Read what :func:`write_reference` wrote.

    Raises:
        StudyError: when the file is missing or is no complete table of 94 elements.
    """
    remedy = "delete the file and let the workflow make it again"
    try:
        with open(Path(path), newline="", encoding="utf-8") as handle:
            header, *rows = csv.reader(handle)
        columns = list(zip(*rows, strict=True))
        energies = np.array([float(value) for value in columns[2]])
        counts = np.array([int(value) for value in columns[3]])
        symbols, numbers = columns[0], [int(value) for value in columns[1]]
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    except (ValueError, IndexError, csv.Error) as error:
        raise StudyError(f"{path}: is no table of reference energies ({error}); {remedy}") from None
    complete = symbols == SYMBOLS and numbers == list(range(1, MAX_ATOMIC_NUMBER + 1))
    if header != list(COLUMNS) or not complete or not np.isfinite(energies).all():
        raise StudyError(
            f"{path}: expected the columns {', '.join(COLUMNS)} and finite energies of the "
            f"elements H to Pu in order; {remedy}"
        )
    return ReferenceEnergies(energies, counts)
