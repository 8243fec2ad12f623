"""Elemental reference energies."""

from rungs.references.fit import (
    ReferenceEnergies,
    fit_reference,
    read_reference,
    write_reference,
)

__all__ = ["ReferenceEnergies", "fit_reference", "read_reference", "write_reference"]
