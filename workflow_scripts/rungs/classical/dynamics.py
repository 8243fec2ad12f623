"""Molecular dynamics at constant temperature and volume, and whether the sample stayed what it was.

The integrator is Langevin's equation in BAOAB form (B. Leimkuhler and C. Matthews, J. Chem. Phys.
138, 174102 (2013)), which samples positions well at long steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.md.langevinbaoab import LangevinBAOAB

MELTED = 0.35
"""Root-mean-square displacement from the lattice sites, in bond lengths, from which on a crystal
counts as melted. Crystals melt when thermal motion reaches 0.1 to 0.2 (Lindemann)."""
LIQUID = 1.0
"""The same, from which on it is a liquid beyond doubt: every atom has left its site."""
RUNAWAY = 20.0
"""Times the wanted temperature at which a run has blown up."""


class UnstableError(Exception):
    """A run's atoms became too fast, as they do when the timestep is too long."""


class NotThePhaseError(Exception):
    """A crystal melted, or what was to be molten did not melt."""


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How a run is integrated."""

    timestep: float
    """fs."""
    relaxation_time: float
    """ps."""

    def steps(self, duration: float) -> int:
        """Number of steps in ``duration``, in ps."""
        return round(duration * 1000 / self.timestep)


def run(
    atoms: Atoms, dynamics: Dynamics, temperature: float, steps: int, rng: np.random.Generator
) -> None:
    """Move ``atoms``, which have a calculator and velocities, on by ``steps`` at ``temperature``
    (K).

    Raises:
        UnstableError: when the atoms became faster than any thermal motion.
    """
    md = LangevinBAOAB(
        atoms,
        dynamics.timestep * units.fs,
        temperature_K=temperature,
        T_tau=dynamics.relaxation_time * 1000 * units.fs,
        rng=rng,
        # of a fixed cell no pressure is asked; this spares a matrix exponential in every step
        hydrostatic=True,
    )
    for step in range(1, steps + 1):
        md.step()
        found = atoms.get_temperature()
        if not found < RUNAWAY * max(temperature, 300.0):
            raise UnstableError(
                f"the atoms reached {found:.3g} K in step {step} at {temperature:g} K; use a "
                f"shorter timestep than {dynamics.timestep:g} fs"
            )


def thermalise(atoms: Atoms, temperature: float, rng: np.random.Generator) -> None:
    """Draw velocities of ``temperature`` (K), without motion of the whole."""
    scale = np.sqrt(atoms.get_masses() * units.kB * temperature)[:, None]
    momenta = scale * rng.normal(size=(len(atoms), 3))
    atoms.set_momenta(momenta - momenta.mean(axis=0))


def displacement(atoms: Atoms, sites: np.ndarray) -> float:
    """Root-mean-square displacement in Å of the atoms, unwrapped, from (n, 3) ``sites``, without
    drift of the whole."""
    moved = atoms.positions - sites
    moved -= moved.mean(axis=0)
    return float(np.sqrt(np.square(moved).sum(axis=1).mean()))


def sample_solid(
    atoms: Atoms,
    dynamics: Dynamics,
    temperature: float,
    equilibration: float,
    interval: float,
    n_frames: int,
    rng: np.random.Generator,
) -> Iterator[Atoms]:
    """Yield ``atoms`` (the same object, moving on) at each of ``n_frames`` times.

    Args:
        atoms: the crystal on its lattice sites, with a calculator.
        dynamics: how to integrate.
        temperature: K.
        equilibration: time before the first frame, in ps.
        interval: time between frames, in ps.
        n_frames: how many.
        rng: for velocities and thermostat.

    Raises:
        UnstableError: when the atoms became faster than any thermal motion.
        NotThePhaseError: when the crystal melted.
    """
    sites, bond = atoms.positions.copy(), nearest(atoms)
    thermalise(atoms, temperature, rng)
    run(atoms, dynamics, temperature, dynamics.steps(equilibration), rng)
    for _ in range(n_frames):
        run(atoms, dynamics, temperature, dynamics.steps(interval), rng)
        if (moved := displacement(atoms, sites)) > MELTED * bond:
            raise NotThePhaseError(
                f"the crystal melted at {temperature:g} K: its atoms are {moved:.2g} Å from their "
                f"sites, where {MELTED * bond:.2g} Å are allowed; lower solid.temperatures, or "
                "declare the temperature as liquid"
            )
        yield atoms


def sample_liquid(
    atoms: Atoms,
    dynamics: Dynamics,
    temperature: float,
    melt: tuple[float, float],
    equilibration: float,
    interval: float,
    n_frames: int,
    rng: np.random.Generator,
) -> Iterator[Atoms]:
    """As :func:`sample_solid`, for a crystal that is melted first.

    Args:
        melt: temperature in K and duration in ps of the melting.

    Raises:
        UnstableError: when the atoms became faster than any thermal motion.
        NotThePhaseError: when the crystal did not melt.
    """
    sites, bond = atoms.positions.copy(), nearest(atoms)
    thermalise(atoms, melt[0], rng)
    run(atoms, dynamics, melt[0], dynamics.steps(melt[1]), rng)
    if (moved := displacement(atoms, sites)) < LIQUID * bond:
        raise NotThePhaseError(
            f"the crystal did not melt in {melt[1]:g} ps at {melt[0]:g} K: its atoms are "
            f"{moved:.2g} Å from their sites, where {LIQUID * bond:.2g} Å are needed; raise "
            "liquid.melt_temperature or liquid.melt_duration"
        )
    run(atoms, dynamics, temperature, dynamics.steps(equilibration), rng)
    for _ in range(n_frames):
        run(atoms, dynamics, temperature, dynamics.steps(interval), rng)
        yield atoms


def nearest(atoms: Atoms) -> float:
    """Shortest distance between two atoms, in Å."""
    from matscipy.neighbours import neighbour_list

    return float(neighbour_list("d", atoms, 4.0).min())
