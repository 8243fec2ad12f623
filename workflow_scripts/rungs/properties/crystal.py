"""The crystal whose properties are computed, before any potential relaxes it."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rungs.config.properties import RelaxedCrystal
from rungs.errors import StudyError

if TYPE_CHECKING:
    from ase import Atoms

BOND_FACTOR = 1.25
"""Neighbours of an atom stand nearer than this times the crystal's shortest distance; in diamond
the second shell comes at 1.63, in fcc at 1.41 times."""


def starting_crystal(
    options: RelaxedCrystal | None, elements: Collection[str], data_folder: str = "."
) -> "Atoms":
    """Return the primitive cell of the crystal, cubic axes along x, y and z.

    Args:
        options: ``properties.crystal``.
        elements: of the target's frames, for where there are no ``options``.
        data_folder: what a file's name is relative to.

    Raises:
        StudyError: when there is no such crystal, or the file cannot be read.
    """
    from ase.build import bulk

    if options is None:
        if len(elements) != 1:
            raise StudyError(
                f"properties.crystal: the target's frames have the elements "
                f"{', '.join(sorted(elements))}; say which crystal to compute properties of"
            )
        options = RelaxedCrystal(element=next(iter(elements)))
    if options.file is not None:
        return _from_file(Path(data_folder) / options.file)
    try:
        return bulk(options.element, options.structure, a=options.lattice_constant)
    except (KeyError, ValueError, RuntimeError, NotImplementedError) as error:
        raise StudyError(
            f"properties.crystal: no crystal of {options.element!r} can be built ({error}); give "
            "`structure` and `lattice_constant`, or a `file`"
        ) from None


def _from_file(path: Path) -> "Atoms":
    import ase.io
    from pymatgen.io.ase import AseAtomsAdaptor
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    try:
        atoms = ase.io.read(path)
    except Exception as error:  # ASE's many readers raise whatever they like
        raise StudyError(f"properties.crystal.file: {path} cannot be read ({error})") from None
    if not atoms.pbc.all():
        raise StudyError(f"properties.crystal.file: {path} is not periodic")
    structure = AseAtomsAdaptor.get_structure(atoms)
    primitive = SpacegroupAnalyzer(structure).get_primitive_standard_structure()
    return AseAtomsAdaptor.get_atoms(primitive, msonable=False)


def is_cubic(crystal: "Atoms") -> bool:
    """Whether the crystal has a cubic space group."""
    import spglib

    cell = (crystal.cell.array, crystal.get_scaled_positions(), crystal.numbers)
    return spglib.get_symmetry_dataset(cell, symprec=1e-3).number >= 195


def shortest_distance(crystal: "Atoms") -> float:
    """Return the shortest distance between two atoms or images in Å."""
    from matscipy.neighbours import neighbour_list

    cutoff = 1.5 * float(np.cbrt(crystal.get_volume() / len(crystal)))
    while not len(distances := neighbour_list("d", crystal, cutoff=cutoff)):
        cutoff *= 1.5
    return float(distances.min())
