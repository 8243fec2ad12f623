"""Classical dynamics: conserved energy, the wanted temperature, and phases that are checked."""

import numpy as np
import pytest
from ase import units
from ase.md.verlet import VelocityVerlet

from rungs.classical import calculator, crystal
from rungs.classical.dynamics import (
    Dynamics,
    NotThePhaseError,
    UnstableError,
    displacement,
    run,
    sample_liquid,
    sample_solid,
    thermalise,
)

DYNAMICS = Dynamics(timestep=2.0, relaxation_time=0.1)


@pytest.fixture
def silicon():
    atoms = crystal("stillinger_weber", "Si", 2)
    atoms.calc = calculator("stillinger_weber", "Si")
    return atoms


def test_energy_is_conserved_without_a_thermostat(silicon):
    thermalise(silicon, 1200, np.random.default_rng(1))
    swings = []
    for timestep in (2.0, 1.0):
        atoms = silicon.copy()
        atoms.calc = silicon.calc
        energies = []
        md = VelocityVerlet(atoms, timestep * units.fs)
        for _ in range(round(200 / timestep)):
            md.step()
            energies.append(atoms.get_total_energy() / len(atoms))
        swings.append(np.ptp(energies))
    # the swing of velocity Verlet goes with the square of the timestep
    assert swings[1] < 4e-4
    assert swings[0] / swings[1] == pytest.approx(4, rel=0.3)


def test_velocities_have_the_temperature_and_no_drift(silicon):
    found = []
    for seed in range(40):
        thermalise(silicon, 600, np.random.default_rng(seed))
        assert silicon.get_momenta().sum(axis=0) == pytest.approx(0, abs=1e-12)
        found.append(silicon.get_temperature())
    # without the motion of the whole, 3 of 192 degrees of freedom are still
    assert np.mean(found) == pytest.approx(600 * 189 / 192, rel=0.03)


def test_the_thermostat_keeps_the_temperature(silicon):
    rng = np.random.default_rng(2)
    thermalise(silicon, 900, rng)
    run(silicon, DYNAMICS, 900, 400, rng)
    found = []
    for _ in range(100):
        run(silicon, DYNAMICS, 900, 5, rng)
        found.append(silicon.get_temperature())
    assert np.mean(found) == pytest.approx(900, rel=0.06)


def test_a_timestep_that_is_too_long_is_told(silicon):
    dynamics = Dynamics(timestep=40.0, relaxation_time=1.0)
    rng = np.random.default_rng(3)
    thermalise(silicon, 300, rng)
    with pytest.raises(UnstableError, match=r"reached .* K in step \d+ at 300 K; use a shorter"):
        run(silicon, dynamics, 300, 2000, rng)


def test_a_drifting_crystal_is_not_displaced(silicon):
    sites = silicon.positions.copy()
    silicon.positions += [3.0, -2.0, 1.0]
    assert displacement(silicon, sites) == pytest.approx(0, abs=1e-9)
    silicon.positions[::2, 0] += 0.2
    assert displacement(silicon, sites) == pytest.approx(0.1)


def test_a_crystal_that_melts_is_no_solid(silicon):
    moments = sample_solid(silicon, DYNAMICS, 6000, 0.5, 0.2, 5, np.random.default_rng(4))
    with pytest.raises(NotThePhaseError, match="the crystal melted at 6000 K"):
        list(moments)


def test_what_stays_a_crystal_is_no_liquid(silicon):
    moments = sample_liquid(
        silicon, DYNAMICS, 300, (900, 0.5), 0.1, 0.1, 1, np.random.default_rng(5)
    )
    with pytest.raises(NotThePhaseError, match=r"did not melt in 0\.5 ps at 900 K"):
        list(moments)
