"""Distributions against what is known of gases and of perfect crystals."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.properties.distributions import angular_distribution, radial_distribution

A = 5.654
BOND = A * 3**0.5 / 4


def diamond(repeats=2):
    atoms = bulk("Ge", "diamond", a=A, cubic=True) * (repeats, repeats, repeats)
    return atoms.positions[None], atoms.cell.array


def gas(n=200, n_frames=20, length=14.0):
    rng = np.random.default_rng(1)
    return rng.uniform(0, length, (n_frames, n, 3)), np.eye(3) * length


def test_a_gas_without_forces_has_one_everywhere():
    positions, cell = gas()
    r, g = radial_distribution(positions, cell, r_max=9.0, n_bins=30)
    assert r[0] == pytest.approx(0.15)
    assert np.average(g, weights=r**2) == pytest.approx(1 - 1 / 200, abs=0.005)
    assert g[r > 3] == pytest.approx(1.0, abs=0.05)


def test_shells_of_diamond():
    """4 neighbours at √3/4 a, 12 at a/√2, 12 at √11/4 a."""
    positions, cell = diamond()
    edges_per_angstrom = 40
    r, g = radial_distribution(positions, cell, r_max=5.0, n_bins=5 * edges_per_angstrom)
    density = 8 / A**3
    edges = np.arange(0, 5 + 1e-9, 1 / edges_per_angstrom)
    counts = g * density * 4 / 3 * np.pi * np.diff(edges**3)
    shells = [(i, round(counts[i], 6)) for i in np.flatnonzero(counts)]
    assert [n for _, n in shells] == [4, 12, 12]
    for (i, _), distance in zip(shells, (BOND, A / 2**0.5, A * 11**0.5 / 4), strict=True):
        assert r[i] == pytest.approx(distance, abs=0.5 / edges_per_angstrom)


def test_angles_of_diamond_are_tetrahedral():
    positions, cell = diamond()
    angle, density = angular_distribution(positions, cell, bond=1.2 * BOND, n_bins=360)
    assert np.flatnonzero(density).tolist() == [np.argmax(density)]
    assert angle[np.argmax(density)] == pytest.approx(109.4712, abs=0.25)
    assert density.sum() * 0.5 == pytest.approx(1.0)


def test_angles_of_a_simple_cubic_crystal():
    """Each atom has 12 right angles and 3 straight ones."""
    cell = np.eye(3) * 9.0
    positions = np.stack(np.meshgrid(*[np.arange(3) * 3.0] * 3), axis=-1).reshape(1, -1, 3) + 0.1
    angle, density = angular_distribution(positions, cell, bond=3.3, n_bins=90)
    share = density * 2.0
    assert share[np.abs(angle - 90) < 2].sum() == pytest.approx(12 / 15)
    assert share[angle > 178].sum() == pytest.approx(3 / 15)


def test_without_bonds_there_are_no_angles():
    positions, cell = diamond()
    assert angular_distribution(positions, cell, bond=1.0)[1].tolist() == [0.0] * 90


@settings(max_examples=15, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-30, 30)] * 3),
    images=st.lists(st.integers(-2, 2), min_size=3, max_size=3),
)
def test_neither_shift_nor_wrapping_changes_anything(shift, images):
    positions, cell = gas(n=40, n_frames=1, length=8.0)
    moved = positions + np.array(shift)
    moved[:, ::2] += np.array(images) @ cell
    for function, options in (
        (radial_distribution, {"r_max": 6.0, "n_bins": 12}),
        (angular_distribution, {"bond": 2.5, "n_bins": 12}),
    ):
        before, after = function(positions, cell, **options), function(moved, cell, **options)
        assert np.abs(before[1] - after[1]).sum() <= 0.02 * before[1].sum()


def test_cells_of_their_own():
    """A crystal that grows has its shells at two distances."""
    positions, cell = diamond(1)
    both = np.concatenate([positions, 1.1 * positions])
    _, g = radial_distribution(both, np.stack([cell, 1.1 * cell]), r_max=3.0, n_bins=300)
    assert len(np.flatnonzero(g)) == 2


def test_no_frames():
    with pytest.raises(ValueError, match="at least one frame"):
        radial_distribution(np.empty((0, 4, 3)), np.eye(3), r_max=2.0)


def test_pairs_of_a_gas_of_two_kinds_and_their_weighted_sum():
    positions, cell = gas(n=120)
    one = np.arange(120) < 30
    options = {"r_max": 6.0, "n_bins": 20}
    r, mixed = radial_distribution(positions, cell, between=(one, ~one), **options)
    assert np.average(mixed, weights=r**2) == pytest.approx(1.0, abs=0.01)
    _, reversed_ = radial_distribution(positions, cell, between=(~one, one), **options)
    assert reversed_ == pytest.approx(mixed)
    _, every = radial_distribution(positions, cell, **options)
    parts = {True: one, False: ~one}
    total = sum(
        a.mean() * b.mean() * radial_distribution(positions, cell, between=(a, b), **options)[1]
        for a in parts.values()
        for b in parts.values()
    )
    assert total == pytest.approx(every)


def test_a_pair_without_atoms_is_refused():
    positions, cell = gas(n=10, n_frames=1)
    none = np.zeros(10, dtype=bool)
    with pytest.raises(ValueError, match="no atoms of such a pair"):
        radial_distribution(positions, cell, r_max=3.0, between=(none, ~none))
