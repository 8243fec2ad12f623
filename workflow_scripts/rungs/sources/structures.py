"""Structures as pymatgen writes them into JSON, read straight into arrays.

Building pymatgen's own objects takes ten times as long as everything else that a frame needs.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import orjson

from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.frames.vacuum import periodic_cell

_NUMBERS = {**ATOMIC_NUMBERS, "D": 1, "T": 1}
"""As in pymatgen, isotopes of hydrogen are hydrogen."""


def parse_document(text: bytes) -> object:
    """The value of a JSON text; NaN and Infinity, which Python writes, are read too.

    Raises:
        UnicodeDecodeError: when it is no UTF-8.
        ValueError: when it is no JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(text)
        except UnicodeDecodeError:
            raise
        except (ValueError, RecursionError):
            raise ValueError(f"is no valid JSON: {error}") from None


class ReadStructure(NamedTuple):
    """An ordered, periodic structure of n atoms."""

    cell: np.ndarray
    """(3, 3) lattice vectors as rows, in Å."""
    numbers: np.ndarray
    """(n,) atomic numbers."""
    coords: np.ndarray
    """(n, 3) Cartesian positions, in Å."""
    has_vacuum: bool
    """Whether the cell was made longer here, so that a stress is not this cell's."""


def read_structure(
    structure: object, vacuum: float | None = None, section: str = "source"
) -> ReadStructure:
    """Cell, atomic numbers and positions of an ordered structure.

    Positions are those of pymatgen: fractional coordinates times the lattice, or Cartesian ones
    where the sites have no others.

    Args:
        structure: the object.
        vacuum, section: for structures that are not periodic; see
            :func:`rungs.frames.vacuum.periodic_cell`.

    Raises:
        ValueError: saying what is missing, partly occupied, unknown or not periodic.
    """
    try:
        lattice, sites = structure["lattice"], structure["sites"]
        cell = np.array(lattice["matrix"], dtype=np.float64)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the structure has no lattice matrix or no sites ({error})") from None
    if cell.shape != (3, 3):
        raise ValueError(f"the lattice matrix has shape {cell.shape}")
    numbers, coords = np.array(_atomic_numbers(sites), dtype=np.int64), _positions(sites, cell)
    periodic = lattice.get("pbc") or (True, True, True)
    if all(periodic) and all(map(any, lattice["matrix"])):
        return ReadStructure(cell, numbers, coords, has_vacuum=False)
    cell, has_vacuum = periodic_cell(cell, periodic, coords, vacuum, section)
    return ReadStructure(cell, numbers, coords, has_vacuum)


def site_property(structure: Mapping, name: str) -> np.ndarray | None:
    """(n,) values of a property that every site has, or None where any lacks it."""
    values = [(site.get("properties") or {}).get(name) for site in structure["sites"]]
    if not values or None in values:
        return None
    return np.array(values, dtype=np.float64)


def _atomic_numbers(sites: list[Mapping]) -> list[int]:
    """Atomic number of the one element on each site."""
    try:
        only = [species for site in sites for (species,) in (site["species"],)]
        numbers = [_NUMBERS[species["element"]] for species in only if species["occu"] == 1]
    except (KeyError, TypeError, ValueError):
        numbers = []
    if len(numbers) == len(sites):
        return numbers
    return [_NUMBERS[_only_element(site, index)] for index, site in enumerate(sites)]


def _only_element(site: Mapping, index: int) -> str:
    try:
        (species,) = site["species"]
        symbol, occupancy = species["element"], species["occu"]
    except (KeyError, TypeError):
        raise ValueError(f"site {index} names no element with its occupancy") from None
    except ValueError:
        raise ValueError(
            f"site {index} is shared by {len(site['species'])} species; only ordered structures "
            "have one energy"
        ) from None
    if occupancy != 1:
        raise ValueError(f"site {index} is occupied to {occupancy:g} by {symbol}, not fully")
    if symbol not in _NUMBERS:
        raise ValueError(f"site {index} has the element '{symbol}', which is unknown to CHGNet")
    return symbol


def _positions(sites: list[Mapping], cell: np.ndarray) -> np.ndarray:
    if not sites:
        return np.empty((0, 3))
    try:
        fractional = [site.get("abc") for site in sites]
        if None not in fractional:
            return np.array(fractional, dtype=np.float64) @ cell
        return np.array([site["xyz"] for site in sites], dtype=np.float64)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"a site has no position ({error})") from None
