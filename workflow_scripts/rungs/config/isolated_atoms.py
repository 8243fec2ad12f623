"""Energies of isolated atoms that a person has from elsewhere than the level's frames."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from rungs.config.options import Options
from rungs.elements import ALL_SYMBOLS

_KNOWN = frozenset(ALL_SYMBOLS[:94])


class IsolatedAtomEnergies(Options):
    """Energies of isolated atoms at this level of theory and in this code, in eV: listed here, or
    in a CSV file with a row for each element. They come before those of isolated atoms among the
    frames."""

    energies: dict[str, Annotated[float, Field(allow_inf_nan=False, strict=False)]] = {}
    """By element, e.g. `{Cu: -0.24, O: -1.91}`."""
    file: str | None = None
    """CSV file, relative to `data_folder`, in place of `energies`."""
    element_column: str = "element"
    """Column of the file with the elements' symbols."""
    energy_column: str = "energy_ev"
    """Column of the file with the energies in eV; a row without one is left out."""

    @field_validator("energies")
    @classmethod
    def _elements(cls, energies: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(energies) - _KNOWN):
            raise ValueError(f"{', '.join(unknown)}: no symbol of an element from H to Pu")
        return energies

    @model_validator(mode="after")
    def _one_way(self) -> "IsolatedAtomEnergies":
        if (self.file is None) == (not self.energies):
            raise ValueError("give either `energies` by element or a `file`")
        return self

    def files(self, folder: str) -> list[str]:
        """Return the path of the file, which lies in ``folder``, if there is one."""
        return [] if self.file is None else [str(Path(folder) / self.file)]
