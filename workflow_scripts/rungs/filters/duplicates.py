"""Near-duplicates: frames of one material that resemble each other in energy and structure."""

import bisect
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rungs.config.filters import NearDuplicates
from rungs.frames.frame import Frame, Rejected

if TYPE_CHECKING:
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure


def without_near_duplicates(
    frames: Iterable[Frame | Rejected], options: NearDuplicates
) -> Iterator[Frame | Rejected]:
    """Keep the frames of one material that differ from all those kept before them.

    A frame is a near-duplicate when its energy per atom differs from that of a kept frame by less
    than the tolerance, which grows with the number of frames kept, and their structures match: the
    rule of MPtrj (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)).

    Args:
        frames: in the order in which they are to be considered; rejected ones pass, and those
            without an energy.
        options: tolerances.
    """
    energies: list[float] = []
    kept: list[_Structure] = []
    compare = _Comparison(options)
    for frame in frames:
        if isinstance(frame, Rejected) or frame.energy is None:
            yield frame
            continue
        energy, tolerance = frame.energy_per_atom, options.tolerance(len(kept))
        structure = _Structure(frame)
        low = bisect.bisect_right(energies, energy - tolerance)
        high = bisect.bisect_left(energies, energy + tolerance)
        # The most alike in energy first: it is the likeliest to match.
        near = sorted(range(low, high), key=lambda i: abs(energies[i] - energy))
        twin = next((i for i in near if compare(structure, kept[i])), None)
        if twin is None:
            place = bisect.bisect_right(energies, energy)
            energies.insert(place, energy)
            kept.insert(place, structure)
            yield frame
            continue
        alike = "a matching structure" if options.structures else "structures not compared"
        yield Rejected(
            frame.frame_id,
            f"differs from the kept frame {kept[twin].frame.frame_id} by "
            f"{1000 * abs(energies[twin] - energy):.3g} meV/atom, less than "
            f"{1000 * tolerance:g} meV/atom with {len(kept)} frames of the material kept, and has "
            f"{alike}",
            "near_duplicates",
        )


class _Structure:
    """A frame's structure, in the forms that comparisons need, each made when first asked for."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    @cached_property
    def fractional(self) -> np.ndarray:
        return np.linalg.solve(self.frame.cell.T, self.frame.cart_coords.T).T

    @cached_property
    def lengths(self) -> np.ndarray:
        return np.linalg.norm(self.frame.cell, axis=1)

    @cached_property
    def angles(self) -> np.ndarray:
        """Between the lattice vectors, in degrees."""
        unit = self.frame.cell / self.lengths[:, None]
        cosines = np.einsum("ij,ij->i", unit[[1, 2, 0]], unit[[2, 0, 1]])
        return np.degrees(np.arccos(np.clip(cosines, -1, 1)))

    @cached_property
    def size(self) -> float:
        """Cube root of the volume per atom, in Å."""
        return float(np.cbrt(self.frame.volume / self.frame.n_atoms))

    @cached_property
    def composition(self) -> tuple[bytes, bytes]:
        """Elements and their atomic fractions."""
        elements, counts = np.unique(self.frame.atomic_numbers, return_counts=True)
        return elements.tobytes(), (counts // np.gcd.reduce(counts)).tobytes()

    @cached_property
    def reduced(self) -> "Structure":
        """The primitive cell, which StructureMatcher would otherwise look for in every pair."""
        from pymatgen.core import Structure

        whole = Structure(self.frame.cell, self.frame.atomic_numbers, self.fractional)
        return whole.get_reduced_structure("niggli").get_primitive_structure()


class _Comparison:
    """Whether two structures match.

    Frames of one trajectory have the same atoms in the same order and hardly move, which is seen
    at once; only what is not alike in this plain sense goes to pymatgen's StructureMatcher.
    """

    def __init__(self, options: NearDuplicates) -> None:
        self._options = options

    def __call__(self, a: _Structure, b: _Structure) -> bool:
        if not self._options.structures:
            return True
        if a.composition != b.composition:
            return False
        return self._atom_by_atom(a, b) or self._match(a, b)

    def _match(self, a: _Structure, b: _Structure) -> bool:
        return self._matcher.fit(a.reduced, b.reduced, skip_structure_reduction=True)

    def _atom_by_atom(self, a: _Structure, b: _Structure) -> bool:
        """Whether the lattices agree and each atom is near its fellow; then StructureMatcher
        finds a match too, as it tries this assignment among others."""
        options = self._options
        if not np.array_equal(a.frame.atomic_numbers, b.frame.atomic_numbers):
            return False
        scale_a, scale_b = (1 / a.size, 1 / b.size) if options.scale else (1.0, 1.0)
        ratio = (a.lengths * scale_a) / (b.lengths * scale_b)
        if np.maximum(ratio, 1 / ratio).max() > 1 + options.length_tolerance:
            return False
        if np.abs(a.angles - b.angles).max() > options.angle_tolerance:
            return False
        apart = a.fractional - b.fractional
        apart -= np.round(apart)
        mean_cell = (a.frame.cell * scale_a + b.frame.cell * scale_b) / 2
        size = 1.0 if options.scale else (a.size + b.size) / 2
        furthest = np.linalg.norm(apart @ mean_cell, axis=1).max()
        # Half, as StructureMatcher puts one pair of atoms on each other and sees twice as much.
        return bool(furthest <= options.site_tolerance / 2 * size)

    @cached_property
    def _matcher(self) -> "StructureMatcher":
        from pymatgen.analysis.structure_matcher import StructureMatcher

        return StructureMatcher(
            ltol=self._options.length_tolerance,
            stol=self._options.site_tolerance,
            angle_tol=self._options.angle_tolerance,
            scale=self._options.scale,
        )
