"""From declared units to the project's: eV, eV/Å, GPa."""

import numpy as np

from rungs.frames.frame import VOIGT

_ROWS, _COLUMNS = np.array(VOIGT).T


def energy_factor(unit: str, n_atoms: int) -> float:
    """From the declared unit of a frame of ``n_atoms`` atoms to eV."""
    from ase import units

    return {
        "eV": 1.0,
        "eV/atom": float(n_atoms),
        "kcal/mol": units.kcal / units.mol,
        "kJ/mol": units.kJ / units.mol,
        "Ha": units.Ha,
    }[unit]


def forces_factor(unit: str) -> float:
    """From the declared unit to eV/Å."""
    from ase import units

    return {
        "eV/Å": 1.0,
        "eV/A": 1.0,
        "meV/Å": 1e-3,
        "kcal/mol/Å": units.kcal / units.mol,
        "Ha/Bohr": units.Ha / units.Bohr,
    }[unit]


def stress_factor(unit: str, sign: str) -> float:
    """From the declared unit and sign to GPa, positive under tension."""
    from ase import units

    factor = {"eV/Å³": 1 / units.GPa, "eV/A^3": 1 / units.GPa, "GPa": 1.0, "kbar": 0.1}[unit]
    return -factor if sign == "compression_positive" else factor


VASP_STRESS = -0.1
"""VASP prints stresses in kbar, positive under compression."""


def symmetric_voigt(matrix: object) -> np.ndarray:
    """(6,) in the order xx, yy, zz, yz, xz, xy from nine numbers, which are made symmetric.

    Raises:
        ValueError, TypeError: when these are not nine numbers.
    """
    square = np.array(matrix, dtype=np.float64)
    if square.size != 9:
        raise ValueError(f"the stress has shape {square.shape}, expected 3 × 3")
    square = square.reshape(3, 3)
    return ((square + square.T) / 2)[_ROWS, _COLUMNS]
