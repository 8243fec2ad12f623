"""Distances and angles in the target's own frames, which simulations are compared with.

Frames that are snapshots of dynamics show where atoms stand at the level of the labels, as far as
what drove that dynamics did; no potential has to be run for it.
"""

import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import chain
from math import gcd
from typing import NamedTuple

import numpy as np

from rungs.config.properties import Properties
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.table import iter_frames
from rungs.properties.compare import mean_curves
from rungs.properties.curves import Curve, difference
from rungs.properties.motion import angles, distances
from rungs.properties.quantities import kind_and_pair
from rungs.properties.static import Found, Value
from rungs.simulation.initial_conditions import Start, nearest

_CALCULATIONS = {"radial_distribution": distances, "angular_distribution": angles}
"""Those that need positions alone."""


class _Snapshots(NamedTuple):
    atomic_numbers: np.ndarray
    cell: np.ndarray
    positions: np.ndarray


def distributions_of_frames(
    frames: str | os.PathLike, starts: Sequence[Start], bond: float | None, options: Properties
) -> tuple[Found, dict[tuple[str, float], float]]:
    """Return for each start and temperature the distributions in the frames of its composition,
    and how well so many frames determine them.

    Args:
        frames: the target's.
        starts: of the simulations.
        bond: atoms nearer than this are neighbours, in Å; None where no property asks.
        options: the section ``properties``.

    Returns:
        The curves, and by property and temperature the error of chance: the difference between
        the first and the second half of the frames divided by √2, as whole ones are twice as many.
    """
    names = [name for name in options.dynamic if kind_and_pair(name)[0] in _CALCULATIONS]
    wanted = {_composition(start.atoms.numbers) for start in starts}
    alike: dict[tuple, list[Frame]] = {composition: [] for composition in wanted}
    for frame in iter_frames(frames):
        if (composition := _composition(frame.atomic_numbers)) in wanted:
            alike[composition].append(frame)

    @cache  # starts and temperatures share frames
    def of_frame(name: str, frame: Frame) -> Curve | None:
        return _curve(name, frame, bond, options)

    values, curves, chance = [], [], {}
    for name in names:
        for temperature in dict.fromkeys(start.temperature for start in starts):
            of_starts, halves, notes = [], [], {}
            for start in (s for s in starts if s.temperature == temperature):
                composition = _composition(start.atoms.numbers)
                own = nearest(alike[composition], temperature)
                found = [curve for frame in own if (curve := of_frame(name, frame)) is not None]
                notes[_formula(composition)] = len(own)
                of_starts += [
                    curve._replace(series=start.number, temperature_k=temperature)
                    for curve in mean_curves(found)
                ]
                middle = len(found) // 2
                if middle:
                    halves.append((mean_curves(found[:middle]), mean_curves(found[middle:])))
            note = ", ".join(f"{n} frames of {formula}" for formula, n in notes.items())
            values.append(Value(name, None, note, temperature, failed=not of_starts))
            curves += of_starts
            if halves:
                ones, others = (
                    mean_curves(list(chain(*half))) for half in zip(*halves, strict=True)
                )
                chance[name, temperature] = difference(ones, others) / 2**0.5
    return Found(values, curves), chance


def _curve(name: str, frame: Frame, bond: float | None, options: Properties) -> Curve | None:
    """The distribution in one frame; None where it has no atoms of the pair."""
    kind, pair = kind_and_pair(name)
    snapshot = _Snapshots(frame.atomic_numbers, frame.cell, frame.cart_coords[None])
    try:
        x, y = _CALCULATIONS[kind](snapshot, pair, bond, options)
    except ValueError:
        return None
    return Curve(name, x, y)


def _composition(numbers: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Atomic numbers with their smallest whole proportions: an enlarged cell has the same."""
    counts = Counter(np.asarray(numbers).tolist())
    divisor = gcd(*counts.values())
    return tuple((z, n // divisor) for z, n in sorted(counts.items()))


def _formula(composition: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{SYMBOLS[z - 1]}{n}" for z, n in composition)
