import ase.io
import numpy as np
import pytest
from ase.build import bulk

from rungs.config.properties import RelaxedCrystal
from rungs.errors import StudyError
from rungs.properties.crystal import is_cubic, shortest_distance, starting_crystal


def test_the_crystal_of_the_targets_element():
    crystal = starting_crystal(None, {"Ge"})
    assert len(crystal) == 2
    assert shortest_distance(crystal) == pytest.approx(5.66 * 3**0.5 / 4, rel=1e-6)
    assert is_cubic(crystal)
    assert len(starting_crystal(None, ["Mo"])) == 1


def test_a_lattice_that_is_given():
    options = RelaxedCrystal(element="Ge", structure="bcc", lattice_constant=3.2)
    crystal = starting_crystal(options, [])
    assert crystal.get_volume() == pytest.approx(3.2**3 / 2)
    assert not is_cubic(starting_crystal(RelaxedCrystal(element="Mg"), []))


def test_a_file_is_made_primitive_with_cubic_axes(tmp_path):
    ase.io.write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    crystal = starting_crystal(RelaxedCrystal(file="salt.cif"), [], str(tmp_path))
    assert len(crystal) == 2
    assert is_cubic(crystal)
    assert np.sort(np.abs(crystal.cell.array), axis=1) == pytest.approx(
        np.array([[0, 2.82, 2.82]] * 3), abs=1e-6
    )


def test_what_cannot_be_built(tmp_path):
    with pytest.raises(StudyError, match=r"properties\.crystal: the target's frames have .* O, Si"):
        starting_crystal(None, ["Si", "O"])
    with pytest.raises(StudyError, match="give `structure`"):
        starting_crystal(RelaxedCrystal(element="Ge", structure="hcp"), [])
    with pytest.raises(StudyError, match=r"absent\.cif cannot be read"):
        starting_crystal(RelaxedCrystal(file="absent.cif"), [], str(tmp_path))
