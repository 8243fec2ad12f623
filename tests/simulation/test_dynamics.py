"""Dynamics side by side: ASE's own steps, canonical temperatures, and what ends a simulation."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.bussi import Bussi

from rungs.classical import calculator
from rungs.config.simulations import Simulations
from rungs.simulation import dynamics
from rungs.simulation.calculator import Forces, ModelForces, UnphysicalError
from rungs.simulation.dynamics import CalculatorForces, simulate
from rungs.simulation.initial_conditions import Start

SHORTEST = 2.4


def options(steps=20, **changes):
    times = {"duration": steps * 0.002, "thermalisation": 0.0, "sampling_interval": 0.002}
    return Simulations(**({"temperatures": [300.0], "timestep": 2.0} | times | changes))


def start(number=0, temperature=300.0, atoms=None, repeats=2):
    atoms = bulk("Cu", cubic=True).repeat(repeats) if atoms is None else atoms
    return Start(temperature, number, "crystal", atoms, 17 + number)


@pytest.fixture
def copper():
    return CalculatorForces(EMT())


def test_the_cut_step_is_ases(copper):
    """Same generator, same velocities, same degrees of freedom: the same trajectory."""
    (outcome,) = simulate(copper, [start()], options(), SHORTEST)
    atoms = start().atoms.copy()
    atoms.calc = EMT()
    random = np.random.default_rng(17)
    atoms.set_momenta(dynamics._thermal_momenta(atoms, 300.0, random))
    theirs = Bussi(atoms, 2 * units.fs, temperature_K=300, taut=100 * units.fs, rng=random)
    theirs.ndof = 3 * len(atoms) - 3
    theirs.target_kinetic_energy = 0.5 * theirs.ndof * units.kB * 300
    theirs.run(20)
    assert outcome.stable
    assert np.allclose(outcome.positions[-1], atoms.positions, atol=1e-5)
    assert np.allclose(outcome.velocities[-1], atoms.get_velocities() * 1000 * units.fs, atol=1e-4)
    assert outcome.heat == pytest.approx(theirs.transferred_energy / len(atoms), abs=1e-9)


def test_samples_are_in_the_units_that_they_say(copper):
    (outcome,) = simulate(copper, [start()], options(steps=30), SHORTEST)
    assert outcome.positions.shape == outcome.velocities.shape == (31, 32, 3)
    assert outcome.positions.dtype == np.float32
    by_positions = (outcome.positions[2:] - outcome.positions[:-2]) / 0.004
    assert np.allclose(by_positions, outcome.velocities[1:-1], atol=0.15)
    speed = np.sqrt(3 * units.kB * 300 / 63.546 / units._amu * units._e) / 100
    assert np.sqrt((outcome.velocities**2).sum(-1).mean()) == pytest.approx(speed, rel=0.4)
    assert np.abs(outcome.velocities.mean(axis=1)).max() < 1e-4
    every_third = options(steps=30, sampling_interval=0.006, thermalisation=0.012)
    (outcome,) = simulate(copper, [start()], every_third, SHORTEST)
    assert len(outcome.positions) == 1 + (30 - 6) // 3


def test_temperature_and_its_fluctuation_are_canonical():
    """Silicon, every second atom three times as heavy: mean, width, and both kinds alike.

    From a crystal without displacements all vibrations begin in phase; mixed by the thermostat of
    the start they no longer widen the fluctuation.
    """
    atoms = bulk("Si", "diamond", a=5.43, cubic=True).repeat((2, 2, 1))
    heavy = np.arange(len(atoms)) % 2 == 0
    atoms.set_masses(np.where(heavy, 84.0, 28.0))
    many = [start(i, 500.0, atoms) for i in range(4)]
    plan = options(
        steps=600, duration=1.2, thermalisation=0.3, thermostat_time=0.02, sampling_interval=0.01
    )
    silicon = CalculatorForces(calculator("stillinger_weber", "Si"))
    outcomes = simulate(silicon, many, plan, 2.2)
    assert all(outcome.stable for outcome in outcomes)
    velocities = np.concatenate([outcome.velocities for outcome in outcomes]).astype(float)
    masses = atoms.get_masses()[:, None] * units._amu
    energies = 0.5 * masses * (100 * velocities) ** 2 / units._k  # K
    freedom = 3 * len(atoms) - 3
    temperatures = 2 * energies.sum(axis=(1, 2)) / freedom
    assert temperatures.mean() == pytest.approx(500, rel=0.04)
    assert temperatures.std() / 500 == pytest.approx(np.sqrt(2 / freedom), rel=0.15)
    assert np.mean([o.mean_temperature for o in outcomes]) == pytest.approx(500, rel=0.04)
    for outcome in outcomes:
        # The heat of both thermostats is known: what is left is the error of the integration.
        assert outcome.heat > 0.03
        assert abs(outcome.energy_drift) < 2e-3
    of_heavy, of_light = energies[:, heavy].mean(), energies[:, ~heavy].mean()
    assert of_heavy / of_light == pytest.approx(1, abs=0.15)


def test_conserved_energy_is_conserved_by_a_model(small_model, shaken):
    plan = options(steps=100, temperatures=[300.0], thermostat_time=0.02)
    (outcome,) = simulate(ModelForces(small_model), [start(atoms=shaken(0))], plan, 0.1)
    assert outcome.stable, outcome.detail
    assert abs(outcome.heat) > 0.002
    assert abs(outcome.energy_drift) < 0.02 * abs(outcome.heat)


def test_the_others_go_on_when_one_breaks(copper):
    """Each goes as it would alone, whatever goes on beside it."""
    broken = start(1)
    broken.atoms.positions[1] = broken.atoms.positions[0] + [0.3, 0, 0]
    plan = options(criteria={"potential_energy": 100.0})
    beside = simulate(copper, [start(0), broken, start(2, 900.0)], plan, SHORTEST)
    assert [outcome.stable for outcome in beside] == [True, False, True]
    for i, one in ((0, start(0)), (2, start(2, 900.0))):
        (alone,) = simulate(copper, [one], plan, SHORTEST)
        assert np.array_equal(alone.positions, beside[i].positions)
        assert alone.mean_temperature == beside[i].mean_temperature
    assert not np.allclose(beside[0].velocities[0], beside[2].velocities[0])
    assert beside[1].reason == "distance"
    assert beside[1].stable_ps == 0
    assert "step 0: atoms 0 and 1 are 0.30 Å apart" in beside[1].detail


def test_groups_of_bounded_size_change_nothing(copper, monkeypatch):
    whole = simulate(copper, [start(i) for i in range(3)], options(steps=5), SHORTEST)
    seen = []

    def count(configurations):
        seen.append(len(configurations))
        return copper(configurations)

    monkeypatch.setattr(dynamics, "MAX_ATOMS", 64)
    parts = simulate(count, [start(i) for i in range(3)], options(steps=5), SHORTEST)
    assert set(seen) == {1, 2}
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one.positions, other.positions)


class Script:
    """A potential of flat energy that turns bad after some steps."""

    def __init__(self, steps, bad):
        self.calls, self.steps, self.bad = 0, steps, bad

    def __call__(self, configurations):
        self.calls += 1
        answer = self.bad if self.calls > self.steps + 1 else deeper(0.0)
        return [answer(atoms) for atoms in configurations]


def collapsed(atoms):
    forces = np.zeros((len(atoms), 3))
    forces[0], forces[1] = [400, 0, 0], [-400, 0, 0]
    return Forces(0.0, forces, None)


def heated(atoms):
    """Every atom is driven on along its way, and the energy does not pay for it."""
    return Forces(0.0, 0.5 * atoms.get_momenta(), None)


def deeper(by):
    return lambda atoms: Forces(-by * len(atoms), np.zeros((len(atoms), 3)), None)


def said(kind):
    return lambda _: UnphysicalError(kind, "in words")


LOOSE = {"potential_energy": 1e6, "conserved_energy": 1e6}
ENDS = {
    "potential_energy": (deeper(1.5), {"conserved_energy": 1e6}),
    "conserved_energy": (deeper(0.1), {}),
    "distance": (collapsed, LOOSE | {"temperature_factor": 1e6}),
    "temperature": (heated, LOOSE),
    "not_finite": (said("not_finite"), {}),
    "lost_neighbours": (said("lost_neighbours"), {}),
}


@pytest.mark.parametrize("reason", ENDS)
def test_what_ends_a_simulation(reason):
    bad, criteria = ENDS[reason]
    (outcome,) = simulate(Script(5, bad), [start()], options(steps=40, criteria=criteria), 2.0)
    assert outcome.reason == reason
    assert not outcome.stable
    assert outcome.planned_ps == pytest.approx(0.080)
    assert 0.010 <= outcome.stable_ps < 0.080
    assert outcome.detail.startswith(f"step {round(outcome.stable_ps / 0.002) + 1}: ")
    if reason not in ("distance", "temperature"):
        assert outcome.stable_ps == pytest.approx(0.010)


def test_nothing_else_ends_it():
    (outcome,) = simulate(Script(100, None), [start()], options(steps=40), 2.0)
    assert outcome.stable, outcome.detail
    assert outcome.stable_ps == outcome.planned_ps == pytest.approx(0.080)
    assert outcome.mean_temperature > 0


def test_temperatures_count_after_thermalisation():
    """A start far too hot is given the time to cool; a few atoms the width of their fluctuation."""
    plan = options(steps=40, criteria=LOOSE, thermalisation=0.05)
    (outcome,) = simulate(Script(0, heated), [start()], plan, 1.0)
    assert outcome.reason == "temperature"
    assert outcome.stable_ps >= 0.048
    assert outcome.mean_temperature is None
    few = dynamics._Run(start(atoms=bulk("Cu", cubic=True)), options(), SHORTEST)
    many = dynamics._Run(start(), options(), SHORTEST)
    assert many._hottest == 600
    assert few._hottest == pytest.approx(300 * (1 + 6 * np.sqrt(2 / 9)))


def test_a_calculator_that_answers_nonsense(copper):
    atoms = start().atoms.copy()
    atoms.positions[3, 1] = np.inf
    (answer,) = copper([atoms])
    assert answer.kind == "not_finite"

    class Broken(EMT):
        def calculate(self, *args):
            super().calculate(*args)
            self.results["forces"][0] = np.nan

    (answer,) = CalculatorForces(Broken())([start().atoms])
    assert answer.kind == "not_finite"
