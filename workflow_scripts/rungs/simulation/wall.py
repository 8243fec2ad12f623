"""A wall where the data end.

Frames from simulations hold no two atoms closer than thermal motion brings them, so a network
learns no repulsion there, and may have holes behind a barrier that a long simulation gets over: in
water two hydrogen atoms of different molecules fall into each other. A wall for each pair of
elements begins where the training frames end, at their shortest distance: it changes neither energy
nor force of any configuration like those that a model was trained and tested on.
"""

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ase import Atoms

from rungs.frames.distances import neighbours
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.table import iter_frames
from rungs.simulation.calculator import Forces, UnphysicalError
from rungs.splits.files import frame_ids, read_split

FARTHEST = 3.0
"""Å; pairs of elements that never come so close need no wall, and have none."""

Pair = tuple[int, int]
"""Atomic numbers, the smaller one first."""


def shortest_by_pair(frames: str | os.PathLike, split: str | os.PathLike) -> dict[Pair, float]:
    """Return the shortest distance of each pair of elements in the target's training frames, in Å,
    where it is below ``FARTHEST``."""
    train = set(frame_ids(read_split(split), "target", "train"))
    nearest = np.full((MAX_ATOMIC_NUMBER + 1,) * 2, FARTHEST)
    for frame in iter_frames(frames, train):
        first, second, distances = neighbours("ijd", frame.cart_coords, frame.cell, FARTHEST)
        numbers = frame.atomic_numbers
        low, high = np.sort([numbers[first], numbers[second]], axis=0)
        np.minimum.at(nearest, (low, high), distances)
    return {(int(a), int(b)): float(nearest[a, b]) for a, b in np.argwhere(nearest < FARTHEST)}


class Walled:
    """Energies and forces of a potential with walls between atoms: ½·k·(d₀ − d)² for each two that
    are closer than the shortest distance d₀ of their elements.

    Args:
        evaluate: the potential, as :func:`rungs.simulation.dynamics.simulate` takes it.
        shortest: d₀ in Å, of :func:`shortest_by_pair`; other pairs have no wall.
        stiffness: k in eV/Å².
    """

    def __init__(
        self,
        evaluate: Callable[[Sequence[Atoms]], list[Forces | UnphysicalError]],
        shortest: Mapping[Pair, float],
        stiffness: float,
    ) -> None:
        self._evaluate, self._stiffness = evaluate, stiffness
        self._from = np.zeros((MAX_ATOMIC_NUMBER + 1,) * 2)
        for (a, b), distance in shortest.items():
            self._from[a, b] = self._from[b, a] = distance
        self._reach = float(self._from.max(initial=0.0))

    def __call__(self, configurations: Sequence[Atoms]) -> list[Forces | UnphysicalError]:
        """Return, for each configuration, its forces, or why it has none."""
        answers = self._evaluate(configurations)
        return [
            self._with_walls(atoms, answer) if isinstance(answer, Forces) else answer
            for atoms, answer in zip(configurations, answers, strict=True)
        ]

    def _with_walls(self, atoms: Atoms, answer: Forces) -> Forces:
        if not self._reach:
            return answer
        first, second, distances, vectors = neighbours(
            "ijdD", atoms.positions, atoms.cell.array, self._reach
        )
        into = self._from[atoms.numbers[first], atoms.numbers[second]] - distances
        inside = into > 0
        if not inside.any():
            return answer
        first, into = first[inside], into[inside]
        # each pair is there twice, once from either atom
        energy = answer.energy + 0.25 * self._stiffness * float(np.square(into).sum())
        away = -vectors[inside] / distances[inside][:, None]
        forces = answer.forces.copy()
        np.add.at(forces, first, self._stiffness * into[:, None] * away)
        return Forces(energy, forces, answer.stress)
