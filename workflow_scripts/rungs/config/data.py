"""Where frames come from, and what is refused at the door."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import (
    Fraction,
    NonNegativeFloat,
    Options,
    PositiveFloat,
    PositiveInt,
)


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


class ExtendedXYZ(Options):
    """Extended-XYZ files; keys, units and signs are declared, never guessed."""

    kind: Literal["extended_xyz"]
    train: Annotated[list[str], Field(min_length=1)]
    """Files with the training part, relative to `data_folder`."""
    test: list[str] = []
    """Files with the published test part. When empty, the test materials are split off."""
    energy_key: str
    """Key of the total energy of the frame."""
    energy_unit: Literal["eV", "eV/atom", "kcal/mol", "kJ/mol", "Ha"]
    forces_key: str
    forces_unit: Literal["eV/Å", "eV/A", "meV/Å", "kcal/mol/Å", "Ha/Bohr"]
    stress_key: str | None
    """Key of the stress; null when the files carry none."""
    stress_unit: Literal["eV/Å³", "eV/A^3", "GPa", "kbar"] | None = None
    stress_sign: Literal["tension_positive", "compression_positive"] | None = None
    """`tension_positive` is ASE's and CHGNet's sign; VASP prints `compression_positive`."""
    magmoms_key: str | None = None
    """Per-atom key of the magnetic moments in μB; null when the files carry none."""
    material_key: str | None = None
    """Key that tells which material (or trajectory) a frame belongs to: splits are by material.
    null makes each frame a material of its own."""
    group_key: str | None = None
    """Key of a free label kept with each frame (temperature, kind of sampling, …)."""

    @model_validator(mode="after")
    def _stress_is_declared(self) -> "ExtendedXYZ":
        if self.stress_key is not None and None in (self.stress_unit, self.stress_sign):
            raise ValueError("stress_key is set, so stress_unit and stress_sign are needed too")
        return self

    def files(self, folder: str) -> list[str]:
        """Return the paths of all files, which lie in ``folder``."""
        return [str(Path(folder) / name) for name in self.train + self.test]


class Level(Options):
    """One side of the study: a name, a functional, and where its frames come from."""

    label: str
    """Name in figures and tables, e.g. GGA."""
    functional: str
    """Level of theory, written into every frame, e.g. r2SCAN."""
    data: Annotated[BuiltInCrystals | ExtendedXYZ, Field(discriminator="kind")]


class Door(Options):
    """Limits beyond which a frame goes to the rejects file, with its id and the reason."""

    min_distance: NonNegativeFloat = 0.5
    """Shortest distance between two atoms, periodic images included, in Å."""
    max_force: PositiveFloat = 100.0
    """Largest force component, in eV/Å."""
    max_stress: PositiveFloat = 1000.0
    """Largest stress component, in GPa."""
    max_abs_energy: PositiveFloat = 200.0
    """Largest absolute energy, in eV/atom."""


class Split(Options):
    """Fractions of the materials held out. A material is in one part only, in both levels.

    Where a level's files carry their own train/test division, that division is kept and
    only the validation part is split off.
    """

    test: Fraction = 0.1
    validation: Fraction = 0.1
    """0 keeps no validation frames: every training then takes its final weights."""


class Subsets(Options):
    """The learning curve's x axis: how many target frames are used for fine-tuning."""

    sizes: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    """Numbers of target training frames, rising. 0 is the pretrained model itself, without any
    update. Subsets are nested: each holds the smaller ones."""
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    """One learning curve for each seed; the seed draws the subset, the initial weights and the
    order of the batches."""

    @model_validator(mode="after")
    def _rising(self) -> "Subsets":
        if self.sizes != sorted(set(self.sizes)):
            raise ValueError(f"sizes must rise and not repeat, got {self.sizes}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must not repeat, got {self.seeds}")
        return self
