"""The built-in classical potentials against their formula and published properties."""

import numpy as np
import pytest
from ase import Atoms
from ase.optimize import BFGS
from ase.units import GPa

from rungs.classical import POTENTIALS, calculator, crystal
from rungs.errors import StudyError

ELEMENTS = sorted(POTENTIALS["stillinger_weber"])


def energy_of_formula(positions, p) -> float:
    """Energy in eV of a cluster without periodic images, term by term as published."""
    energy = 0.0
    n = len(positions)
    cut = p.a * p.sigma
    for i in range(n):
        near = [
            (j, positions[j] - positions[i])
            for j in range(n)
            if j != i and np.linalg.norm(positions[j] - positions[i]) < cut
        ]
        for place, (j, to_j) in enumerate(near):
            r = np.linalg.norm(to_j)
            if j > i:
                pair = p.A * (p.B * (p.sigma / r) ** 4 - 1) * np.exp(p.sigma / (r - cut))
                energy += p.epsilon * pair
            for _, to_k in near[place + 1 :]:
                s = np.linalg.norm(to_k)
                cosine = to_j @ to_k / (r * s)
                decay = np.exp(p.gamma * p.sigma * (1 / (r - cut) + 1 / (s - cut)))
                energy += p.epsilon * p.lam * (cosine + 1 / 3) ** 2 * decay
    return energy


@pytest.fixture(params=ELEMENTS)
def element(request) -> str:
    return request.param


@pytest.fixture
def disordered(element):
    atoms = crystal("stillinger_weber", element)
    atoms.set_cell(
        atoms.cell @ (np.eye(3) + np.array([[0.02, 0.03, 0], [0, -0.01, 0.01], [0, 0, 0.01]])), True
    )
    atoms.rattle(0.15, seed=3)
    atoms.calc = calculator("stillinger_weber", element)
    return atoms


def test_a_cluster_has_the_energy_of_the_published_formula(element):
    p = POTENTIALS["stillinger_weber"][element]
    rng = np.random.default_rng(5)
    ideal = crystal("stillinger_weber", element).positions
    positions = ideal + rng.normal(scale=0.2, size=ideal.shape)
    cluster = Atoms([element] * 8, positions, cell=[40, 40, 40], pbc=True)
    cluster.calc = calculator("stillinger_weber", element)
    expected = energy_of_formula(positions, p)
    assert expected < -5
    assert cluster.get_potential_energy() == pytest.approx(expected, abs=1e-9)


def test_results_are_those_of_another_implementation(disordered, element):
    from matscipy.calculators.manybody import Manybody, explicit_forms

    p = POTENTIALS["stillinger_weber"][element]
    names = {"epsilon": p.epsilon, "sigma": p.sigma, "lambda1": p.lam, "A": p.A, "B": p.B}
    names |= {"el": element, "p": 4, "a": p.a, "gamma": p.gamma, "costheta0": 1 / 3}
    other = disordered.copy()
    other.calc = Manybody(**explicit_forms.StillingerWeber(names))
    assert disordered.get_potential_energy() == pytest.approx(other.get_potential_energy())
    assert disordered.get_forces() == pytest.approx(other.get_forces(), abs=1e-10)
    assert disordered.get_stress() == pytest.approx(other.get_stress(), abs=1e-11)


def test_a_separate_atom_has_no_energy(element):
    atom = Atoms(element, cell=[15, 15, 15], pbc=True)
    atom.calc = calculator("stillinger_weber", element)
    assert atom.get_potential_energy() == 0
    assert not atom.get_forces().any()
    assert not atom.get_stress().any()


@pytest.mark.parametrize(
    ("element", "energy", "length"), [("Si", 4.336, 5.431), ("Ge", 3.86, 5.654)]
)
def test_the_diamond_crystal_has_the_published_energy_and_lattice_constant(element, energy, length):
    p = POTENTIALS["stillinger_weber"][element]
    atoms = crystal("stillinger_weber", element)
    atoms.calc = calculator("stillinger_weber", element)
    assert atoms.cell.lengths() == pytest.approx(length, abs=1e-3)
    assert atoms.get_potential_energy() / 8 == pytest.approx(-energy, abs=1e-3)
    # what the two closed forms say, which the tabulated A and B meet to seven digits
    assert atoms.get_potential_energy() / 8 == pytest.approx(-p.cohesive_energy, rel=1e-6)
    assert np.abs(atoms.get_stress() / GPa).max() < 0.005


def test_forces_and_stress_are_derivatives_of_the_energy(disordered):
    forces, stress, volume = (
        disordered.get_forces(),
        disordered.get_stress(voigt=False),
        disordered.get_volume(),
    )
    step = 1e-5
    for atom, axis in [(0, 0), (3, 1), (7, 2)]:
        ends = []
        for sign in (1, -1):
            moved = disordered.copy()
            moved.calc = disordered.calc
            moved.positions[atom, axis] += sign * step
            ends.append(moved.get_potential_energy())
        assert forces[atom, axis] == pytest.approx(-(ends[0] - ends[1]) / (2 * step), abs=1e-5)
    for i, j in [(0, 0), (1, 2), (0, 1), (2, 2)]:
        ends = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            strained = disordered.copy()
            strained.calc = disordered.calc
            strained.set_cell(disordered.cell @ (np.eye(3) + strain), scale_atoms=True)
            ends.append(strained.get_potential_energy())
        assert stress[i, j] == pytest.approx((ends[0] - ends[1]) / (2 * step) / volume, abs=1e-6)


def elastic_constants(element) -> np.ndarray:
    """C11, C12 and C44 in GPa, with relaxed atoms."""
    found = []
    for strain in ([1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]):
        ends = []
        for size in (1e-3, -1e-3):
            e = size * np.array(strain)
            atoms = crystal("stillinger_weber", element)
            shear = np.array([[e[0], 0, 0], [0, e[1], e[3] / 2], [0, e[3] / 2, e[2]]])
            atoms.set_cell(atoms.cell @ (np.eye(3) + shear), scale_atoms=True)
            atoms.calc = calculator("stillinger_weber", element)
            BFGS(atoms, logfile=None).run(fmax=1e-5)
            ends.append(atoms.get_stress() / GPa)
        found.append((ends[0] - ends[1]) / 2e-3)
    return np.array([found[0][0], found[0][1], found[1][3]])


def test_silicon_has_the_published_elastic_constants():
    # E. R. Cowley, Phys. Rev. Lett. 60, 2379 (1988); H. Balamane et al., Phys. Rev. B 46, 2250
    # (1992)
    assert elastic_constants("Si") == pytest.approx([151.4, 76.4, 56.4], abs=0.3)


def test_germanium_has_the_bulk_modulus_of_its_pairs_and_stiffer_angles():
    c11, c12, c44 = elastic_constants("Ge")
    si = POTENTIALS["stillinger_weber"]["Si"]
    ge = POTENTIALS["stillinger_weber"]["Ge"]
    # the bulk modulus has no three-body part: it goes with ε/σ³
    expected = (151.4 + 2 * 76.4) / 3 * (ge.epsilon / ge.sigma**3) / (si.epsilon / si.sigma**3)
    assert (c11 + 2 * c12) / 3 == pytest.approx(expected, rel=2e-3)
    assert (c11 - c12) / (c11 + 2 * c12) > (151.4 - 76.4) / (151.4 + 2 * 76.4)
    assert c11 > c12 > 0 < c44


def test_unknown_potentials_and_elements_are_told():
    with pytest.raises(StudyError, match="'tersoff' is not built in; there is stillinger_weber"):
        calculator("tersoff", "Si")
    with pytest.raises(StudyError, match="no parameters for 'Fe'; it has Si, Ge"):
        calculator("stillinger_weber", "Fe")


def test_parameters_of_another_element_come_from_the_configuration():
    given = {"reference": "made up", "epsilon": 1.5, "sigma": 2.5, "lam": 25.0}
    atoms = crystal("stillinger_weber", "Sn", given=given)
    atoms.calc = calculator("stillinger_weber", "Sn", given)
    assert atoms.get_potential_energy() / len(atoms) == pytest.approx(-3.0, rel=1e-3)
    assert np.abs(atoms.get_stress()).max() < 1e-3
    with pytest.raises(StudyError, match="no parameters for 'Sn'"):
        calculator("stillinger_weber", "Sn")
    with pytest.raises(StudyError, match="'Xx' is no element"):
        calculator("stillinger_weber", "Xx", given)
