"""Kinds of sources: what the section ``data`` of a level may be."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.bulk import ASEDatabase, MaterialsJSON, MatPESJSON, ParquetFiles, VaspRuns
from rungs.config.classical import ClassicalMD
from rungs.config.materials_project import MaterialsProject
from rungs.config.options import NonNegativeFloat, Options, PositiveFloat, PositiveInt, UserPath
from rungs.config.published import whereabouts


class BuiltInCrystals(Options):
    """Ionic crystals built in code and labelled by a published CHGNet (predictions, not DFT)."""

    kind: Literal["crystals"]
    labels: Literal["0.3.0", "0.2.0", "r2scan"]
    """Published weights that label the frames: 0.3.0 and 0.2.0 are GGA/GGA+U level, r2scan is
    r2SCAN level."""
    frames_per_crystal: Annotated[int, Field(ge=1, le=1000)] = 16
    """Frames made of each crystal: the first half scan the volume, the rest are strained and
    rattled."""
    n_crystals: PositiveInt | None = None
    """Use only this many crystals, evenly spaced through the list (for quick tries); null takes
    all."""
    volume_range: PositiveFloat = 0.10
    """Half-width of the volume scan, as a fraction of the equilibrium volume."""
    strain: NonNegativeFloat = 0.03
    """Standard deviation of each component of the random symmetric strain."""
    rattle: NonNegativeFloat = 0.06
    """Standard deviation of each random atomic displacement component, in Å."""

    def files(self, folder: str) -> list[str]:  # noqa: ARG002
        """Return the files that the source reads: none."""
        return []


class TextPattern(Options):
    """A number inside a text."""

    key: str
    """Key of the text."""
    pattern: str
    """Regular expression with one group, the number, e.g. `'at (\\d+) K'`. It is searched for
    anywhere in the text; where it is not found there is no number."""

    @model_validator(mode="after")
    def _has_one_group(self) -> "TextPattern":
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"pattern needs one group in parentheses, the number; it has {groups}")
        return self


class ExtendedXYZ(Options):
    """Extended-XYZ files; keys, units and signs are declared, never guessed."""

    kind: Literal["extended_xyz"]
    train: Annotated[list[UserPath], Field(min_length=1)]
    """Files with the training part, relative to `data_folder`."""
    test: list[UserPath] = []
    """Files with the published test part. When empty, the test materials are split off."""
    energy_key: str
    """Key of the total energy of the frame."""
    energy_unit: Literal["eV", "eV/atom", "kcal/mol", "kJ/mol", "Ha"]
    """Unit of the energy; `eV/atom` where it is given per atom."""
    forces_key: str
    """Key of the forces, a vector for each atom."""
    forces_unit: Literal["eV/Å", "eV/A", "meV/Å", "kcal/mol/Å", "Ha/Bohr"]
    """Unit of the force components."""
    stress_key: str | None
    """Key of the stress; null when the files carry none."""
    stress_unit: Literal["eV/Å³", "eV/A^3", "GPa", "kbar"] | None = None
    """Unit of the stress; needed with `stress_key`."""
    stress_sign: Literal["tension_positive", "compression_positive"] | None = None
    """`tension_positive` is ASE's and CHGNet's sign; VASP prints `compression_positive`."""
    magmoms_key: str | None = None
    """Per-atom key of the magnetic moments in μB; null when the files carry none."""
    material_key: str | None = None
    """Key that tells which material (or trajectory) a frame belongs to: splits are by material.
    null makes each frame a material of its own."""
    group_key: str | None = None
    """Key of a free label kept with each frame (temperature, kind of sampling, …)."""
    temperature_key: str | None = None
    """Key of the temperature in K of the simulation that a frame is from; frames without it have
    none."""
    temperature_pattern: TextPattern | None = None
    """In place of `temperature_key`, where the temperature stands in a text."""

    @model_validator(mode="after")
    def _temperature_is_declared_once(self) -> "ExtendedXYZ":
        if self.temperature_key is not None and self.temperature_pattern is not None:
            raise ValueError("give temperature_key or temperature_pattern, not both")
        return self

    @model_validator(mode="after")
    def _stress_is_declared(self) -> "ExtendedXYZ":
        if self.stress_key is not None and None in (self.stress_unit, self.stress_sign):
            raise ValueError("stress_key is set, so stress_unit and stress_sign are needed too")
        return self

    @property
    def has_temperatures(self) -> bool:
        """Whether frames can say at which temperature they were made."""
        return self.temperature_key is not None or self.temperature_pattern is not None

    def files(self, folder: str) -> list[str]:
        """Return the paths of all files, which lie in ``folder``."""
        return [str(Path(folder) / name) for name in self.train + self.test]

    def whereabouts(self, path: str) -> str | None:
        """Where the published file of this name is to be had; None for a file of one's own."""
        return whereabouts(path)


AnySource = Annotated[
    BuiltInCrystals
    | ClassicalMD
    | ExtendedXYZ
    | MaterialsJSON
    | MatPESJSON
    | ParquetFiles
    | ASEDatabase
    | VaspRuns
    | MaterialsProject,
    Field(discriminator="kind"),
]
"""The section ``data`` of a level; ``kind`` tells which."""
