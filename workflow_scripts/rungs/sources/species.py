"""Names of atoms as codes write them, to atomic numbers."""

import re

from rungs.elements import ALL_SYMBOLS

_NUMBERS = {symbol: number for number, symbol in enumerate(ALL_SYMBOLS, start=1)}
_ISOTOPES = {"D": "deuterium", "T": "tritium"}
# Letters, and whatever a code or a person adds: Cu1, Fe_pv, O2-, H.1, N@3
_LABELLED = re.compile(r"([A-Za-z]+)(?:[^A-Za-z].*)?\Z", re.DOTALL)
_GHOST = re.compile(
    r"(?:x|gh|ghost|bq|du|va|vac)\d*\Z"  # alone: X, Bq1
    r"|(?:gh|ghost|bq|x)[-_:(].*\Z"  # before the element: Gh(H), X-H
    r"|[a-z]{1,2}\d*[-_:(](?:gh|ghost|bq)\d*\)?\Z"  # after it: H_ghost
    r"|@.*\Z",
    re.IGNORECASE,
)


class SpeciesError(ValueError):
    """A name of an atom that is understood, and none that a frame may have."""

    kind = "species"
    """Of the fault, for counting."""


class GhostAtomError(SpeciesError):
    """A name stands for a place without a nucleus."""

    kind = "ghost atom"


class IsotopeError(SpeciesError):
    """A name stands for an isotope of hydrogen, and nothing was declared about that."""

    kind = "hydrogen isotope"


class Species(dict[str, int]):
    """Atomic number of each name, found when it is first asked for.

    Labels after the element's letters do not matter (``Cu1``, ``Fe_pv``, ``O2-``), nor do capitals
    (``CU``). Numbers are atomic numbers.

    Args:
        hydrogen_isotopes: whether D and T are hydrogen.
    """

    def __init__(self, hydrogen_isotopes: bool = False) -> None:
        super().__init__()
        self._hydrogen_isotopes = hydrogen_isotopes
        self.numbers_met: set[int] = set()
        """Atomic numbers that stood in place of names."""

    def __missing__(self, name: str) -> int:
        """Find out what ``name`` is, and keep it.

        Raises:
            SpeciesError: for ghost atoms, dummies, vacancies, and isotopes of hydrogen.
            ValueError: for what names no element.
        """
        number = self._find(name)
        self[name] = number
        return number

    def _find(self, name: str) -> int:
        if name.isdecimal():
            if not 0 < int(name) <= len(ALL_SYMBOLS):
                raise GhostAtomError(f"'{name}' is no atomic number, so there is no atom")
            self.numbers_met.add(int(name))
            return int(name)
        letters = found[1].capitalize() if (found := _LABELLED.match(name)) else ""
        if letters in _NUMBERS and not _GHOST.match(name):
            return _NUMBERS[letters]
        if letters in _ISOTOPES:
            if self._hydrogen_isotopes:
                return 1
            raise IsotopeError(
                f"'{name}' is {_ISOTOPES[letters]}; `hydrogen_isotopes: true` reads it as hydrogen"
            )
        if _GHOST.match(name):
            raise GhostAtomError(f"'{name}' is a ghost atom, a place without a nucleus")
        raise ValueError(f"'{name}' names no element")
