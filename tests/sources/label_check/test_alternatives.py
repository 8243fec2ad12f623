"""Readings that explain pairs of frames better than the declared one does."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.sources.label_check.alternatives import (
    ORDERS,
    VASP,
    VOIGT,
    better_reading,
    in_order,
    is_told,
    places,
)
from rungs.sources.label_check.pairs import Pairs
from rungs.sources.label_check.units import HARTREE, HARTREE_BOHR


def made(count=80, seed=0, noise=0.1, forces=True, stress=True, n_atoms=8):
    """Pairs whose energies are the work, up to a noise that is a part of both works."""
    random = np.random.default_rng(seed)
    by_forces = random.normal(size=count) * forces
    stresses, strain = random.normal(size=(2, count, 6)) * stress
    work = by_forces + (stresses * strain).sum(axis=1)
    return Pairs(
        energy=work + noise * random.normal(size=count),
        by_forces=by_forces,
        stress=stresses,
        strain=strain,
        n_atoms=np.full(count, float(n_atoms)),
    )


def read_in(pairs, order):
    """The pairs as they are read where the six numbers stand in ``order``."""
    return dataclasses.replace(pairs, stress=pairs.stress[:, np.argsort(places(order))])


def test_orders_are_undone():
    numbers = np.array([1.0, 2, 3, 4, 5, 6])
    assert in_order(numbers, VOIGT).tolist() == [1, 2, 3, 4, 5, 6]
    assert in_order(numbers, VASP).tolist() == [1, 2, 3, 5, 6, 4]  # xx yy zz xy yz zx
    assert in_order(numbers, "xx xy xz yy yz zz").tolist() == [1, 4, 6, 5, 3, 2]
    for order in ORDERS:
        there = numbers[np.argsort(places(order))]
        assert in_order(there, order).tolist() == numbers.tolist()


@pytest.mark.parametrize("order", ORDERS[1:])
def test_another_order_of_the_stress_is_named(order):
    found = better_reading(read_in(made(), order))
    assert found.order == order
    assert found.label == "stress"
    assert f"the order {order}" in found.words
    assert found.n_better > 0.9 * found.n_pairs


@pytest.mark.parametrize("factor", [-1.0, 10.0, -0.1])
def test_an_order_is_found_under_a_wrong_unit_and_sign(factor):
    pairs = read_in(made(), VASP)
    found = better_reading(dataclasses.replace(pairs, stress=pairs.stress * factor))
    assert found.order == VASP


@pytest.mark.parametrize(
    ("forces", "stress", "energy", "label", "words"),
    [
        (-1, 1, 1, "forces", "the sign looks like the other one"),
        (1, -1, 1, "stress", "the sign looks like the other one"),
        (1, 1, -1, "energies", "the sign looks like the other one"),
        (1, 10, 1, "stress", "a stress in kbar that is read as GPa"),
        (1, -0.1, 1, "stress", "a stress in GPa that is read as kbar with the other sign"),
        (1e3, 1, 1, "forces", "forces in meV/Å that are read as eV/Å"),
        (1 / HARTREE_BOHR, 1, 1, "forces", "forces in Ha/Bohr that are read as eV/Å"),
        (1, 1, HARTREE, "energies", "energies in eV that are read as Ha"),
        (1, 1, 1 / 8, "energies", "energies per atom that are read as totals"),
        (1, 1, 8, "energies", "totals that are read as energies per atom"),
    ],
)
def test_wrong_units_and_signs_are_named(forces, stress, energy, label, words):
    pairs = made()
    found = better_reading(
        Pairs(
            pairs.energy * energy,
            pairs.by_forces * forces,
            pairs.stress * stress,
            pairs.strain,
            pairs.n_atoms,
        )
    )
    assert found.label == label
    assert found.words.endswith(words)


def test_energies_per_atom_among_frames_of_different_size():
    pairs = made(n_atoms=1)
    n_atoms = np.where(np.arange(len(pairs)) % 2, 4.0, 60.0)
    pairs = dataclasses.replace(pairs, n_atoms=n_atoms, energy=pairs.energy / n_atoms)
    assert better_reading(pairs).words == "they look like energies per atom that are read as totals"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 200),
    noise=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
    forces=st.booleans(),
    stress=st.booleans(),
)
def test_sound_labels_and_noise_have_no_better_reading(seed, count, noise, forces, stress):
    assert better_reading(made(count, seed, noise, forces, stress)) is None


def test_few_pairs_tell_nothing():
    assert better_reading(read_in(made(10), VASP)) is None
    assert better_reading(made(0)) is None


def test_a_label_is_told_only_where_its_sign_matters():
    assert is_told(made(), "forces")
    assert is_told(made(), "stress")
    assert not is_told(made(stress=False), "stress")
    assert not is_told(made(noise=10.0), "forces")
    assert not is_told(made(8), "forces")
    flipped = made()
    flipped = dataclasses.replace(flipped, by_forces=-flipped.by_forces)
    assert not is_told(flipped, "forces")
