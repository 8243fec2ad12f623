"""Structures as pymatgen writes them into JSON, read straight into arrays.

Building pymatgen's own objects takes ten times as long as everything else that a frame needs.
"""

import json
from collections.abc import Mapping

import numpy as np
import orjson

from rungs.frames.elements import ATOMIC_NUMBERS

_NUMBERS = {**ATOMIC_NUMBERS, "D": 1, "T": 1}
"""As in pymatgen, isotopes of hydrogen are hydrogen."""


def parse_document(text: bytes) -> object:
    """The value of a JSON text; NaN and Infinity, which Python writes, are read too.

    Raises:
        ValueError: when it is no JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"is no valid JSON: {error}") from None


def read_structure(structure: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell, atomic numbers and positions of an ordered, fully periodic structure.

    Positions are those of pymatgen: fractional coordinates times the lattice, or Cartesian ones
    where the sites have no others.

    Returns:
        (3, 3) lattice vectors as rows in Å, (n,) atomic numbers, (n, 3) Cartesian positions in Å.

    Raises:
        ValueError: saying what is missing, partly occupied, unknown or not periodic.
    """
    try:
        lattice, sites = structure["lattice"], structure["sites"]
        cell = np.array(lattice["matrix"], dtype=np.float64)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the structure has no lattice matrix or no sites ({error})") from None
    if not all(lattice.get("pbc") or ()):
        raise ValueError(f"the structure is periodic as {lattice['pbc']}, not in all directions")
    if cell.shape != (3, 3):
        raise ValueError(f"the lattice matrix has shape {cell.shape}")
    numbers = [_NUMBERS[_only_element(site, index)] for index, site in enumerate(sites)]
    return cell, np.array(numbers, dtype=np.int64), _positions(sites, cell)


def site_property(structure: Mapping, name: str) -> np.ndarray | None:
    """(n,) values of a property that every site has, or None where any lacks it."""
    values = [(site.get("properties") or {}).get(name) for site in structure["sites"]]
    if not values or None in values:
        return None
    return np.array(values, dtype=np.float64)


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
        if all("abc" in site for site in sites):
            return np.array([site["abc"] for site in sites], dtype=np.float64) @ cell
        return np.array([site["xyz"] for site in sites], dtype=np.float64)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a site has no position ({error})") from None
