"""Names of atoms: labels, capitals, numbers, isotopes, ghosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungs.elements import ALL_SYMBOLS
from rungs.sources.species import GhostAtomError, Species


@given(symbol=st.sampled_from(ALL_SYMBOLS))
def test_every_symbol_in_any_capitals_and_every_number(symbol):
    species, number = Species(), ALL_SYMBOLS.index(symbol) + 1
    found = {species[name] for name in (symbol, symbol.upper(), symbol.lower(), str(number))}
    assert found == {number}
    assert species.numbers_met == {number}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Cu1", 29),
        ("Fe_pv", 26),
        ("O2-", 8),
        ("Fe3+", 26),
        ("H.1", 1),
        ("C_sp3", 6),
        ("Xe", 54),
        ("Xe2", 54),
        ("N@x", 7),
        ("Si:a", 14),
        ("CU2", 29),
    ],
)
def test_labels_after_the_element(name, number):
    assert Species()[name] == number


@pytest.mark.parametrize(
    "name",
    ["X", "X1", "x", "Gh(H)", "Gh", "ghost", "Bq", "Bq2", "H_ghost", "H-Bq", "@Cu", "Du", "Vac",
     "Va", "0", "O(gh)", "Gh-O", "999"],
)  # fmt: skip
def test_ghosts_and_dummies_are_named(name):
    with pytest.raises(GhostAtomError, match=f"'{name}'".replace("(", r"\(").replace(")", r"\)")):
        Species()[name]


@pytest.mark.parametrize("name", ["D", "T", "D1", "d"])
def test_isotopes_of_hydrogen_by_an_option(name):
    assert Species(hydrogen_isotopes=True)[name] == 1
    with pytest.raises(ValueError, match="`hydrogen_isotopes: true` reads it as hydrogen"):
        Species()[name]


@pytest.mark.parametrize("name", ["Xx", "OW", "Abc", "_", "1.5", "-1", "?", "Jx", "²"])
def test_what_is_no_element_is_none(name):
    with pytest.raises(ValueError, match="names no element") as error:
        Species()[name]
    assert not isinstance(error.value, GhostAtomError)
