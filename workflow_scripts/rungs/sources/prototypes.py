"""Crystal prototypes of simple ionic compounds and of elements, as cells in units of the length a.

Cells are primitive, but for the cubic metals, whose atoms could not move against each other. Axial
ratios and free coordinates are the ideal ones of touching spheres or, for rutile, CdI2 and
α-NaFeO2, round values of the type compound (Hyde and Andersson, Inorganic Crystal Structures,
Wiley 1989); for chains those of selenium, and for dimers those of β-oxygen (Donohue, The
Structures of the Elements, Wiley 1974) or, with a bond as long as heavier molecules have it beside
their neighbours, a wider one. They are starting geometries; labels are computed for what they are.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

_CUBIC = np.eye(3)
_FACE_CENTRED = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def _hexagonal(ratio: float) -> np.ndarray:
    return np.array([[1.0, 0.0, 0.0], [-0.5, sqrt(3) / 2, 0.0], [0.0, 0.0, ratio]])


def _tetragonal(ratio: float) -> np.ndarray:
    return np.diag([1.0, 1.0, ratio])


def _rhombohedral(ratio: float) -> np.ndarray:
    """Primitive vectors of an R lattice with hexagonal axes 1 and ``ratio``."""
    third, sixth = 1 / sqrt(3), 1 / (2 * sqrt(3))
    return np.array([[0.5, sixth, ratio / 3], [-0.5, sixth, ratio / 3], [0.0, -third, ratio / 3]])


@dataclass(frozen=True, slots=True, eq=False)
class Prototype:
    """A structure type with sites for the roles ``A`` (and ``B``), cations, and ``X``, anion; in a
    crystal of one element all sites are ``A``."""

    vectors: np.ndarray
    """(3, 3) primitive lattice vectors as rows, in units of a."""
    roles: str
    """Role of each site."""
    fractional: np.ndarray
    """(n, 3) fractional coordinates of the sites."""
    is_molecule: bool = False
    """Whether the sites are those of one molecule, which a change of the cell leaves as it is."""

    @property
    def n_sites(self) -> int:
        return len(self.roles)

    def shortest(self, one: str, other: str) -> float:
        """Shortest distance from a site of role ``one`` to one of role ``other``, periodic images
        included, in units of a."""
        steps = np.indices((5, 5, 5)).reshape(3, -1).T - 2
        first = self.fractional[[role == one for role in self.roles]]
        second = self.fractional[[role == other for role in self.roles]]
        between = second[None, :, None] - first[:, None, None] + steps
        distances = np.linalg.norm(between @ self.vectors, axis=-1)
        return float(distances[distances > 1e-6].min())


def _prototype(vectors: np.ndarray, *sites: tuple[str, float, float, float]) -> Prototype:
    roles = "".join(site[0] for site in sites)
    return Prototype(vectors, roles, np.array([site[1:] for site in sites]))


def _dimer(bond: float, ratio: float) -> Prototype:
    """Upright molecules of two atoms in close-packed layers, one in a primitive cell."""
    z = bond / (2 * ratio)
    sites = np.array([[z, z, z], [-z, -z, -z]])
    return Prototype(_rhombohedral(ratio), "AA", sites, is_molecule=True)


_IDEAL = sqrt(8 / 3)
"""c/a of the hexagonal close packing."""
_U_RUTILE = 0.305
_Z_LAYERED = 0.24
_U_CHAIN = 0.225

PROTOTYPES: dict[str, Prototype] = {
    "rocksalt": _prototype(_FACE_CENTRED, ("A", 0, 0, 0), ("X", 1 / 2, 1 / 2, 1 / 2)),
    "CsCl": _prototype(_CUBIC, ("A", 0, 0, 0), ("X", 1 / 2, 1 / 2, 1 / 2)),
    "zincblende": _prototype(_FACE_CENTRED, ("A", 0, 0, 0), ("X", 1 / 4, 1 / 4, 1 / 4)),
    "wurtzite": _prototype(
        _hexagonal(_IDEAL),
        ("A", 1 / 3, 2 / 3, 0),
        ("A", 2 / 3, 1 / 3, 1 / 2),
        ("X", 1 / 3, 2 / 3, 3 / 8),
        ("X", 2 / 3, 1 / 3, 7 / 8),
    ),
    "NiAs": _prototype(
        _hexagonal(1.5),
        ("A", 0, 0, 0),
        ("A", 0, 0, 1 / 2),
        ("X", 1 / 3, 2 / 3, 1 / 4),
        ("X", 2 / 3, 1 / 3, 3 / 4),
    ),
    "fluorite": _prototype(
        _FACE_CENTRED,
        ("A", 0, 0, 0),
        ("X", 1 / 4, 1 / 4, 1 / 4),
        ("X", 3 / 4, 3 / 4, 3 / 4),
    ),
    "rutile": _prototype(
        _tetragonal(0.65),
        ("A", 0, 0, 0),
        ("A", 1 / 2, 1 / 2, 1 / 2),
        ("X", _U_RUTILE, _U_RUTILE, 0),
        ("X", -_U_RUTILE, -_U_RUTILE, 0),
        ("X", 1 / 2 + _U_RUTILE, 1 / 2 - _U_RUTILE, 1 / 2),
        ("X", 1 / 2 - _U_RUTILE, 1 / 2 + _U_RUTILE, 1 / 2),
    ),
    "CdI2": _prototype(
        _hexagonal(1.6),
        ("A", 0, 0, 0),
        ("X", 1 / 3, 2 / 3, 1 / 4),
        ("X", 2 / 3, 1 / 3, 3 / 4),
    ),
    "antifluorite": _prototype(
        _FACE_CENTRED,
        ("X", 0, 0, 0),
        ("A", 1 / 4, 1 / 4, 1 / 4),
        ("A", 3 / 4, 3 / 4, 3 / 4),
    ),
    "antiCdI2": _prototype(
        _hexagonal(1.6),
        ("X", 0, 0, 0),
        ("A", 1 / 3, 2 / 3, 1 / 4),
        ("A", 2 / 3, 1 / 3, 3 / 4),
    ),
    "perovskite": _prototype(
        _CUBIC,
        ("A", 0, 0, 0),
        ("B", 1 / 2, 1 / 2, 1 / 2),
        ("X", 1 / 2, 1 / 2, 0),
        ("X", 1 / 2, 0, 1 / 2),
        ("X", 0, 1 / 2, 1 / 2),
    ),
    # Two cations in alternate (001) layers of a rock salt, a zincblende (as in CuAu) or a CsCl.
    "ordered-rocksalt": _prototype(
        _tetragonal(sqrt(2)),
        ("A", 0, 0, 0),
        ("B", 1 / 2, 1 / 2, 1 / 2),
        ("X", 1 / 2, 1 / 2, 0),
        ("X", 0, 0, 1 / 2),
    ),
    "ordered-zincblende": _prototype(
        _tetragonal(sqrt(2)),
        ("A", 0, 0, 0),
        ("B", 1 / 2, 1 / 2, 1 / 2),
        ("X", 1 / 2, 0, 1 / 4),
        ("X", 0, 1 / 2, 3 / 4),
    ),
    "ordered-CsCl": _prototype(
        _tetragonal(2.0),
        ("A", 0, 0, 0),
        ("B", 0, 0, 1 / 2),
        ("X", 1 / 2, 1 / 2, 1 / 4),
        ("X", 1 / 2, 1 / 2, 3 / 4),
    ),
    "NaFeO2": _prototype(
        _rhombohedral(5.0),
        ("A", 0, 0, 0),
        ("B", 1 / 2, 1 / 2, 1 / 2),
        ("X", _Z_LAYERED, _Z_LAYERED, _Z_LAYERED),
        ("X", -_Z_LAYERED, -_Z_LAYERED, -_Z_LAYERED),
    ),
    # Elements.
    "fcc": _prototype(
        _CUBIC,
        ("A", 0, 0, 0),
        ("A", 0, 1 / 2, 1 / 2),
        ("A", 1 / 2, 0, 1 / 2),
        ("A", 1 / 2, 1 / 2, 0),
    ),
    "bcc": _prototype(_CUBIC, ("A", 0, 0, 0), ("A", 1 / 2, 1 / 2, 1 / 2)),
    "hcp": _prototype(_hexagonal(_IDEAL), ("A", 1 / 3, 2 / 3, 1 / 4), ("A", 2 / 3, 1 / 3, 3 / 4)),
    "diamond": _prototype(_FACE_CENTRED, ("A", 0, 0, 0), ("A", 1 / 4, 1 / 4, 1 / 4)),
    "chain": _prototype(
        _hexagonal(1.13),
        ("A", _U_CHAIN, 0, 1 / 3),
        ("A", 0, _U_CHAIN, 2 / 3),
        ("A", -_U_CHAIN, -_U_CHAIN, 0),
    ),
    "dimer": _dimer(0.365, 3.4),
    "wide-dimer": _dimer(0.45, 3.0),
}
