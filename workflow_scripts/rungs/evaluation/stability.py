"""Formation and decomposition energies of the test compounds, true and predicted.

Every material is one phase: its frame of lowest labelled energy. The same frames, with predicted
energies, are the phases that a model sees, so that true and predicted values belong to the same
structures. Elements get their energy from the phases too: the lowest elemental one, labelled for
the true values and predicted for the predicted ones. Test compounds are judged; the phases of all
materials that are given compete with them, whichever part they are in.
"""

import math
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd

from rungs.frames.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER

_UNREACHABLE = 50.0
"""eV/atom above the reference energy: where a phase diagram gets a corner that no phase stands at.
A phase that others make up by themselves never comes near it."""
_SAME = 1e-6
"""Fractions that differ by less belong to one composition."""
_FLAT, _ROUNDING = 1e-10, 1e-9
"""Determinants below the first count as 0, as do amounts down to minus the second."""
_MANY_WAYS = 2000
"""Ways to make up one phase; to find more of them takes longer than their hulls."""
_TIE = 1e-6
"""eV/atom; of ways that are nearer to the cheapest, rounding would say which it is."""
_FORMULA = re.compile(r"([A-Z][a-z]?)([0-9]*)")


class Phase(NamedTuple):
    """One material as a phase diagram sees it."""

    material_id: str
    frame_id: str
    formula: str
    fractions: np.ndarray
    """(94,) atomic fractions."""
    part: str = "test"
    """The material's part of the split: train, validation or test."""
    energy: float = math.nan
    """Labelled energy of the frame in eV/atom."""

    @property
    def elements(self) -> np.ndarray:
        """Columns of the elements that the phase holds."""
        return np.flatnonzero(self.fractions)


class PhaseSet:
    """Materials as competing phases. Energies come per call, one a phase, in eV/atom.

    Args:
        phases: one for each material.
        reference: (94,) any elemental energies in eV/atom. They do not change results: they
            bring the energies close to 0 before a hull is made.
    """

    def __init__(self, phases: Sequence[Phase], reference: np.ndarray | None = None) -> None:
        self.phases = list(phases)
        self.fractions = np.array([p.fractions for p in phases]).reshape(-1, MAX_ATOMIC_NUMBER)
        self._reference = np.zeros(MAX_ATOMIC_NUMBER) if reference is None else reference
        self._held = self.fractions > 0
        self._elements = [np.flatnonzero(held) for held in self._held]
        self._bits = _bits_of(self._held)
        self.is_compound = self._held.sum(axis=1) > 1
        tested = np.array([p.part == "test" for p in phases], dtype=bool)
        self.judged = self.is_compound & tested
        """(n,) whether a phase is a test compound, whose stability is asked for."""
        self.first_alike = np.arange(len(self.phases))
        """(n,) of each judged phase, the first judged one of its composition, which decomposes
        into the same."""
        self._by_rarest = self._sorted_by_rarest()
        self.competing = [np.array([], dtype=int)] * len(self.phases)
        """Of each judged phase, the phases that it can decompose into; empty where they cannot
        make up its composition."""
        known: dict[bytes, int] = {}
        for i in np.flatnonzero(self.judged):
            # equal ratios of whole numbers are equal to the last digit
            first = known.setdefault(self.fractions[i].tobytes(), i)
            self.first_alike[i] = first
            self.competing[i] = self._competing(i) if first == i else self.competing[first]

    @property
    def n_compounds(self) -> np.ndarray:
        """(n,) judged phases that each phase competes with."""
        return np.bincount(
            np.concatenate([np.array([], dtype=int), *self.competing]), minlength=len(self.phases)
        )

    def _sorted_by_rarest(self) -> list[np.ndarray]:
        """Of each element, the phases in which it is the rarest: every phase of a chemical system
        is among those of the system's elements, and they are few."""
        counts = self._held.sum(axis=0, dtype=np.int32)
        rarest = np.where(self._held, counts, np.iinfo(np.int32).max).argmin(axis=1)
        order = np.argsort(rarest, kind="stable")
        return np.split(order, np.searchsorted(rarest[order], np.arange(1, MAX_ATOMIC_NUMBER)))

    def _competing(self, i: int) -> np.ndarray:
        """Phases within the chemical system of phase i that have another composition."""
        near = np.sort(np.concatenate([self._by_rarest[z] for z in self._elements[i]]))
        inside = near[~(self._bits[near] & ~self._bits[i]).any(axis=1)]
        others = inside[np.abs(self.fractions[inside] - self.fractions[i]).max(axis=1) >= _SAME]
        shares = self.fractions[np.ix_(others, self._elements[i])].T
        if not (shares > 0).any(axis=1).all():
            return np.array([], dtype=int)
        if (shares == 1).any(axis=1).all():
            return others  # its elements make up anything
        from scipy.optimize import nnls

        _, left = nnls(shares, self.fractions[i, self._elements[i]])
        return others if left < _SAME else np.array([], dtype=int)

    def elemental_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (94,) energies of the lowest elemental phases in eV/atom; NaN where none is."""
        found = np.full(MAX_ATOMIC_NUMBER, np.nan)
        for i in np.flatnonzero(~self.is_compound):
            z = self._elements[i][0]
            found[z] = np.fmin(found[z], energies[i])
        return found

    def formation_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (n,) E − Σ x·E(element) in eV/atom; NaN for phases that are not judged, and where
        an element of the phase has no elemental phase."""
        elemental = self.elemental_energies(energies)
        needed = np.where(self._held, elemental, 0.0)
        formation = energies - (self.fractions * needed).sum(axis=1)
        return np.where(self.judged, formation, np.nan)

    def decomposition_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (n,) energies in eV/atom above the convex hull of the competing phases.

        The hull is that of all phases in the phase's chemical system that have another composition
        (Bartel et al., npj Comput. Mater. 6, 97 (2020)): positive where the phase decomposes,
        negative by how much it is stable. NaN for phases that are not judged, and where the
        competing phases cannot make up the composition. The numbers are those of pymatgen's phase
        diagrams (:meth:`decompose`), but many times sooner.
        """
        relative = energies - self.fractions @ self._reference
        heights = np.append(relative, _UNREACHABLE)
        hull = np.full(len(self.phases), np.nan)
        for i in np.flatnonzero(self.judged):
            first = self.first_alike[i]
            hull[i] = self._hull_energy(i, heights) if first == i else hull[first]
        return relative - hull

    def decomposition_products(self, energies: np.ndarray) -> list[list[str]]:
        """Return for each phase the ids of the materials that it decomposes into, sorted; none for
        phases without a decomposition energy.

        They are those of :meth:`decompose`, which is asked where it is not clear which is the
        cheapest way to make up the phase.
        """
        relative = energies - self.fractions @ self._reference
        heights = np.append(relative, _UNREACHABLE)
        found: list[list[str]] = [[]] * len(self.phases)
        for i in np.flatnonzero(self.judged):
            first = self.first_alike[i]
            if first != i:
                found[i] = found[first]
            elif len(self.competing[i]):
                found[i] = self._clear_products(i, heights) or self.decompose(i, energies)[1]
        return found

    def _clear_products(self, i: int, heights: np.ndarray) -> list[str]:
        """The ids of what phase i decomposes into; none where it is not clear."""
        places, amounts = self._cheapest(i, heights)
        used = (amounts > _SAME).any(axis=0)
        clear = (amounts[:, used] > 10 * _SAME).all() and (amounts[:, ~used] < 0.1 * _SAME).all()
        if not clear or (places[used] == len(self.phases)).any():
            return []
        return sorted(str(self.phases[k].material_id) for k in places[used])

    def _cheapest(self, i: int, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ways to make up phase i that are cheapest, or nearly: of what (m,) and how much of
        each (ways, m); none where a hull does not show them."""
        if self._ways[i] is not None:
            places, ways = self._ways[i]
            costs = ways @ heights[places]
            return places, ways[costs < costs.min() + _TIE]
        points, planes, tops = self._lower_sides(i, heights)
        plane = planes[np.argmax(tops)]
        above = points[:, -1] + (points[:, :-1] @ plane[:-2] + plane[-1]) / plane[-2]
        touching = np.flatnonzero(above < _TIE)
        shares, n_corners = self._shares(i)
        places = np.append(self.competing[i], [len(self.phases)] * n_corners).astype(int)
        if len(touching) != shares.shape[1] or touching[-1] == len(shares):
            return places, np.empty((0, len(places)))
        amounts = np.zeros((1, len(places)))
        composition = self.fractions[i, self._elements[i]]
        amounts[0, touching] = np.linalg.solve(shares[touching].T, composition)
        return places, amounts[(amounts > -_ROUNDING).all(axis=1)]

    @cached_property
    def _ways(self) -> list[tuple[np.ndarray, np.ndarray] | None]:
        """Of the first phase of each composition, what it can be made up of, as (m,) phases (their
        number stands for a corner that is none), and (ways, m) amounts of them in all the ways that
        take as many as it has elements; None where there are many to try.

        The hull is the cheapest of these ways (a linear programme has its optimum at a corner), and
        which ways there are depends on no energy: found once, they serve every model.
        """
        return [self._ways_of(i) for i in range(len(self.phases))]

    def _ways_of(self, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        if not len(self.competing[i]) or self.first_alike[i] != i:
            return None
        shares, n_corners = self._shares(i)
        n_phases, n = shares.shape
        if comb(n_phases, n) > _MANY_WAYS:
            return None
        chosen = np.array(list(combinations(range(n_phases), n)))
        sides = shares[chosen].transpose(0, 2, 1)
        solid = np.abs(np.linalg.det(sides)) > _FLAT
        chosen, sides = chosen[solid], sides[solid]
        composition = self.fractions[i, self._elements[i]]
        amounts = np.linalg.solve(sides, np.tile(composition[:, None], (len(sides), 1, 1)))[..., 0]
        possible = (amounts > -_ROUNDING).all(axis=1)
        ways = np.zeros((possible.sum(), n_phases))
        np.put_along_axis(ways, chosen[possible], np.maximum(amounts[possible], 0.0), axis=1)
        return np.append(self.competing[i], [len(self.phases)] * n_corners).astype(int), ways

    def _shares(self, i: int) -> tuple[np.ndarray, int]:
        """Fractions, in the elements of phase i, of its competing phases and then of each element
        that is none of them; and how many elements those are."""
        elements = self._elements[i]
        shares = self.fractions[np.ix_(self.competing[i], elements)]
        corners = np.eye(len(elements))[~(shares > 1 - _SAME).any(axis=0)]
        return np.concatenate([shares, corners]), len(corners)

    def _hull_energy(self, i: int, heights: np.ndarray) -> float:
        """Energy of the hull at phase i, from the energies of all phases and of a corner."""
        if not len(self.competing[i]):
            return np.nan
        if self._ways[i] is not None:
            places, ways = self._ways[i]
            return float((ways @ heights[places]).min())
        # a convex function is the highest of the planes that touch it from below
        return float(np.max(self._lower_sides(i, heights)[2]))

    def _lower_sides(
        self, i: int, heights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The points of the hull of a phase's competitors, corners and one above all; the planes of
        the sides that show down, and their heights at the phase."""
        from scipy.spatial import ConvexHull

        points = self._grounds[i].copy()
        competing = self.competing[i]
        points[: len(competing), -1] = heights[competing]
        planes = ConvexHull(points).equations
        lower = planes[planes[:, -2] < -(_SAME**2)]
        at = lower[:, :-2] @ self.fractions[i, self._elements[i][1:]] + lower[:, -1]
        return points, lower, -at / lower[:, -2]

    @cached_property
    def _grounds(self) -> dict[int, np.ndarray]:
        """The points of each hull; the heights of its phases are yet to be filled in."""
        grounds = {}
        for i, ways in enumerate(self._ways):
            if ways is None and len(self.competing[i]) and self.first_alike[i] == i:
                shares, _ = self._shares(i)
                n, n_elements = shares.shape
                # a point far above all, so that the hull is solid where only corners compete
                places = np.append(shares, np.full((1, n_elements), 1 / n_elements), axis=0)
                heights = np.full(n + 1, _UNREACHABLE)
                heights[-1] *= 2
                # fractions sum to 1, so one of them is no coordinate
                grounds[i] = np.column_stack([places[:, 1:], heights])
        return grounds

    def decompose(self, i: int, energies: np.ndarray) -> tuple[float, list[str]]:
        """Return the decomposition energy of phase i in eV/atom by pymatgen's phase diagram, and
        the ids of the materials that it decomposes into."""
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
        from pymatgen.core import Composition, Element

        competing = self.competing[i]
        if not len(competing):
            return np.nan, []
        relative = energies - self.fractions @ self._reference
        elements = self._elements[i]

        def entry(k: int) -> PDEntry:
            shares = {Element.from_Z(int(z) + 1): self.fractions[k, z] for z in self._elements[k]}
            return PDEntry(Composition(shares), relative[k], self.phases[k].material_id)

        entries = [entry(k) for k in competing]
        cornered = {self._elements[k][0] for k in competing if not self.is_compound[k]}
        entries += [
            PDEntry(Composition({Element.from_Z(int(z) + 1): 1.0}), _UNREACHABLE)
            for z in elements
            if z not in cornered
        ]
        products, above = PhaseDiagram(entries).get_decomp_and_e_above_hull(
            entry(i), allow_negative=True
        )
        return float(above), sorted(str(p.name) for p, share in products.items() if share > _SAME)


def lowest_phases(test_frames: pd.DataFrame) -> list[Phase]:
    """Return the phase of each test material, from the columns of
    :func:`rungs.evaluation.frame_facts.describe_test_frames`; one without a labelled energy is
    none."""
    known = test_frames[test_frames["energy_ev_per_atom"].notna()]
    lowest = known.loc[known.groupby("material_id", sort=True)["energy_ev_per_atom"].idxmin()]
    return [
        Phase(
            row.material_id,
            row.frame_id,
            row.formula,
            fractions_of(row.formula),
            "test",
            row.energy_ev_per_atom,
        )
        for row in lowest.itertuples()
    ]


def fractions_of(formula: str) -> np.ndarray:
    """Return (94,) atomic fractions of a formula such as ``Na4Cl4``.

    Raises:
        ValueError: for anything but symbols of elements and whole numbers.
    """
    if not formula or _FORMULA.sub("", formula):
        raise ValueError(f"{formula!r} is not a formula of symbols and whole numbers")
    fractions = np.zeros(MAX_ATOMIC_NUMBER)
    for symbol, amount in _FORMULA.findall(formula):
        fractions[ATOMIC_NUMBERS[symbol] - 1] += int(amount or 1)
    return fractions / fractions.sum()


def _bits_of(held: np.ndarray) -> np.ndarray:
    """Pack (n, 94) truth values into (n, 2) whole numbers."""
    padded = np.zeros((len(held), 128), dtype=bool)
    padded[:, : held.shape[1]] = held
    return np.packbits(padded, axis=1).view(np.uint64)
