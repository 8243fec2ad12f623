"""How far each frame's energy lies from what its composition lets expect.

Total energies of one level of theory are, to some eV/atom, a sum over the atoms of one energy for
each element. How large these energies are says nothing: they run from −1 eV with pseudopotentials
to −500,000 eV with all electrons. So energies are judged by their distance from a fit of all of
them, which a few broken ones must not move.
"""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame, Rejected
from rungs.frames.spool import Spool

_SMALL = 0.1
"""eV/atom; below this a distance counts by its square, which makes the fit unique."""
_ITERATIONS = 100
_CONVERGED = 0.01
"""eV/atom; the fit has settled when no distance changes by more."""
_RCOND = 1e-10


class Judged(NamedTuple):
    """A frame that is sound by itself."""

    frame: Frame
    set_aside: Mapping[str, str]
    """What was wrong with labels that it has lost, by their names."""


def within_distance(
    items: Iterable[Judged | Rejected], limit: float, folder: str | os.PathLike
) -> Iterator[Judged | Rejected]:
    """Pass on the items, with frames rejected whose energy lies too far from the fit of all.

    All frames are read before the first is passed on; memory holds some 40 bytes of each, and a
    temporary file without a name in ``folder`` the rest, where there are many.

    Args:
        items: in their order, which is kept. Frames without an energy are not judged.
        limit: largest distance, in eV/atom.
        folder: on a disk that has room for the frames.

    Raises:
        StudyError: when that disk is full.
    """
    fit = EnergyFit()
    with Spool(folder) as spool:
        for item in items:
            if isinstance(item, Judged) and item.frame.energy is not None:
                fit.add(item.frame.atomic_numbers, item.frame.energy)
            spool.add(item)
        distances = iter(fit.distances())
        for item in spool.items():
            if isinstance(item, Judged) and item.frame.energy is not None:
                distance = next(distances)
                if abs(distance) > limit:
                    yield Rejected(item.frame.frame_id, _words(item.frame, distance, limit), KIND)
                    continue
            yield item


KIND = "energy"
"""Of the frames that are rejected here."""


def _words(frame: Frame, distance: float, limit: float) -> str:
    side = "above" if distance > 0 else "below"
    return (
        f"energy is {frame.energy_per_atom:.8g} eV/atom, {abs(distance):.6g} eV/atom {side} what "
        f"the other frames let expect of its composition, beyond screening.max_energy_distance = "
        f"{limit:g} eV/atom"
    )


def has_fitting_energy(frame: Frame) -> bool:
    """Whether a frame, screened or not, has an energy and elements that a fit can take."""
    z = frame.atomic_numbers
    if frame.energy is None or not np.isfinite(frame.energy) or not z.size:
        return False
    return bool(z.min() >= 1 and z.max() <= MAX_ATOMIC_NUMBER)


class EnergyFit:
    """Collects compositions and energies frame by frame: some 40 bytes for each."""

    def __init__(self) -> None:
        self._energies = array("d")
        self._elements = array("B")
        self._fractions = array("d")
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._energies)

    def add(self, atomic_numbers: np.ndarray, energy: float) -> None:
        """Add a frame of n atoms, (n,) atomic numbers from 1 to 94, with its energy in eV."""
        elements, counts = np.unique(atomic_numbers, return_counts=True)
        n_atoms = len(atomic_numbers)
        self._energies.append(energy / n_atoms)
        self._elements.extend(elements.tolist())
        self._fractions.extend((counts / n_atoms).tolist())
        self._ends.append(len(self._elements))

    def distances(self) -> np.ndarray:
        """(n,) energies less the fitted ones, in eV/atom, in the order of adding.

        The fit is that of least absolute deviations on atomic fractions, found by least squares
        with weights that are renewed until it settles. Where the compositions do not determine
        single elements' energies, distances are those of any solution. A frame whose composition
        no other frame says anything of has no distance.
        """
        from scipy.sparse import csr_array  # only jobs that make frames need it

        energies = np.frombuffer(self._energies)
        if not len(energies):
            return np.zeros(0)
        fractions = csr_array(
            (
                np.frombuffer(self._fractions),
                np.frombuffer(self._elements, dtype=np.uint8).astype(np.int32) - 1,
                np.frombuffer(self._ends, dtype=np.int64),
            ),
            shape=(len(energies), MAX_ATOMIC_NUMBER),
        )
        # Small numbers are fitted, whatever the size of the energies.
        distances = energies - np.median(energies)
        for _ in range(_ITERATIONS):
            weights = 1 / np.maximum(np.abs(distances), _SMALL)
            weighted = fractions * weights[:, None]
            gram = (weighted.T @ fractions).toarray()
            step = np.linalg.pinv(gram, rcond=_RCOND, hermitian=True) @ (weighted.T @ distances)
            change = fractions @ step
            distances = distances - change
            if np.abs(change).max() < _CONVERGED:
                break
        return distances
