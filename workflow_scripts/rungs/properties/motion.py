"""Properties of atoms in motion, from simulations that stayed stable.

A broken simulation has no properties: what it says of distances and vibrations is said by its
stable time. Curves are kept for each start, so that a model is compared with the reference over
the very starts that it survived.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from rungs.config.properties import Properties
from rungs.evaluation.tables import read_rows
from rungs.frames.elements import SYMBOLS
from rungs.properties.curves import Curve
from rungs.properties.distributions import angular_distribution, radial_distribution
from rungs.properties.quantities import kind_and_pair
from rungs.properties.static import Found, Value
from rungs.properties.vibrations import vibrational_density_of_states
from rungs.simulation.trajectories import Trajectory, read_trajectories


class Snapshots(Protocol):
    """What has positions: a simulation, or frames."""

    atomic_numbers: np.ndarray
    """(n,)."""
    cell: np.ndarray
    """(3, 3) or (T, 3, 3) lattice vectors as rows, in Å."""
    positions: np.ndarray
    """(T, n, 3) in Å."""


class Simulated(NamedTuple):
    """How many simulations there were, and what is left of them."""

    n_runs: dict[tuple[int, float], int]
    """By the model's seed and the temperature in K, broken ones included."""
    trajectories: list[Trajectory]
    """Those that stayed stable."""

    @classmethod
    def read(cls, table: str | os.PathLike, trajectories: str | os.PathLike) -> "Simulated":
        """Return the simulations of the models, or of the reference, in these two files.

        Raises:
            StudyError: when one of them cannot be read.
        """
        n_runs: dict[tuple[int, float], int] = {}
        for row in read_rows(table):
            key = int(row["seed"]), float(row["temperature_k"])
            n_runs[key] = n_runs.get(key, 0) + 1
        return cls(n_runs, list(read_trajectories(trajectories)))

    def of(self, seed: int) -> "Simulated":
        """Those of one model."""
        return Simulated(
            {key: n for key, n in self.n_runs.items() if key[0] == seed},
            [run for run in self.trajectories if run.seed == seed],
        )


def dynamic_properties(simulated: Simulated, bond: float | None, options: Properties) -> Found:
    """Return the dynamic properties of one model: a curve for each start and temperature.

    Args:
        simulated: the model's own.
        bond: atoms nearer than this are neighbours, in Å; None where no property asks.
        options: the section ``properties``.
    """
    values, curves = [], []
    for name in options.dynamic:
        for (_, temperature), n_runs in sorted(simulated.n_runs.items(), key=lambda item: item[0]):
            runs = [run for run in simulated.trajectories if run.temperature == temperature]
            found, faults = _curves(name, runs, bond, options)
            note = "; ".join([f"{len(runs)} of {n_runs} simulations stable", *faults])
            values.append(Value(name, None, note, temperature, failed=not found))
            curves += found
    return Found(values, curves)


def _curves(
    name: str, runs: Sequence[Trajectory], bond: float | None, options: Properties
) -> tuple[list[Curve], list[str]]:
    found, faults = [], []
    kind, pair = kind_and_pair(name)
    for run in runs:
        try:
            x, y = CALCULATIONS[kind](run, pair, bond, options)
        except ValueError as fault:  # too few samples
            faults.append(f"start {run.start}: {fault}")
        else:
            found.append(Curve(name, x, y, series=run.start, temperature_k=run.temperature))
    return found, faults


def halves(run: Trajectory) -> tuple[Trajectory, Trajectory]:
    """Return the first and the second half of a simulation."""
    middle = len(run.positions) // 2
    return (
        replace(run, positions=run.positions[:middle], velocities=run.velocities[:middle]),
        replace(run, positions=run.positions[middle:], velocities=run.velocities[middle:]),
    )


def distances(
    snapshots: Snapshots, pair: str, _: float | None, options: Properties
) -> tuple[np.ndarray, np.ndarray]:
    """Return the radial distribution of a simulation or of frames, as
    :func:`rungs.properties.distributions.radial_distribution` does.

    Args:
        snapshots: of one composition, their atoms in one order.
        pair: two elements such as ``Na-Cl``; empty for all atoms.
        options: the section ``properties``.

    Raises:
        ValueError: without atoms of the pair.
    """
    between = None
    if pair:
        one, other = (snapshots.atomic_numbers == 1 + SYMBOLS.index(e) for e in pair.split("-"))
        between = one, other
    return radial_distribution(
        snapshots.positions, snapshots.cell, r_max=options.largest_distance, between=between
    )


def angles(
    snapshots: Snapshots, _: str, bond: float, __: Properties
) -> tuple[np.ndarray, np.ndarray]:
    """Return the angular distribution of a simulation or of frames; the arguments are those of
    :func:`distances`, and the length of a bond in Å."""
    return angular_distribution(snapshots.positions, snapshots.cell, bond=bond)


def _vibrations(
    run: Trajectory, _: str, __: float | None, options: Properties
) -> tuple[np.ndarray, np.ndarray]:
    from ase.data import atomic_masses

    return vibrational_density_of_states(
        run.velocities,
        run.interval_ps,
        atomic_masses[run.atomic_numbers],
        resolution=options.frequency_resolution,
    )


CALCULATIONS: dict[
    str, Callable[[Trajectory, str, float | None, Properties], tuple[np.ndarray, np.ndarray]]
] = {
    "radial_distribution": distances,
    "angular_distribution": angles,
    "vibrational_density_of_states": _vibrations,
}
