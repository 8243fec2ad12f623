"""Where simulations start: the same structures and velocities for every model of a study."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk

from rungs.config.simulations import Crystal, Simulations, Starts
from rungs.errors import StudyError
from rungs.frames.distances import shortest_distance
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.table import iter_frames
from rungs.seeds import derive_seed
from rungs.splits.files import frame_ids, read_split

_FAR = 10.0
"""Å; no training frame is asked for distances beyond."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """One simulation that is to be run with every model."""

    temperature: float
    """K."""
    number: int
    """Among those at this temperature, from 0."""
    frame_id: str
    """The test frame, or the crystal, that it starts from."""
    atoms: Atoms
    """Periodic, without velocities."""
    seed: int
    """Of the initial velocities and of the thermostat's noise."""


def draw_starts(
    options: Simulations,
    frames: str | os.PathLike,
    split: str | os.PathLike,
    study_seed: int = 0,
) -> list[Start]:
    """Return the simulations of each model, temperature by temperature.

    Args:
        options: the section ``simulations``.
        frames: the target's frames.
        split: the study's split; only test frames are drawn.
        study_seed: the study's seed.

    Raises:
        StudyError: when there is no test frame, or none of the wanted groups.
    """
    wanted = options.starts
    candidates = [] if wanted.crystal else _candidates(wanted, frames, split)
    starts = []
    for temperature in options.temperatures:
        if wanted.crystal:
            chosen = [(_crystal_name(wanted.crystal), _crystal(wanted.crystal))] * wanted.number
        else:
            any_serves = wanted.temperature == "any"
            pool = candidates if any_serves else nearest(candidates, temperature)
            seed = derive_seed(study_seed, "simulation frames", temperature)
            order = np.random.default_rng(seed).permutation(len(pool))
            drawn = [pool[order[i % len(order)]] for i in range(wanted.number)]
            chosen = [(frame.frame_id, _atoms(frame, wanted.min_atoms)) for frame in drawn]
        for number, (name, atoms) in enumerate(chosen):
            seed = derive_seed(study_seed, "simulation velocities", temperature, number)
            starts.append(Start(temperature, number, name, atoms.copy(), seed))
    return starts


def shortest_in_training(frames: str | os.PathLike, split: str | os.PathLike) -> float:
    """Return the shortest distance between two atoms in the target's training frames, in Å.

    All training frames count, also for models that saw few of them: the criterion is physical
    and has to be the same for all models.

    Raises:
        StudyError: when there are no training frames.
    """
    train = set(frame_ids(read_split(split), "target", "train"))
    shortest = _FAR
    for frame in iter_frames(frames):
        if frame.frame_id in train and (found := shortest_distance(frame, shortest)):
            shortest = found[0]
    if not train:
        raise StudyError(f"{split}: the target has no training frames")
    return shortest


def _candidates(wanted: Starts, frames: str | os.PathLike, split: str | os.PathLike) -> list[Frame]:
    test = set(frame_ids(read_split(split), "target", "test"))
    found = sorted(
        (frame for frame in iter_frames(frames) if frame.frame_id in test),
        key=lambda frame: frame.frame_id,
    )
    if not found:
        raise StudyError(
            f"{frames}: the target has no test frames for simulations to start from; hold some "
            "out (split.test), or give simulations.starts.crystal"
        )
    if wanted.groups is None:
        return found
    chosen = [frame for frame in found if frame.group in wanted.groups]
    if not chosen:
        there = ", ".join(sorted({str(frame.group) for frame in found}))
        raise StudyError(
            f"simulations.starts.groups: no test frame of the target is of the groups "
            f"{', '.join(wanted.groups)}; there are {there}"
        )
    return chosen


def nearest(candidates: Sequence[Frame], temperature: float) -> list[Frame]:
    """Return the frames whose temperature is nearest, or all where frames tell none."""
    known = [frame for frame in candidates if frame.temperature is not None]
    if not known:
        return list(candidates)
    gap = min(abs(frame.temperature - temperature) for frame in known)
    return [frame for frame in known if abs(frame.temperature - temperature) == gap]


def _atoms(frame: Frame, min_atoms: int) -> Atoms:
    atoms = Atoms(frame.atomic_numbers, positions=frame.cart_coords, cell=frame.cell, pbc=True)
    return enlarged(atoms, min_atoms)


def enlarged(atoms: Atoms, min_atoms: int) -> Atoms:
    """Return the cell repeated along its shortest vector until it has ``min_atoms``."""
    while len(atoms) < min_atoms:
        times = np.ones(3, dtype=int)
        times[np.argmin(atoms.cell.lengths())] = 2
        atoms = atoms.repeat(times)
    return atoms


def _crystal(crystal: Crystal) -> Atoms:
    if crystal.element not in SYMBOLS:
        raise StudyError(
            f"simulations.starts.crystal.element: {crystal.element!r} is no element that CHGNet "
            "knows; give a symbol such as Ge"
        )
    cell = bulk(crystal.element, crystal.structure, a=crystal.lattice_constant, cubic=True)
    return cell.repeat(crystal.repeats)


def _crystal_name(crystal: Crystal) -> str:
    return f"{crystal.structure} {crystal.element}"
