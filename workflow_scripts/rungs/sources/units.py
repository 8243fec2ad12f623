"""From declared units to the project's: eV, eV/Å, GPa."""

from functools import lru_cache

import numpy as np

from rungs.frames.frame import VOIGT

VOIGT_ORDER = "xx yy zz yz xz xy"

_ROWS, _COLUMNS = np.array(VOIGT).T
_FROM_VASP = [0, 1, 2, 4, 5, 3]
"""Places of xx, yy, zz, yz, xz, xy among xx, yy, zz, xy, yz, zx."""


@lru_cache
def energy_factor(unit: str, n_atoms: int) -> float:
    """From the declared unit of a frame of ``n_atoms`` atoms to eV."""
    from ase import units

    whole = unit.removesuffix("/atom")
    factor = {
        "eV": 1.0,
        "meV": 1e-3,
        "kcal/mol": units.kcal / units.mol,
        "kJ/mol": units.kJ / units.mol,
        "Ha": units.Ha,
        "Ry": units.Ry,
    }[whole]
    return factor if whole == unit else factor * n_atoms


@lru_cache
def forces_factor(unit: str) -> float:
    """From the declared unit to eV/Å."""
    from ase import units

    return {
        "eV/Å": 1.0,
        "eV/A": 1.0,
        "meV/Å": 1e-3,
        "kcal/mol/Å": units.kcal / units.mol,
        "kJ/mol/Å": units.kJ / units.mol,
        "kJ/mol/nm": units.kJ / units.mol / units.nm,
        "Ha/Bohr": units.Ha / units.Bohr,
        "Ha/Å": units.Ha,
        "Ry/Bohr": units.Ry / units.Bohr,
        "Ry/Å": units.Ry,
        "eV/Bohr": 1 / units.Bohr,
    }[unit]


@lru_cache
def stress_factor(unit: str, sign: str) -> float:
    """From the declared unit and sign to GPa, positive under tension."""
    from ase import units

    factor = {
        "eV/Å³": 1 / units.GPa,
        "eV/A^3": 1 / units.GPa,
        "meV/Å³": 1e-3 / units.GPa,
        "GPa": 1.0,
        "MPa": 1e-3,
        "Pa": 1e-9,
        "kbar": 0.1,
        "bar": 1e-4,
        "atm": 1.01325e-4,
        "Ha/Bohr³": units.Ha / units.Bohr**3 / units.GPa,
        "Ry/Bohr³": units.Ry / units.Bohr**3 / units.GPa,
    }[unit]
    return -factor if sign == "compression_positive" else factor


VASP_STRESS = -0.1
"""VASP prints stresses in kbar, positive under compression."""


def symmetric_voigt(matrix: object) -> np.ndarray:
    """(6,) in the order xx, yy, zz, yz, xz, xy from nine numbers, which are made symmetric.

    Raises:
        ValueError, TypeError: when these are not nine numbers.
    """
    square = np.asarray(matrix, dtype=np.float64)
    if square.size != 9:
        raise ValueError(f"the stress has shape {square.shape}, expected 3 × 3")
    square = square.reshape(3, 3)
    return ((square + square.T) / 2)[_ROWS, _COLUMNS]


def voigt(values: object, order: str) -> np.ndarray:
    """(6,) in the order xx, yy, zz, yz, xz, xy from six numbers in ``order``, or from the nine of
    a matrix, flat or not, which are made symmetric.

    Args:
        values: the numbers.
        order: ``xx yy zz yz xz xy`` or ``xx yy zz xy yz zx``; nine numbers need none.

    Raises:
        ValueError, TypeError: when these are not six or nine numbers.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.size == 9:
        return symmetric_voigt(found)
    if found.size != 6:
        raise ValueError(f"the stress has {found.size} numbers, not 6 or 9")
    found = found.ravel()
    return found if order == VOIGT_ORDER else found[_FROM_VASP]


def stress_of_virial(virial: np.ndarray, cell: np.ndarray, sign: str) -> np.ndarray:
    """(6,) stress in eV/Å³, positive under tension, from the six components of a virial in eV.

    A virial is the stress times the volume of the cell; its usual sign, that of GAP and of what
    ASE's users write, is the other one: virial = -stress · volume.

    Args:
        virial: (6,) in eV.
        cell: (3, 3) lattice vectors as rows, in Å.
        sign: ``compression_positive``, the usual one, or ``tension_positive``.
    """
    volume = abs(np.linalg.det(cell))
    return (virial if sign == "tension_positive" else -virial) / volume
