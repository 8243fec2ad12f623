"""Formation and decomposition energies of the test materials, true and predicted.

Every test material is one phase: its test frame of lowest labelled energy. The same frames, with
predicted energies, are the phases that a model sees, so that true and predicted values belong to
the same structures. Elements get their energy from test materials too: the lowest elemental phase,
labelled for the true values and predicted for the predicted ones.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd

from rungs.frames.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER

_UNREACHABLE = 50.0
"""eV/atom above the reference energy: where a phase diagram gets a corner that no test material
stands at. A phase that other test materials make up by themselves never comes near it."""
_SAME = 1e-6
"""Fractions that differ by less belong to one composition."""
_FLAT, _ROUNDING = 1e-10, 1e-9
"""Determinants below the first count as 0, as do amounts down to minus the second."""
_MANY_WAYS = 2000
"""Ways to make up one phase; to find more of them takes longer than their hulls."""


class Phase(NamedTuple):
    """One test material as a phase diagram sees it."""

    material_id: str
    frame_id: str
    formula: str
    fractions: np.ndarray
    """(94,) atomic fractions."""

    @property
    def elements(self) -> np.ndarray:
        """Columns of the elements that the phase holds."""
        return np.flatnonzero(self.fractions)


class PhaseSet:
    """The test materials as competing phases. Energies come per call, one a phase, in eV/atom.

    Args:
        phases: one for each test material.
        reference: (94,) any elemental energies in eV/atom. They do not change results: they
            bring the energies close to 0 before a hull is made.
    """

    def __init__(self, phases: Sequence[Phase], reference: np.ndarray | None = None) -> None:
        self.phases = list(phases)
        self.fractions = np.array([p.fractions for p in phases]).reshape(-1, MAX_ATOMIC_NUMBER)
        self._reference = np.zeros(MAX_ATOMIC_NUMBER) if reference is None else reference
        self._held = self.fractions > 0
        self.is_compound = self._held.sum(axis=1) > 1
        self.competing = [
            self._competing(i) if self.is_compound[i] else np.array([], dtype=int)
            for i in range(len(self.phases))
        ]
        """Of each compound, the phases that it can decompose into; empty where they cannot make
        up its composition."""

    def _competing(self, i: int) -> np.ndarray:
        """Phases within the chemical system of phase i that have another composition."""
        from scipy.optimize import nnls

        inside = np.flatnonzero(~(self._held & ~self._held[i]).any(axis=1))
        others = inside[np.abs(self.fractions[inside] - self.fractions[i]).max(axis=1) >= _SAME]
        elements = self.phases[i].elements
        if not self._held[others][:, elements].any(axis=0).all():
            return np.array([], dtype=int)
        shares = self.fractions[np.ix_(others, elements)].T
        _, left = nnls(shares, self.fractions[i, elements])
        return others if left < _SAME else np.array([], dtype=int)

    def elemental_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (94,) energies of the lowest elemental phases in eV/atom; NaN where none is."""
        found = np.full(MAX_ATOMIC_NUMBER, np.nan)
        for i in np.flatnonzero(~self.is_compound):
            z = self.phases[i].elements[0]
            found[z] = np.fmin(found[z], energies[i])
        return found

    def formation_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (n,) E − Σ x·E(element) in eV/atom; NaN for elements, and where an element of the
        phase has no elemental phase."""
        elemental = self.elemental_energies(energies)
        needed = np.where(self._held, elemental, 0.0)
        formation = energies - (self.fractions * needed).sum(axis=1)
        return np.where(self.is_compound, formation, np.nan)

    def decomposition_energies(self, energies: np.ndarray) -> np.ndarray:
        """Return (n,) energies in eV/atom above the convex hull of the competing phases.

        The hull is that of all test materials in the phase's chemical system that have another
        composition (Bartel et al., npj Comput. Mater. 6, 97 (2020)): positive where the phase
        decomposes, negative by how much it is stable. NaN for elements, and where the competing
        phases cannot make up the composition. The numbers are those of :meth:`decompose`, which
        asks pymatgen, but many times sooner.
        """
        relative = energies - self.fractions @ self._reference
        return np.array([self._above_hull(i, relative) for i in range(len(self.phases))])

    @cached_property
    def _ways(self) -> list[np.ndarray | None]:
        """Of each phase, (ways, competing phases and missing corners) amounts of all the ways to
        make it up from as many of them as it has elements; None where there are many to try.

        The hull is the cheapest of these ways (a linear programme has its optimum at a corner), and
        which ways there are depends on no energy: found once, they serve every model.
        """
        return [self._ways_of(i) for i in range(len(self.phases))]

    def _ways_of(self, i: int) -> np.ndarray | None:
        if not len(self.competing[i]):
            return None
        shares, _ = self._shares(i)
        n_phases, n = shares.shape
        if comb(n_phases, n) > _MANY_WAYS:
            return None
        chosen = np.array(list(combinations(range(n_phases), n)))
        sides = shares[chosen].transpose(0, 2, 1)
        solid = np.abs(np.linalg.det(sides)) > _FLAT
        chosen, sides = chosen[solid], sides[solid]
        composition = self.fractions[i, self.phases[i].elements]
        amounts = np.linalg.solve(sides, np.tile(composition[:, None], (len(sides), 1, 1)))[..., 0]
        possible = (amounts > -_ROUNDING).all(axis=1)
        ways = np.zeros((possible.sum(), n_phases))
        np.put_along_axis(ways, chosen[possible], np.maximum(amounts[possible], 0.0), axis=1)
        return ways

    def _shares(self, i: int) -> tuple[np.ndarray, int]:
        """Fractions, in the elements of phase i, of its competing phases and then of each element
        that is none of them; and how many elements those are."""
        elements = self.phases[i].elements
        shares = self.fractions[np.ix_(self.competing[i], elements)]
        corners = np.eye(len(elements))[~(shares > 1 - _SAME).any(axis=0)]
        return np.concatenate([shares, corners]), len(corners)

    def _above_hull(self, i: int, relative: np.ndarray) -> float:
        competing = self.competing[i]
        if not len(competing):
            return np.nan
        ways = self._ways[i]
        if ways is not None:
            heights = np.full(ways.shape[1], _UNREACHABLE)
            heights[: len(competing)] = relative[competing]
            return float(relative[i] - (ways @ heights).min())
        from scipy.spatial import ConvexHull

        elements = self.phases[i].elements
        shares, n_corners = self._shares(i)
        # a point far above all, so that the hull is solid where nothing but corners compete
        middle = np.full((1, len(elements)), 1 / len(elements))
        heights = np.concatenate(
            [relative[competing], np.full(n_corners, _UNREACHABLE), [2 * _UNREACHABLE]]
        )
        # fractions sum to 1, so one of them is no coordinate
        places = np.concatenate([shares, middle])[:, 1:]
        planes = ConvexHull(np.column_stack([places, heights])).equations
        lower = planes[planes[:, -2] < -(_SAME**2)]
        # a convex function is the highest of the planes that touch it from below
        at = lower[:, :-2] @ self.fractions[i, elements[1:]] + lower[:, -1]
        return float(relative[i] - np.max(-at / lower[:, -2]))

    def decompose(self, i: int, energies: np.ndarray) -> tuple[float, list[str]]:
        """Return the decomposition energy of phase i in eV/atom by pymatgen's phase diagram, and
        the ids of the materials that it decomposes into."""
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
        from pymatgen.core import Composition, Element

        competing = self.competing[i]
        if not len(competing):
            return np.nan, []
        relative = energies - self.fractions @ self._reference
        elements = self.phases[i].elements

        def entry(k: int) -> PDEntry:
            shares = {
                Element.from_Z(int(z) + 1): self.fractions[k, z] for z in self.phases[k].elements
            }
            return PDEntry(Composition(shares), relative[k], self.phases[k].material_id)

        entries = [entry(k) for k in competing]
        cornered = {self.phases[k].elements[0] for k in competing if not self.is_compound[k]}
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
        Phase(row.material_id, row.frame_id, row.formula, fractions_of(row.formula))
        for row in lowest.itertuples()
    ]


def fractions_of(formula: str) -> np.ndarray:
    """Return (94,) atomic fractions of a formula such as ``Na4Cl4``."""
    from pymatgen.core import Composition

    amounts = Composition(formula).get_el_amt_dict()
    fractions = np.zeros(MAX_ATOMIC_NUMBER)
    for symbol, amount in amounts.items():
        fractions[ATOMIC_NUMBERS[symbol] - 1] = amount
    return fractions / fractions.sum()
