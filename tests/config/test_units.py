"""Units in any spelling, those that are none, and a factor for each that is known."""

from typing import get_args

import pytest
from ase import units
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rungs.config.units import EnergyUnit, ForcesUnit, StressUnit
from rungs.sources.units import energy_factor, forces_factor, stress_factor

KINDS = {"energy": EnergyUnit, "forces": ForcesUnit, "stress": StressUnit}
SPELLINGS = {
    "energy": {
        "eV": ["ev", "EV", "Electronvolt", " eV "],
        "eV/atom": ["ev/atom", "eV / atom", "eV per atom", "EV/Atom", "eV/at"],
        "Ha": ["Hartree", "hartree", "HA", "Eh"],
        "Ry": ["rydberg", "RY", "Rydbergs"],
        "kcal/mol": ["KCAL/MOL", "kcal/mole", "kcal per mol", "kcal*mol^-1"],
        "kJ/mol": ["kj/mol", "KJ/mol"],
        "meV/atom": ["mev/atom"],
    },
    "forces": {
        "eV/Å": ["eV/Ang", "ev/angstrom", "eV/a", "EV/ANGSTROM", "eV/\u212b", "eV*Å^-1", "eV Å⁻¹"],
        "Ha/Bohr": ["hartree/bohr", "Hartree/Bohr", "Ha/a0", "Eh/a0", "Hartree per Bohr"],
        "Ry/Bohr": ["Ry/bohr", "rydberg/bohr"],
        "kcal/mol/Å": ["kcal/mol/A", "kcal/mol/ang", "KCAL/MOL/ANGSTROM"],
        "meV/Å": ["meV/A", "mev/ang"],
    },
    "stress": {
        "kbar": ["kBar", "KBAR", "kB", "kilobar"],
        "GPa": ["gpa", "GPA"],
        "eV/Å³": ["eV/Ang^3", "eV/A**3", "eV/Å3", "ev/angstrom3", "eV/(Å^3)", "eV*Å^-3", "eV/Å^3"],
        "Ha/Bohr³": ["Hartree/Bohr^3", "ha/bohr3", "Ha/a0^3"],
        "MPa": ["mpa"],
    },
}
PAIRS = [
    (kind, known, spelled)
    for kind, units_of in SPELLINGS.items()
    for known, spellings in units_of.items()
    for spelled in spellings
]


def known(kind: str) -> tuple[str, ...]:
    return get_args(get_args(KINDS[kind])[0])


@pytest.mark.parametrize(("kind", "wanted", "spelled"), PAIRS)
def test_spellings(kind, wanted, spelled):
    assert TypeAdapter(KINDS[kind]).validate_python(spelled) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_as_it_is_called_stays(kind):
    """A finished study's options must not change by what is spelled here."""
    for unit in known(kind):
        assert TypeAdapter(KINDS[kind]).validate_python(unit) == unit


@pytest.mark.parametrize(
    ("kind", "unit", "words"),
    [
        ("energy", "eVs", "'eVs' is no unit of energy; did you mean 'eV'? known: eV, eV/atom"),
        ("energy", "Hartrees/atom!", "did you mean 'Ha/atom'?"),
        ("forces", "ev/ang.", "is no unit of forces; did you mean 'eV/A'?"),
        ("stress", "kbars", "is no unit of stress; did you mean 'kbar'?"),
        ("stress", "eV/Å", "did you mean 'eV/Å³'?"),
        ("forces", "furlong", "'furlong' is no unit of forces; known: eV/Å"),
    ],
)
def test_a_unit_that_is_none_names_the_nearest(kind, unit, words):
    with pytest.raises(ValidationError) as error:
        TypeAdapter(KINDS[kind]).validate_python(unit)
    assert words in str(error.value)


@given(text=st.text(max_size=12))
def test_any_text_is_a_unit_or_refused(text):
    for kind, of in KINDS.items():
        try:
            found = TypeAdapter(of).validate_python(text)
        except ValidationError as error:
            found = str(error)
        assert found in known(kind) or f"is no unit of {kind}" in found


def test_every_unit_has_its_factor():
    found = {unit: energy_factor(unit, 4) for unit in known("energy")}
    assert found["Ha"] == units.Ha
    assert found["Ry"] == pytest.approx(units.Ha / 2)
    assert found["meV/atom"] == pytest.approx(4e-3)
    assert found["kJ/mol/atom"] == pytest.approx(4 * units.kJ / units.mol)
    found = {unit: forces_factor(unit) for unit in known("forces")}
    assert found["Ha/Bohr"] == pytest.approx(51.42207)
    assert found["Ry/Bohr"] == pytest.approx(25.711035)
    assert found["kJ/mol/nm"] == pytest.approx(found["kJ/mol/Å"] / 10)
    assert found["eV/Bohr"] == pytest.approx(1 / 0.529177, rel=1e-5)
    found = {unit: stress_factor(unit, "tension_positive") for unit in known("stress")}
    assert found["Ha/Bohr³"] == pytest.approx(29421.02648, rel=1e-5)
    assert found["bar"] == pytest.approx(units.bar / units.GPa)
    assert found["atm"] == pytest.approx(101325 * units.Pascal / units.GPa)
    assert found["meV/Å³"] == pytest.approx(0.1602176634)
    assert stress_factor("Pa", "compression_positive") == -1e-9
