"""Where frames come from, and what is refused at the door."""

from typing import Annotated

from pydantic import Field, model_validator

from rungs.config.options import Fraction, NonNegativeFloat, Options, PositiveFloat
from rungs.config.sources import AnySource


class Level(Options):
    """One side of the study: a name, a functional, and where its frames come from."""

    label: str
    """Name in figures and tables, e.g. GGA."""
    functional: str
    """Level of theory, written into every frame, e.g. r2SCAN."""
    data: AnySource


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
    check_labels: bool = True
    """Whether a source is refused whose energies contradict its forces or stresses, between nearby
    frames, as only a wrong unit or sign explains."""


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
