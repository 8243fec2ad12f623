"""The properties by name: unit, name in figures, and which calculation gives them."""

from typing import NamedTuple

from rungs.config.properties import SCALAR_UNITS


class Quantity(NamedTuple):
    """One property of a model."""

    unit: str
    """Of its value, where it has one, and of its error."""
    label: str
    """In figures."""


QUANTITIES = {
    "lattice_constant": Quantity(SCALAR_UNITS["lattice_constant"], "lattice constant"),
    "volume": Quantity(SCALAR_UNITS["volume"], "volume"),
    "bulk_modulus": Quantity(SCALAR_UNITS["bulk_modulus"], "bulk modulus"),
    "equation_of_state": Quantity("meV/atom", "equation of state"),
    "c11": Quantity(SCALAR_UNITS["c11"], "$C_{11}$"),
    "c12": Quantity(SCALAR_UNITS["c12"], "$C_{12}$"),
    "c44": Quantity(SCALAR_UNITS["c44"], "$C_{44}$"),
    "shear_modulus": Quantity(SCALAR_UNITS["shear_modulus"], "shear modulus"),
    "phonon_bands": Quantity("THz", "phonon bands"),
    "highest_frequency": Quantity(SCALAR_UNITS["highest_frequency"], "highest frequency"),
    "imaginary_modes": Quantity(SCALAR_UNITS["imaginary_modes"], "imaginary modes"),
    "radial_distribution": Quantity("%", "distances"),
    "angular_distribution": Quantity("%", "angles"),
    "vibrational_density_of_states": Quantity("%", "vibrations"),
}
"""In the order of tables and figures."""


def kind_and_pair(name: str) -> tuple[str, str]:
    """Return which property a name is of, and the pair of elements, such as ``Na-Cl`` of
    ``radial_distribution Na-Cl``; the pair is empty where there is none."""
    kind, _, pair = name.partition(" ")
    return kind, pair


def quantity(name: str) -> Quantity:
    """Return unit and name in figures of a property."""
    kind, pair = kind_and_pair(name)
    unit, label = QUANTITIES[kind]
    return Quantity(unit, f"{label} {pair.replace('-', '–')}".rstrip())


def order(name: str) -> tuple[int, str]:
    """Return where a property stands in tables and figures, as a key of sorting."""
    kind, pair = kind_and_pair(name)
    return list(QUANTITIES).index(kind), pair


def is_curve(name: str) -> bool:
    """Whether the property is a curve: then it has an error but no value."""
    return kind_and_pair(name)[0] in CURVES


CURVES = (
    "equation_of_state",
    "phonon_bands",
    "radial_distribution",
    "angular_distribution",
    "vibrational_density_of_states",
)
"""Kinds of properties that are curves."""

_CUBIC = {
    "equation_of_state": ("lattice_constant", "bulk_modulus", "equation_of_state"),
    "elastic": ("c11", "c12", "c44"),
    "phonons": ("phonon_bands", "highest_frequency", "imaginary_modes"),
}
_OTHER = _CUBIC | {
    "equation_of_state": ("volume", "bulk_modulus", "equation_of_state"),
    "elastic": ("shear_modulus",),
}


def names_of(calculation: str, cubic: bool) -> tuple[str, ...]:
    """Return the properties that a calculation gives, for a cubic crystal or another."""
    return (_CUBIC if cubic else _OTHER).get(calculation, (calculation,))


RUN_COLUMNS = (
    "method",
    "size",
    "seed",
    "property",
    "temperature_k",
    "value",
    "unit",
    "reference",
    "error",
    "failed",
    "note",
)
