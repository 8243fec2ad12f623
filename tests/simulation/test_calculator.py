"""The calculator: chgnet's numbers, gradients of its energy, words for what is broken."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet

from rungs.errors import StudyError
from rungs.potentials.chgnet.published import load_published
from rungs.simulation.calculator import ModelCalculator, ModelForces, UnphysicalError


@pytest.fixture(scope="module")
def published():
    return load_published("0.3.0")


# How near float32 comes to float64, in eV/atom, eV/Å and eV/Å³. The largest distances in 20 shaken
# cells of either element, with our code and with chgnet's alike: 0.9e-5, 2.7e-4, 3.4e-6. The smooth
# cutoffs are small differences of large terms, and published weights multiply their rounding by 30.
ROUNDING = (1e-5, 3e-4, 4e-6)


@pytest.mark.parametrize(("element", "a"), [("Ge", 5.76), ("Si", 5.47)])
def test_the_numbers_of_chgnets_calculator(published, shaken, element, a):
    from chgnet.model import CHGNetCalculator

    def numbers(calculator):
        atoms = shaken(0, element, a)
        atoms.calc = calculator
        energy = atoms.get_potential_energy()
        if isinstance(calculator, ModelCalculator):
            assert atoms.get_potential_energy(force_consistent=True) == energy
        return energy / len(atoms), atoms.get_forces(), atoms.get_stress()

    ours = numbers(ModelCalculator(published))
    theirs = numbers(CHGNetCalculator(published, use_device="cpu"))
    exact = numbers(ModelCalculator(load_published("0.3.0").double()))
    assert np.abs(theirs[2]).max() > 1e-3
    for one, other, precise, rounding in zip(ours, theirs, exact, ROUNDING, strict=True):
        assert np.abs(one - precise).max() < rounding
        assert np.abs(one - other).max() < 2 * rounding


def test_forces_and_stress_are_gradients_of_the_energy(small_model, shaken):
    atoms = shaken(1)
    atoms.calc = ModelCalculator(small_model.double())
    try:
        forces, stress, h = atoms.get_forces(), atoms.get_stress(voigt=False), 1e-4
        for atom, axis in [(0, 0), (3, 1), (7, 2)]:
            energies = []
            for step in (h, -h):
                moved = atoms.copy()
                moved.calc = atoms.calc
                moved.positions[atom, axis] += step
                energies.append(moved.get_potential_energy())
            expected = -(energies[0] - energies[1]) / (2 * h)
            assert forces[atom, axis] == pytest.approx(expected, abs=1e-6)
        for i, j in [(0, 0), (1, 2)]:
            energies = []
            for step in (h, -h):
                strain = np.eye(3)
                strain[i, j] += step
                strained = atoms.copy()
                strained.calc = atoms.calc
                strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
                energies.append(strained.get_potential_energy())
            expected = (energies[0] - energies[1]) / (2 * h) / atoms.get_volume()
            assert stress[i, j] == pytest.approx(expected, abs=1e-7)
    finally:
        small_model.float()


def test_several_at_once_are_each_alone(small_model, shaken):
    several = [shaken(2), shaken(3).repeat((2, 1, 1)), shaken(4, "Si", 5.43)]
    together = ModelForces(small_model)(several, stress=True)
    for atoms, answer in zip(several, together, strict=True):
        atoms.calc = ModelCalculator(small_model)
        assert answer.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
        assert np.allclose(answer.forces, atoms.get_forces(), atol=1e-5)
        assert np.allclose(answer.stress, atoms.get_stress(), atol=1e-6)


def test_a_broken_configuration_leaves_the_others_alone(small_model, shaken):
    lost, near, wild, far = shaken(5), shaken(6), shaken(7), shaken(8)
    lost.set_cell(lost.cell.array * [[1], [1], [4]])
    lost.positions[0] += 2.5 * lost.cell.array[2] / 4
    near.positions[1] = near.positions[0]
    wild.positions[2, 0] = np.nan
    far.positions[2] += 5000 * far.cell.array[0]
    answers = ModelForces(small_model)([lost, shaken(2), near, wild, far])
    kinds = [getattr(answer, "kind", None) for answer in answers]
    assert kinds == ["lost_neighbours", None, "overlap", "not_finite", "lost_neighbours"]
    (alone,) = ModelForces(small_model)([shaken(2)])
    assert answers[1].energy == pytest.approx(alone.energy, abs=1e-4)
    lost.calc = ModelCalculator(small_model)
    with pytest.raises(UnphysicalError, match=r"atom 0 has no neighbour within 4\.5 Å"):
        lost.get_forces()
    lost.calc = ModelCalculator(small_model, isolated=True)
    assert np.isfinite(lost.get_forces()).all()


def test_a_model_that_answers_nan(small_model, shaken):
    import copy

    broken = copy.deepcopy(small_model)
    broken.atom_embedding.embedding.weight.data[31] = np.nan
    (answer,) = ModelForces(broken)([shaken(2)])
    assert answer.kind == "not_finite"


def test_atoms_that_are_not_periodic_are_refused(small_model, shaken):
    atoms = shaken(2)
    atoms.pbc = [True, True, False]
    atoms.calc = ModelCalculator(small_model)
    with pytest.raises(StudyError, match="periodic") as caught:
        atoms.get_potential_energy()
    assert not isinstance(caught.value, UnphysicalError)


def test_energy_is_conserved_without_thermostat(published):
    """A published model in float32, 0.2 ps from 600 K: drift far below the thermal energy."""
    atoms = bulk("Ge", "diamond", a=5.76, cubic=True)
    scale = np.sqrt(atoms.get_masses()[:, None] * units.kB * 600)
    atoms.set_momenta(scale * np.random.default_rng(0).normal(size=(8, 3)))
    atoms.calc = ModelCalculator(published)
    dynamics = VelocityVerlet(atoms, 2 * units.fs)
    energies, kinetic = [], []
    for _ in dynamics.irun(100):
        energies.append(atoms.get_total_energy() / len(atoms))
        kinetic.append(atoms.get_kinetic_energy() / len(atoms))
    assert np.ptp(kinetic) > 0.02
    assert np.ptp(energies) < 0.02 * np.ptp(kinetic)
    drift = np.mean(energies[-30:]) - np.mean(energies[:30])
    assert abs(drift) < 2e-4
