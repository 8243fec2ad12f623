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
from rungs.config.units import EnergyUnit, ForcesUnit, StressOrder, StressSign, StressUnit


class BuiltInCrystals(Options):
    """Ionic crystals, and on request their elements, built in code and labelled by a published
    CHGNet (predictions, not DFT)."""

    kind: Literal["crystals"]
    labels: Literal["0.3.0", "0.2.0", "r2scan"]
    """Published weights that label the frames: 0.3.0 and 0.2.0 are GGA/GGA+U level, r2scan is
    r2SCAN level."""
    frames_per_crystal: Annotated[int, Field(ge=1, le=1000)] = 16
    """Frames made of each crystal: the first half scan the volume, the rest are strained and
    rattled. An odd half has a frame at the minimum."""
    keep_per_crystal: PositiveInt | None = None
    """Keep only this many of them, from both halves, under the ids that they have: a target with
    the source's `frames_per_crystal` then shares all of its frames with the source; null keeps
    all."""
    n_crystals: PositiveInt | None = None
    """Use only this many compounds, evenly spaced through the list (for quick tries); null takes
    all."""
    elements: bool = False
    """Whether the elements of these compounds are among the crystals, so that each compound has
    something to form from: a metal in fcc, bcc or hcp, sulfur in chains, the others in molecules.
    `n_crystals` does not count them; `split.elements: train` keeps them out of the test."""
    volume_range: PositiveFloat = 0.10
    """Half-width of the volume scan, as a fraction of the equilibrium volume."""
    strain: NonNegativeFloat = 0.03
    """Standard deviation of each component of the random symmetric strain."""
    rattle: NonNegativeFloat = 0.06
    """Standard deviation of each random atomic displacement component, in Å."""

    @model_validator(mode="after")
    def _keeps_what_there_is(self) -> "BuiltInCrystals":
        kept, made = self.keep_per_crystal, self.frames_per_crystal
        if kept is not None and kept > made:
            raise ValueError(f"keep_per_crystal is {kept}, but frames_per_crystal is {made}")
        return self

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
    """Extended-XYZ files, plain or packed; keys, units and signs are declared, never guessed. A
    label that a frame lacks is missing there, a key that none has is an error."""

    kind: Literal["extended_xyz"]
    train: Annotated[list[UserPath], Field(min_length=1)]
    """Files with the training part, relative to `data_folder`."""
    test: list[UserPath] = []
    """Files with the published test part. When empty, the test materials are split off."""
    energy_key: str | None
    """Key of the total energy of the frame; null when the files carry none."""
    energy_unit: EnergyUnit | None = None
    """Unit of the energy, in any spelling; `eV/atom` where it is given per atom. Needed with
    `energy_key`."""
    forces_key: str | None
    """Per-atom key of the forces, a vector for each atom; null when the files carry none."""
    forces_unit: ForcesUnit | None = None
    """Unit of the force components, in any spelling. Needed with `forces_key`."""
    stress_key: str | None
    """Key of the stress, six or nine numbers; null when the files carry none."""
    stress_unit: StressUnit | None = None
    """Unit of the stress, in any spelling. Needed with `stress_key`."""
    stress_sign: StressSign | None = None
    """`tension_positive` is ASE's and CHGNet's sign; VASP prints `compression_positive`. Needed
    with `stress_key`."""
    stress_order: StressOrder = "xx yy zz yz xz xy"
    """Order of six numbers of a stress or virial: Voigt's, which is ASE's, or the one of VASP's
    OUTCAR. Nine numbers need none."""
    virial_key: str | None = None
    """Key of the virial, in place of `stress_key`: the stress times the volume of the cell."""
    virial_unit: EnergyUnit = "eV"
    """Unit of the virial, which is an energy."""
    virial_sign: StressSign = "compression_positive"
    """`compression_positive` is GAP's and most others': virial = -stress · volume, with the
    stress positive under tension."""
    magmoms_key: str | None = None
    """Per-atom key of the magnetic moments in μB; null when the files carry none."""
    frame_key: str | None = None
    """Key of a frame's own id, which no other frame of the level has: frames with the same id at
    both levels are compared with each other. null takes the file's name and the place in it."""
    material_key: str | None = None
    """Key that tells which material (or trajectory) a frame belongs to: splits are by material.
    null makes each frame a material of its own. What is written there is the id, also of digits."""
    part_key: str | None = None
    """Key of a published division, where it is not one of files: frames with `test` there test,
    those with `train` or `validation` train, and validation is split off them as ever."""
    group_key: str | None = None
    """Key of a free label kept with each frame (temperature, kind of sampling, …)."""
    temperature_key: str | None = None
    """Key of the temperature in K of the simulation that a frame is from; frames without it have
    none."""
    temperature_pattern: TextPattern | None = None
    """In place of `temperature_key`, where the temperature stands in a text."""
    hydrogen_isotopes: bool = False
    """Whether atoms called D or T are hydrogen; otherwise their frames are set aside. Energies and
    forces do not depend on masses."""

    @model_validator(mode="after")
    def _temperature_is_declared_once(self) -> "ExtendedXYZ":
        if self.temperature_key is not None and self.temperature_pattern is not None:
            raise ValueError("give temperature_key or temperature_pattern, not both")
        return self

    @model_validator(mode="after")
    def _is_divided_once(self) -> "ExtendedXYZ":
        if self.part_key is not None and self.test:
            raise ValueError("give part_key, or the files under test, not both")
        return self

    @model_validator(mode="after")
    def _labels_are_declared(self) -> "ExtendedXYZ":
        for label in ("energy", "forces"):
            if getattr(self, f"{label}_key") is not None and getattr(self, f"{label}_unit") is None:
                raise ValueError(f"{label}_key is set, so {label}_unit is needed too")
        if self.stress_key is not None and None in (self.stress_unit, self.stress_sign):
            raise ValueError("stress_key is set, so stress_unit and stress_sign are needed too")
        if self.stress_key is not None and self.virial_key is not None:
            raise ValueError("give stress_key or virial_key, not both")
        keys = (self.energy_key, self.forces_key, self.stress_key, self.virial_key)
        if keys == (None,) * 4:
            raise ValueError("declares no label: give energy_key, forces_key or stress_key")
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
