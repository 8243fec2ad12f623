"""One frame of extended XYZ: what its comment line and its columns hold."""

from functools import lru_cache

import numpy as np

from rungs.sources.species import GhostAtomError, Species
from rungs.sources.xyz_blocks import Block
from rungs.sources.xyz_comment import floats, is_missing, numbers, parse_comment

_DEFAULT_COLUMNS = "species:S:1:pos:R:3"
_STRUCTURE = ("Lattice", "Properties", "pbc")
"""Keys that every reader of the format knows; here in any capitals."""
_SPECIES = ("species", "symbols")
_NUMBERS = ("Z", "numbers")
_POSITIONS = ("pos", "positions")
_BOOLEANS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class XYZFrame:
    """A block, taken apart; numbers are read when they are asked for.

    Args:
        block: the frame's lines.
        species: finds the atomic number of a name.

    Raises:
        ValueError: where a line has another number of columns than declared.
    """

    def __init__(self, block: Block, species: Species) -> None:
        self.first_line = block.first_line
        self.n_atoms = len(block.atoms)
        self.values = parse_comment(block.comment)
        """Keys of the comment line and their values, as they are written; None without one."""
        self._species = species
        self._structure = {name: self._value_of(name) for name in _STRUCTURE}
        self._layout, width = _layout(self._structure["Properties"] or _DEFAULT_COLUMNS)
        rows = [line.split() for line in block.atoms]
        if set(map(len, rows)) - {width}:
            at = next(i for i, row in enumerate(rows) if len(row) != width)
            raise ValueError(
                f"line {block.first_line + 2 + at} has {len(rows[at])} columns, Properties "
                f"declares {width}"
            )
        self._columns = list(zip(*rows, strict=True)) or [()] * width

    def _value_of(self, name: str) -> str | None:
        if name in self.values:
            return self.values[name]
        lower = name.lower()
        return next((v for key, v in self.values.items() if key.lower() == lower), None)

    def __contains__(self, key: str) -> bool:
        """Whether there is a key or a column of this name."""
        return key in self.values or key in self._layout

    @property
    def keys(self) -> list[str]:
        """All names in the frame, of the comment line and of the columns."""
        own = {name.lower() for name in _STRUCTURE}
        return [key for key in self.values if key.lower() not in own] + list(self._layout)

    @property
    def lattice(self) -> np.ndarray:
        """(3, 3) lattice vectors as rows, in Å; zeros where there are none."""
        if is_missing(self._structure["Lattice"]):
            return np.zeros((3, 3))
        found = numbers(self._structure["Lattice"], "Lattice")
        if found.size != 9:
            raise ValueError(f"'Lattice' has {found.size} numbers, expected 9")
        return found.reshape(3, 3)

    @property
    def pbc(self) -> tuple[bool, bool, bool]:
        """Whether the frame is periodic along each vector; where it does not say, it is where it
        has a lattice."""
        text = self._structure["pbc"]
        if is_missing(text):
            return (not is_missing(self._structure["Lattice"]),) * 3
        try:
            found = [_BOOLEANS[word] for word in text.lower().replace(",", " ").split()]
            first, second, third = found * 3 if len(found) == 1 else found
        except (KeyError, ValueError):
            raise ValueError(f"'pbc' is '{text}', expected three of T and F") from None
        return first, second, third

    @property
    def atomic_numbers(self) -> np.ndarray:
        """(n,) int64.

        Raises:
            SpeciesError: naming the atom that is none, or an isotope of hydrogen.
            ValueError: where a name is no element's.
        """
        if (place := self._place(_NUMBERS)) is not None:
            found = np.array([int(word) for word in self._columns[place.start]], dtype=np.int64)
            if not found.all():
                raise GhostAtomError(f"atom {int(found.argmin())} is a ghost atom, of number 0")
            return found
        if (place := self._place(_SPECIES)) is None:
            raise ValueError("Properties declares no species")
        names, find = self._columns[place.start], self._species.__getitem__
        try:
            return np.array(list(map(find, names)), dtype=np.int64)
        except ValueError as error:
            at = next(i for i, name in enumerate(names) if name not in self._species)
            raise type(error)(f"atom {at}: {error}") from None

    @property
    def positions(self) -> np.ndarray:
        """(n, 3) Cartesian, in Å."""
        place = self._place(_POSITIONS)
        if place is None or place.stop - place.start != 3:
            raise ValueError("Properties declares no positions, 'pos:R:3'")
        return np.ascontiguousarray(self._numbers_in(place))

    def column(self, key: str, width: int) -> np.ndarray | None:
        """(n, width) numbers of the columns ``key``, (n,) for one; None where there are none.

        Raises:
            ValueError: where there are more or fewer columns, or something else than numbers.
        """
        place = self._layout.get(key)
        if place is None:
            return None
        found = self._numbers_in(place)
        if place.stop - place.start != width:
            wanted = (self.n_atoms, width) if width > 1 else (self.n_atoms,)
            raise ValueError(f"'{key}' has shape {found.shape}, expected {wanted}")
        return found[:, 0] if width == 1 else found

    def _place(self, names: tuple[str, ...]) -> slice | None:
        return next((self._layout[name] for name in names if name in self._layout), None)

    def _numbers_in(self, place: slice) -> np.ndarray:
        return np.array([floats(words) for words in self._columns[place]]).T


@lru_cache(maxsize=256)
def _layout(properties: str) -> tuple[dict[str, slice], int]:
    """Places of the columns of each name, and the number of columns.

    Raises:
        ValueError: when ``properties`` is no list of name, type and number.
    """
    fields = properties.split(":")
    try:
        widths = [int(width) for width in fields[2::3]]
        if len(fields) != 3 * len(widths) or not widths or min(widths) < 1:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"Properties '{properties[:60]}' is no list of name:type:number of columns"
        ) from None
    layout, start = {}, 0
    for name, width in zip(fields[::3], widths, strict=True):
        layout[name] = slice(start, start + width)
        start += width
    return layout, start
