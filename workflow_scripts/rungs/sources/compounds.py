"""The compounds of the built-in study, their elements, and the prototypes each is built in.

Prototypes that a compound does not take in nature are there on purpose: they give each element
several coordination numbers.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.sources.prototypes import PROTOTYPES, Prototype

ANION_CHARGES = {"F": -1, "Cl": -1, "Br": -1, "I": -1, "O": -2, "S": -2, "N": -3}
_ALKALI = ("Li", "Na", "K", "Rb", "Cs")

_BINARY = ("rocksalt", "CsCl", "zincblende")
_COMPOUNDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        _BINARY,
        """
        Li-F Li-Cl Li-Br Na-F Na-Cl Na-Br Na-I K-F K-Cl K-Br K-I Rb-Cl Rb-I
        Cs-F Cs-Cl Cs-Br Cs-I Ag-Cl Ag-Br
        Mg-O Ca-O Sr-O Ba-O Mg-S Ca-S Sr-S Ba-S Zn-O Zn-S Cd-O Cd-S Pb-S
        Mn-O Fe-O Co-O Ni-O Mn-S Al-N Ga-N
        """,
    ),
    (("wurtzite",), "Zn-O Zn-S Cd-S Mn-S Al-N Ga-N"),
    (("NiAs",), "Mg-O Fe-O Ni-O Mn-S"),
    (
        ("fluorite", "rutile", "CdI2"),
        """
        Mg-F Ca-F Sr-F Ba-F Zn-F Cd-F Pb-F Mn-F Fe-F Ni-F Mg-Cl Ca-Cl
        Ti-O Sn-O Zr-O Hf-O
        """,
    ),
    (("antifluorite", "antiCdI2"), "Li-O Na-O K-O Li-S Na-S"),
    (
        ("perovskite",),
        """
        K-Mg-F K-Zn-F K-Mn-F K-Fe-F K-Co-F K-Ni-F Rb-Ca-F Cs-Ca-F
        Cs-Pb-Cl Cs-Pb-Br Cs-Pb-I Cs-Ca-Cl
        Ca-Ti-O Sr-Ti-O Ba-Ti-O Pb-Ti-O Ba-Zr-O Ca-Zr-O Sr-Hf-O Ba-Hf-O Ba-Sn-O Sr-Sn-O
        """,
    ),
    (
        ("ordered-rocksalt", "ordered-zincblende", "ordered-CsCl"),
        " ".join(
            f"{one}-{other}-{anion}"
            for cations, anions in (
                (("Li", "Na", "K", "Rb", "Cs", "Ag"), ("F", "Cl", "Br", "I")),
                (("Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Pb", "Mn", "Fe", "Co", "Ni"), ("O",)),
                (("Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Pb", "Mn"), ("S",)),
            )
            for one, other in combinations(cations, 2)
            for anion in anions
        ),
    ),
    (("NaFeO2",), "Li-Al-O Li-Ga-O Na-Al-O Li-Fe-O Li-Co-O Li-Ni-O Na-Fe-O Na-Ni-O"),
)

_BONDS = {"N": 1.10, "O": 1.21, "F": 1.41, "Cl": 1.99, "Br": 2.28, "I": 2.67, "S": 2.06}
"""Å; of the free molecules (Huber and Herzberg, Constants of Diatomic Molecules, 1979), and in the
rings of sulfur."""
_ELEMENTS = {
    "bcc": "Li Na K Rb Cs Ba Fe",
    "fcc": "Ag Ca Sr Pb Mn Ni Al Ga",
    "hcp": "Mg Zn Cd Co Ti Zr Hf",
    "diamond": "Sn",
    "chain": "S",
    "dimer": "N O F",
    "wide-dimer": "Cl Br I",
}
"""The structure at rest, or a simple one of as many neighbours."""


@dataclass(frozen=True, slots=True)
class Crystal:
    """A compound, or an element, in a prototype, of any size."""

    material_id: str
    """Formula and prototype, e.g. ``MgO-rocksalt``."""
    species: tuple[tuple[str, str], ...]
    """Symbol of the element in each role, in the order A, B, X; an element has A alone."""
    prototype: Prototype

    @property
    def is_element(self) -> bool:
        return len(self.species) == 1

    @property
    def atomic_numbers(self) -> np.ndarray:
        """(n,) int64."""
        symbols = dict(self.species)
        return np.array([ATOMIC_NUMBERS[symbols[role]] for role in self.prototype.roles])

    @property
    def charges(self) -> dict[str, int]:
        """Formal charge of the ion in each role; the crystal is neutral."""
        if self.is_element:
            return {"A": 0}
        symbols, counts = dict(self.species), Counter(self.prototype.roles)
        charges = {"X": ANION_CHARGES[symbols["X"]]}
        last = "A"
        if "B" in symbols:
            charges["A"], last = 1 if symbols["A"] in _ALKALI else 2, "B"
        missing = -sum(charges[role] * counts[role] for role in charges)
        charges[last], rest = divmod(missing, counts[last])
        if rest:
            raise ValueError(f"{self.material_id} cannot be neutral")
        return charges

    def starting_length(self) -> float:
        """Length a in Å at which cations and anions touch, on average over the cations, with
        ionic radii after Shannon, Acta Cryst. A 32, 751 (1976), as kept by pymatgen; of an element
        that at which its atoms touch, with pymatgen's metallic radii or known bonds."""
        from pymatgen.core import Species

        if self.is_element:
            return _shortest_in_element(self.species[0][1]) / self.prototype.shortest("A", "A")
        with warnings.catch_warnings():
            # pymatgen warns where it has a radius for one spin state only
            warnings.simplefilter("ignore")
            radii = {
                role: float(Species(symbol, self.charges[role]).ionic_radius)
                for role, symbol in self.species
            }
        return float(
            np.mean(
                [
                    (radii[role] + radii["X"]) / self.prototype.shortest(role, "X")
                    for role in radii
                    if role != "X"
                ]
            )
        )

    def cell(self, length: float) -> np.ndarray:
        """(3, 3) lattice vectors in Å at the length a."""
        return self.prototype.vectors * length


def all_crystals() -> list[Crystal]:
    """Every compound of the built-in study in every prototype, by prototype."""
    by_prototype: dict[str, list[str]] = {}
    for prototypes, compounds in _COMPOUNDS:
        for prototype in prototypes:
            by_prototype.setdefault(prototype, []).extend(compounds.split())
    return list(
        chain.from_iterable(
            [_crystal(compound.split("-"), prototype) for compound in compounds]
            for prototype, compounds in by_prototype.items()
        )
    )


def some_crystals(n_crystals: int | None) -> list[Crystal]:
    """``n_crystals`` evenly spaced ones, or all where it is None or more than there are."""
    crystals = all_crystals()
    if n_crystals is None or n_crystals >= len(crystals):
        return crystals
    places = (np.arange(n_crystals) * len(crystals)) // n_crystals
    return [crystals[place] for place in places]


def element_crystals(compounds: Sequence[Crystal]) -> list[Crystal]:
    """A crystal of each element that ``compounds`` hold, by prototype."""
    wanted = {symbol for crystal in compounds for _, symbol in crystal.species}
    return [
        _crystal([symbol], prototype)
        for prototype, symbols in _ELEMENTS.items()
        for symbol in symbols.split()
        if symbol in wanted
    ]


def _shortest_in_element(symbol: str) -> float:
    """Distance in Å at which two atoms of an element touch."""
    from pymatgen.core import Element

    if symbol in _BONDS:
        return _BONDS[symbol]
    element = Element(symbol)
    with warnings.catch_warnings():
        # and that it has no metallic radius of lead and tin
        warnings.simplefilter("ignore")
        return 2 * float(element.metallic_radius or element.atomic_radius)


def _crystal(elements: Sequence[str], prototype: str) -> Crystal:
    if len(elements) == 1:
        name = elements[0] + ("2" if PROTOTYPES[prototype].is_molecule else "")
        return Crystal(f"{name}-{prototype}", (("A", elements[0]),), PROTOTYPES[prototype])
    roles = ("A", "X") if len(elements) == 2 else ("A", "B", "X")
    species = tuple(zip(roles, elements, strict=True))
    counts = Counter(PROTOTYPES[prototype].roles)
    formula = "".join(
        symbol + (str(n) if (n := counts[role] // min(counts.values())) > 1 else "")
        for role, symbol in species
    )
    return Crystal(f"{formula}-{prototype}", species, PROTOTYPES[prototype])
