"""Units that files may be in, however they are spelled, and conventions that go with them."""

import difflib
import re
from collections.abc import Callable
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

_Energy = Literal[
    "eV",
    "eV/atom",
    "kcal/mol",
    "kJ/mol",
    "Ha",
    "meV",
    "meV/atom",
    "Ha/atom",
    "Ry",
    "Ry/atom",
    "kcal/mol/atom",
    "kJ/mol/atom",
]
_Forces = Literal[
    "eV/Å",
    "eV/A",
    "meV/Å",
    "kcal/mol/Å",
    "Ha/Bohr",
    "Ha/Å",
    "Ry/Bohr",
    "Ry/Å",
    "eV/Bohr",
    "kJ/mol/Å",
    "kJ/mol/nm",
]
_Stress = Literal[
    "eV/Å³",
    "eV/A^3",
    "GPa",
    "kbar",
    "meV/Å³",
    "MPa",
    "Pa",
    "bar",
    "atm",
    "Ha/Bohr³",
    "Ry/Bohr³",
]

# Parts of a unit in lower case, and what they are called here.
_PARTS = {
    "ev": "eV",
    "electronvolt": "eV",
    "electronvolts": "eV",
    "mev": "meV",
    "ha": "Ha",
    "hartree": "Ha",
    "hartrees": "Ha",
    "eh": "Ha",
    "ry": "Ry",
    "rydberg": "Ry",
    "rydbergs": "Ry",
    "kcal": "kcal",
    "kj": "kJ",
    "mol": "mol",
    "mole": "mol",
    "atom": "atom",
    "atoms": "atom",
    "at": "atom",
    "å": "Å",
    "a": "Å",
    "ang": "Å",
    "angs": "Å",
    "angst": "Å",
    "angstrom": "Å",
    "angstroms": "Å",
    "ångström": "Å",
    "ångstrom": "Å",
    "angström": "Å",
    "bohr": "Bohr",
    "a0": "Bohr",
    "nm": "nm",
    "gpa": "GPa",
    "gigapascal": "GPa",
    "mpa": "MPa",
    "pa": "Pa",
    "pascal": "Pa",
    "kbar": "kbar",
    "kb": "kbar",
    "kilobar": "kbar",
    "bar": "bar",
    "atm": "atm",
}
_CUBED = re.compile(r"(?:\^|\*\*)?\(?3\)?\Z|³\Z")
# a factor to a negative power: Å^-1, Å**-3, Å⁻³
_INVERSE = re.compile(r"[\s·*.]*([^\W\d_]+0?)(?:\^|\*\*)?\(?[-−⁻]([13¹³])\)?")


def _plain(text: str) -> str:
    """A unit in this project's spelling, as far as its parts are known."""
    text = text.strip().lower().replace("\u212b", "å").replace("a\u030a", "å")
    text = re.sub(r"\s+per\s+", "/", text)
    text = _INVERSE.sub(lambda m: f"/{m[1]}{'' if m[2] in '1¹' else '3'}", text)
    words = []
    for part in (piece.strip().strip("()") for piece in text.strip("()").split("/")):
        length = _PARTS.get(_CUBED.sub("", part).strip())  # to the third power
        words.append(_PARTS.get(part) or (f"{length}³" if length else part))
    return "/".join(words)


def _spelled(of: str, known: tuple[str, ...]) -> Callable[[object], object]:
    """A function that gives a unit this project's spelling, and refuses those it does not know."""
    in_small = {unit.lower(): unit for unit in known}

    def spell(value: object) -> object:
        if not isinstance(value, str) or value in known:
            return value
        if (plain := _plain(value)) in known:
            return plain
        near = difflib.get_close_matches(plain.lower(), in_small, n=1, cutoff=0.5)
        hint = f"did you mean '{in_small[near[0]]}'? " if near else ""
        raise ValueError(f"'{value}' is no unit of {of}; {hint}known: {', '.join(known)}")

    return spell


EnergyUnit = Annotated[_Energy, BeforeValidator(_spelled("energy", get_args(_Energy)))]
ForcesUnit = Annotated[_Forces, BeforeValidator(_spelled("forces", get_args(_Forces)))]
StressUnit = Annotated[_Stress, BeforeValidator(_spelled("stress", get_args(_Stress)))]
StressSign = Literal["tension_positive", "compression_positive"]
StressOrder = Literal["xx yy zz yz xz xy", "xx yy zz xy yz zx"]
"""Order of six numbers: Voigt's, or the one of VASP's OUTCAR."""
