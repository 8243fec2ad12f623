"""Formation and decomposition energies, against numbers worked out by hand and pymatgen's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from rungs.evaluation import stability
from rungs.evaluation.stability import Phase, PhaseSet, fractions_of, lowest_phases
from rungs.frames.elements import SYMBOLS


def phases_of(*formulas):
    return PhaseSet([Phase(f"m{i}", f"f{i}", f, fractions_of(f)) for i, f in enumerate(formulas)])


# Na-Cl: elements at −1 and −2; Na3Cl, NaCl and NaCl3 at −1.5, −3 and −2.2 eV/atom.
BINARY = ("Na", "Cl2", "Na3Cl", "Na4Cl4", "NaCl3")
ENERGIES = np.array([-1.0, -2.0, -1.5, -3.0, -2.2])


def test_formation_energies_of_a_binary_system():
    # Na3Cl: −1.5 + (3·1 + 2)/4 = −0.25; NaCl: −3 + 1.5 = −1.5; NaCl3: −2.2 + (1 + 6)/4 = −0.45
    found = phases_of(*BINARY).formation_energies(ENERGIES)
    assert found[2:] == pytest.approx([-0.25, -1.5, -0.45])
    assert np.isnan(found[:2]).all()


def test_decomposition_energies_of_a_binary_system():
    """NaCl without itself falls into Na3Cl and NaCl3, half of the atoms each: −0.35 eV/atom.
    Na3Cl lies on the line from Na (0) to NaCl (−1.5) at −0.75, NaCl3 on that to Cl at −0.75."""
    found = phases_of(*BINARY).decomposition_energies(ENERGIES)
    assert found[2:] == pytest.approx([-0.25 + 0.75, -1.5 + 0.35, -0.45 + 0.75])
    assert np.isnan(found[:2]).all()


def test_products_are_named():
    above, products = phases_of(*BINARY).decompose(3, ENERGIES)
    assert above == pytest.approx(-1.15)
    assert products == ["m2", "m4"]


def test_polymorphs_do_not_compete():
    """The second NaCl lies 0.1 eV above the first; both fall into the same phases."""
    phases = phases_of(*BINARY, "NaCl")
    found = phases.decomposition_energies(np.append(ENERGIES, -2.9))
    assert found[3] == pytest.approx(-1.15)
    assert found[5] == pytest.approx(-1.05)


def test_of_two_elemental_phases_the_lower_counts():
    phases = phases_of(*BINARY, "Na2")
    found = phases.formation_energies(np.append(ENERGIES, -1.4))
    assert found[3] == pytest.approx(-3.0 + 0.5 * (1.4 + 2.0))


def test_without_an_element_formation_is_undefined_and_decomposition_may_be_not():
    """CaFeO2 falls into CaO and FeO, no element needed; CaO into nothing that is there."""
    phases = phases_of("CaO", "FeO", "CaFeO2", "NaCl", "KF")
    energies = np.array([-3.0, -2.0, -2.6, -3.0, -1.0])
    assert np.isnan(phases.formation_energies(energies)).all()
    found = phases.decomposition_energies(energies)
    assert found[2] == pytest.approx(-2.6 + 2.5) == phases.decompose(2, energies)[0]
    assert np.isnan(found[[0, 1, 3, 4]]).all()


def test_elements_present_but_not_enough_to_make_it_up():
    """Na3Cl and NaCl cannot make NaCl3, however their shares are chosen."""
    found = phases_of("Na3Cl", "NaCl", "NaCl3").decomposition_energies(ENERGIES[2:])
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == pytest.approx(-1.15)


def test_a_study_of_one_element():
    phases = phases_of("Ge2", "Ge8")
    assert np.isnan(phases.formation_energies(np.array([-4.4, -4.5]))).all()
    assert np.isnan(phases.decomposition_energies(np.array([-4.4, -4.5]))).all()


SYSTEM = ("Li", "Fe", "O2", "Li2O", "FeO", "Fe2O3", "Fe3O4", "LiFeO2", "Li5FeO4")
energies_of_system = st.lists(st.floats(-6, -1), min_size=len(SYSTEM), max_size=len(SYSTEM))


@given(energies_of_system)
@settings(deadline=None)
def test_agrees_with_pymatgen_where_all_elements_are_there(values):
    """Above the hull of all phases a phase decomposes by that much; else its own phase separation
    energy is not above 0."""
    energies = np.array(values)
    phases = phases_of(*SYSTEM)
    found = phases.decomposition_energies(energies)
    entries = [
        PDEntry(Composition(f), e * Composition(f).num_atoms)
        for f, e in zip(SYSTEM, energies, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    assert found[3:] == pytest.approx(
        [phases.decompose(i, energies)[0] for i in range(3, len(SYSTEM))], abs=1e-6
    )
    for i, entry in enumerate(entries[3:], start=3):
        above = diagram.get_e_above_hull(entry)
        if above > 1e-6:
            assert found[i] == pytest.approx(above, abs=1e-6)
        else:
            assert found[i] < 1e-6


TERNARY = ("Li", "Fe2", "O2", "O3", "Li2O", "LiO", "FeO", "Fe2O2", "LiFeO2", "Li2Fe2O4", "LiFeO3")
"""With polymorphs of oxygen, FeO and LiFeO2."""


@pytest.mark.parametrize("many_ways", [0, 2000])
@pytest.mark.parametrize("grid", [None, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_random_ternary_systems_agree_with_pymatgen(seed, grid, many_ways, monkeypatch):
    """Formation energies and Bartel's decomposition energies, of which pymatgen calls the latter
    phase separation energies; on a coarse grid many phases lie on one line or plane."""
    monkeypatch.setattr(stability, "_MANY_WAYS", many_ways)
    rng = np.random.default_rng(seed)
    parts = rng.choice(["train", "validation", "test"], len(TERNARY))
    phases = PhaseSet(
        [
            Phase(f"m{i}", f"f{i}", formula, fractions_of(formula), part)
            for i, (formula, part) in enumerate(zip(TERNARY, parts, strict=True))
        ]
    )
    assert phases.judged.tolist() == [
        part == "test" and len(phase.elements) > 1
        for part, phase in zip(parts, phases.phases, strict=True)
    ]
    labelled = rng.uniform(-5, -1, len(TERNARY))
    predicted = labelled + rng.normal(0, 0.3, len(TERNARY))
    for values in (labelled, predicted):
        energies = np.round(values / grid) * grid if grid else values
        entries = [
            PDEntry(Composition(formula), energy * Composition(formula).num_atoms)
            for formula, energy in zip(TERNARY, energies, strict=True)
        ]
        diagram = PhaseDiagram(entries)
        formation = phases.formation_energies(energies)
        decomposition = phases.decomposition_energies(energies)
        for i, entry in enumerate(entries):
            if not phases.judged[i]:
                assert np.isnan(formation[i])
                assert np.isnan(decomposition[i])
                continue
            assert formation[i] == pytest.approx(diagram.get_form_energy_per_atom(entry), abs=1e-9)
            _, separation = diagram.get_decomp_and_phase_separation_energy(entry)
            assert decomposition[i] == pytest.approx(separation, abs=1e-6)


def test_polymorphs_share_what_they_decompose_into():
    phases = phases_of(*BINARY, "NaCl", "Na2Cl2")
    assert phases.first_alike.tolist() == [0, 1, 2, 3, 4, 3, 3]
    energies = np.append(ENERGIES, [-2.9, -2.8])
    assert phases.decomposition_products(energies)[3:] == [["m2", "m4"], ["m1", "m3"]] + 2 * [
        ["m2", "m4"]
    ]


def test_phases_outside_the_test_part_compete_and_are_not_judged():
    parts = ("train", "validation", "train", "test", "train")
    phases = PhaseSet(
        [
            Phase(f"m{i}", f"f{i}", formula, fractions_of(formula), part)
            for i, (formula, part) in enumerate(zip(BINARY, parts, strict=True))
        ]
    )
    for found in (phases.formation_energies(ENERGIES), phases.decomposition_energies(ENERGIES)):
        assert np.isfinite(found).tolist() == [False, False, False, True, False]
    assert phases.decomposition_energies(ENERGIES)[3] == pytest.approx(-1.15)
    assert phases.n_compounds.tolist() == [1, 1, 1, 0, 1]


# Also energies on a coarse grid, of which many ways cost the same.
energies_and_ties = energies_of_system | st.lists(
    st.sampled_from([-3.0, -2.5, -2.0, -1.5, -1.0]), min_size=len(SYSTEM), max_size=len(SYSTEM)
)


@pytest.mark.parametrize("many_ways", [0, 2000])
@given(energies_and_ties)
def test_products_are_those_of_pymatgen(many_ways, values):
    energies = np.array(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stability, "_MANY_WAYS", many_ways)
        phases = phases_of(*SYSTEM)
        products = phases.decomposition_products(energies)
        assert products == [phases.decompose(i, energies)[1] for i in range(len(SYSTEM))]


@pytest.mark.parametrize("many_ways", [0, 2000])
def test_products_that_are_clear_need_no_pymatgen(many_ways, monkeypatch):
    """Its import alone takes longer than all else of Table 1."""
    monkeypatch.setattr(stability, "_MANY_WAYS", many_ways)
    monkeypatch.setattr(PhaseSet, "decompose", None)
    products = phases_of(*BINARY).decomposition_products(ENERGIES)
    assert products == [[], [], ["m0", "m3"], ["m2", "m4"], ["m1", "m3"]]
    # Without the elements, NaCl alone is made up of the others.
    products = phases_of(*BINARY[2:]).decomposition_products(ENERGIES[2:])
    assert products == [[], ["m0", "m2"], []]


@pytest.mark.parametrize("many_ways", [0, 2000])
def test_products_that_cost_the_same_are_left_to_pymatgen(many_ways, monkeypatch):
    """Na3Cl and NaCl3 lie on the line from Na to Cl."""
    monkeypatch.setattr(stability, "_MANY_WAYS", many_ways)
    asked = []
    monkeypatch.setattr(PhaseSet, "decompose", lambda _, i, __: asked.append(i) or (0.0, []))
    energies = np.array([-1.0, -2.2, -1.3, -3.0, -1.9])
    phases_of(*BINARY).decomposition_products(energies)
    assert asked == [3]


@given(energies_of_system)
@settings(deadline=None)
def test_hull_of_many_phases_is_that_of_few(values):
    """Qhull's, where the ways to make up a phase are too many to be tried one by one."""
    energies = np.array(values)
    tried = phases_of(*SYSTEM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stability, "_MANY_WAYS", 0)
        by_qhull = phases_of(*SYSTEM).decomposition_energies(energies)
    found = tried.decomposition_energies(energies)
    assert np.allclose(found, by_qhull, atol=1e-9, equal_nan=True)


def test_what_models_share_is_found_once(monkeypatch):
    """A hull for each of 50 models would take most of the time of Table 1."""
    phases = phases_of(*SYSTEM)
    phases.decomposition_energies(np.zeros(len(SYSTEM)))
    monkeypatch.setattr(np.linalg, "solve", None)
    monkeypatch.setattr("scipy.spatial.ConvexHull", None)
    found = phases.decomposition_energies(np.arange(len(SYSTEM)) - 9.0)
    assert np.isfinite(found[3:]).all()


@given(energies_of_system, st.lists(st.floats(-20, 20), min_size=94, max_size=94))
@settings(deadline=None)
def test_reference_energies_change_nothing(values, shifts):
    energies, shift = np.array(values), np.array(shifts)
    phases = phases_of(*SYSTEM)
    referenced = PhaseSet(phases.phases, reference=shift)
    moved = energies + phases.fractions @ shift
    for found, of_moved in (
        (phases.formation_energies(energies), phases.formation_energies(moved)),
        (phases.decomposition_energies(energies), referenced.decomposition_energies(moved)),
    ):
        assert np.allclose(found, of_moved, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("formula", [*SYSTEM, *BINARY, "C2H6O", "Ac3", "Fe12", "NaCl4Na3"])
def test_fractions_are_those_of_pymatgen(formula):
    found = fractions_of(formula)
    amounts = Composition(formula).get_el_amt_dict()
    assert {SYMBOLS[z] for z in np.flatnonzero(found)} == set(amounts)
    for symbol, amount in amounts.items():
        assert found[SYMBOLS.index(symbol)] == amount / sum(amounts.values())


@pytest.mark.parametrize("formula", ["", "Na(OH)2", "Na0.5Cl", "nacl", "Na Cl"])
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(ValueError, match="not a formula"):
        fractions_of(formula)


def test_each_material_is_its_lowest_frame(test_frames_of):
    table = test_frames_of({"NaCl": -3.0, "Na": -1.0})
    assert [(p.material_id, p.frame_id, p.part, p.energy) for p in lowest_phases(table)] == [
        ("Na", "Na-1", "test", -1.0),
        ("NaCl", "NaCl-1", "test", -3.0),
    ]
