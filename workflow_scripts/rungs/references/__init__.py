"""Elemental reference energies."""

from rungs.references.fit import (
    ReferenceEnergies,
    fit_reference,
    read_reference,
    write_reference,
)
from rungs.references.shrunken import Shrinkage, choose_shrinkage, fit_shrunken

__all__ = [
    "ReferenceEnergies",
    "Shrinkage",
    "choose_shrinkage",
    "fit_reference",
    "fit_shrunken",
    "read_reference",
    "write_reference",
]
