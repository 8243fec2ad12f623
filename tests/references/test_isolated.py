"""References of isolated atoms: what they are, and what is said where an atom is missing."""

import numpy as np
import pytest

from rungs.config.methods import Method
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.references.fit import ReferenceEnergies
from rungs.references.isolated import check_isolated_atoms, isolated_reference, symbols_of


def atoms(**energies):
    found = np.full(94, np.nan)
    for symbol, energy in energies.items():
        found[ATOMIC_NUMBERS[symbol] - 1] = energy
    return found


def source_references(energies, elements):
    counts = np.zeros(94, dtype=int)
    for symbol in elements:
        counts[ATOMIC_NUMBERS[symbol] - 1] = 5
    return ReferenceEnergies(np.asarray(energies, dtype=float), counts)


def of(reference, symbol):
    return reference[ATOMIC_NUMBERS[symbol] - 1]


def test_from_random_weights_they_are_the_target_s_atoms():
    found = isolated_reference(atoms(Cu=-0.24, Ni=-0.53), ["Cu", "Ni"])
    assert (of(found, "Cu"), of(found, "Ni")) == (-0.24, -0.53)
    assert np.isfinite(found).all()


def test_from_pretrained_ones_they_change_as_the_atoms_do():
    """All-electron energies of the target: the network's part stays one of atomisation."""
    source = source_references(np.linspace(-9, -3, 94), ["Cu", "Ni"])
    found = isolated_reference(
        atoms(Cu=-45_000.5, Ni=-41_000.25), ["Cu", "Ni"], source, atoms(Cu=-0.5, Ni=-1.25)
    )
    assert of(found, "Cu") == pytest.approx(of(source.energies, "Cu") - 45_000.0, abs=1e-10)
    assert of(found, "Ni") == pytest.approx(of(source.energies, "Ni") - 40_999.0, abs=1e-10)
    assert np.isfinite(found).all()


def test_an_element_that_the_source_lacks_gets_what_others_have_beyond_their_atoms():
    source = source_references(np.full(94, -4.0), ["Si", "C"])
    found = isolated_reference(
        atoms(Ge=-1.0, Si=-2.0), ["Ge", "Si"], source, atoms(Si=-0.5, C=-1.5)
    )
    assert of(found, "Si") == -2.0 + (-4.0 + 0.5)
    assert of(found, "Ge") == -1.0 + (-3.5 - 2.5) / 2


def test_an_atom_that_is_missing_is_named():
    with pytest.raises(StudyError, match=r"lacks the target's isolated atom of C, Cu$"):
        isolated_reference(atoms(Ni=-0.5), ["Cu", "C", "Ni"])
    source = source_references(np.zeros(94), ["Ni"])
    with pytest.raises(StudyError, match="lacks isolated atoms of the source"):
        isolated_reference(atoms(Ni=-0.5), ["Ni"], source, atoms())


def check(initial, source_elements, target_elements, source, target):
    method = Method.model_validate({"initial": initial, "reference": "isolated_atoms"})
    others = Method.model_validate({"initial": "pretrained", "reference": "target"})
    check_isolated_atoms(
        {"other": others, "mine": method},
        {"source": source_elements, "target": target_elements},
        {"source": source, "target": target},
    )


def test_before_any_training_the_missing_ones_are_named_in_one_sentence():
    levels = ({"Cu", "Ni"}, {"Cu", "Ni", "H"})
    some, all_three = atoms(Cu=-1.0), atoms(Cu=-1.0, Ni=-2.0, H=-3.0)
    with pytest.raises(
        StudyError,
        match=r"^methods\.mine\.reference is isolated_atoms, but the target has no isolated atom "
        r"of H, Ni: add .* give their energies in target\.isolated_atom_energies, or take another",
    ):
        check("random", *levels, some, some)
    with pytest.raises(
        StudyError, match=r"the source has no isolated atom of Ni, which a method that starts"
    ):
        check("pretrained", *levels, some, all_three)
    check("random", *levels, atoms(), all_three)
    check("pretrained", *levels, atoms(Cu=-1.0, Ni=-2.0), all_three)


def test_levels_without_a_common_element_need_one_atom_of_the_source():
    levels = ({"Si", "C"}, {"Ge"})
    check("pretrained", *levels, atoms(Si=-1.0), atoms(Ge=-1.0))
    with pytest.raises(StudyError, match="the source has no isolated atom of C, Si"):
        check("pretrained", *levels, atoms(), atoms(Ge=-1.0))


def test_elements_of_compositions():
    rows = np.zeros((2, 94))
    rows[0, [7, 11]] = 0.5
    rows[1, 0] = 1
    assert symbols_of(rows) == ["H", "O", "Mg"]
