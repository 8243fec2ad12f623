"""Sampled trajectories of the simulations that stayed stable, in one file of arrays."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.simulation.dynamics import Outcome

FORMAT = "rungs-trajectories-1"
_HEAD = ("seed", "temperature", "start", "interval_ps")


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """T samples of a stable simulation of n atoms, from the end of its thermalisation on."""

    seed: int
    """Of the model's run; -1 for the reference potential."""
    temperature: float
    """That of the thermostat, in K."""
    start: int
    """Number of the simulation among those at this temperature."""
    interval_ps: float
    """Time between two samples, in ps."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    cell: np.ndarray
    """(3, 3) lattice vectors as rows, in Å; the same at all times."""
    positions: np.ndarray
    """(T, n, 3) float32 in Å, not wrapped into the cell, so that they are continuous."""
    velocities: np.ndarray
    """(T, n, 3) float32 in Å/ps, without motion of the centre of mass."""


def stable_trajectories(
    outcomes: Sequence[Outcome], seed: int, interval_ps: float
) -> list[Trajectory]:
    """Return the trajectories of those simulations that stayed stable to their end."""
    return [
        Trajectory(
            seed=seed,
            temperature=outcome.start.temperature,
            start=outcome.start.number,
            interval_ps=interval_ps,
            atomic_numbers=outcome.start.atoms.numbers.astype(np.int64),
            cell=outcome.start.atoms.cell.array,
            positions=outcome.positions,
            velocities=outcome.velocities,
        )
        for outcome in outcomes
        if outcome.stable
    ]


def write_trajectories(path: str | os.PathLike, trajectories: Sequence[Trajectory]) -> None:
    """Write the trajectories, none or many, to a ``.npz`` file; whole or not at all."""
    arrays: dict[str, np.ndarray] = {"format": np.array(FORMAT)}
    for name in _HEAD:
        arrays[name] = np.array([getattr(t, name) for t in trajectories])
    for i, trajectory in enumerate(trajectories):
        for name in ("atomic_numbers", "cell", "positions", "velocities"):
            arrays[f"{name}_{i}"] = getattr(trajectory, name)
    with whole_file(path) as partial, open(partial, "wb") as handle:
        np.savez(handle, **arrays)


def read_trajectories(path: str | os.PathLike) -> Iterator[Trajectory]:
    """Yield the trajectories of a file; memory holds one at a time.

    Raises:
        StudyError: when the file is missing, damaged, or was not written by this module.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if "format" not in file or str(file["format"]) != FORMAT:
                raise StudyError(f"{path}: holds no trajectories of this version of Rungs")
            head = {name: file[name] for name in _HEAD}
            for i in range(len(head["seed"])):
                yield Trajectory(
                    seed=int(head["seed"][i]),
                    temperature=float(head["temperature"][i]),
                    start=int(head["start"][i]),
                    interval_ps=float(head["interval_ps"][i]),
                    atomic_numbers=file[f"atomic_numbers_{i}"],
                    cell=file[f"cell_{i}"],
                    positions=file[f"positions_{i}"],
                    velocities=file[f"velocities_{i}"],
                )
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file of trajectories") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StudyError(
            f"{path}: cannot be read ({error}); delete it and let the workflow make it again"
        ) from None
