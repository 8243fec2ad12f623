"""Filters in the configuration."""

from ase.data import chemical_symbols

from rungs.elements import ALL_SYMBOLS


def test_every_element_has_its_symbol():
    assert tuple(chemical_symbols[1:]) == ALL_SYMBOLS  # in their order, too
