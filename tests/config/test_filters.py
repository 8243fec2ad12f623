"""Filters in the configuration."""

from ase.data import chemical_symbols

from rungs.config.filters import SYMBOLS


def test_every_element_has_its_symbol():
    assert set(chemical_symbols[1:]) == SYMBOLS
