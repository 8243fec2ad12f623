"""Where frames come from, which frames are refused, how frames are divided and drawn."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rungs.config.filters import Filters
from rungs.config.isolated_atoms import IsolatedAtomEnergies
from rungs.config.options import (
    Fraction,
    NonNegativeFloat,
    Options,
    PositiveFloat,
    Sampling,
    Seed,
    UserPath,
)
from rungs.config.sources import AnySource


class Level(Options):
    """One side of the study: a name, a functional, and where its frames come from."""

    label: str
    """Name in figures and tables, e.g. GGA."""
    functional: str
    """Level of theory, written into every frame, e.g. r2SCAN."""
    data: AnySource
    vacuum: PositiveFloat | None = None
    """Empty space in Å, wider than the network's cutoff, that slabs, chains and molecules get in
    the directions in which they are not periodic, in a periodic cell without a stress; null sets
    such frames aside."""
    isolated_atom_energies: IsolatedAtomEnergies | None = None
    """Energies of isolated atoms, for `reference: isolated_atoms`, where they are not among the
    frames."""
    filters: Filters = Filters()
    origin: Annotated[str, Field(min_length=1)] | None = None
    """Where the files are to be had, under which licence, and how they were converted, in words:
    said where one of them is missing."""

    def whereabouts(self, path: str) -> str | None:
        """Return where a file of the level is to be had, as far as it is known."""
        return self.data.whereabouts(path) or self.origin

    def atom_files(self, folder: str) -> list[str]:
        """Return the path of the table of isolated atoms, which lies in ``folder``, if there is
        one."""
        return self.isolated_atom_energies.files(folder) if self.isolated_atom_energies else []


class Price(Options):
    """What a calculation costs. Read when a plan is made, by no other job."""

    amount: PositiveFloat
    """Of one frame."""
    unit: Annotated[str, Field(min_length=1)] = "core-hours"
    """Unit of the amount, as it is to be printed: core-hours, node-hours, €, …"""


class TargetLevel(Level):
    """The expensive side: a level whose frames can have a price."""

    price: Price | None = None
    """What one target frame costs, for plans; null counts calculations."""


class Screening(Options):
    """Limits beyond which a frame goes to the rejects file, with its id and the reason."""

    min_distance: NonNegativeFloat = 0.5
    """Shortest distance between two atoms, periodic images included, in Å."""
    max_force: PositiveFloat = 100.0
    """Largest force component, in eV/Å."""
    max_stress: PositiveFloat = 1000.0
    """Largest stress component, in GPa."""
    max_energy_distance: PositiveFloat = 50.0
    """Largest distance of an energy from a robust linear fit of the level's energies on
    composition, in eV/atom. How large energies are by themselves differs from code to code."""
    isolated_atoms: Literal["set_aside", "keep"] = "set_aside"
    """Frames of a single atom without neighbours: `set_aside`, with their energies in a table
    (`frames/LEVEL_isolated_atoms.csv`) that `reference: isolated_atoms` reads, or `keep`, to train
    and test on them too."""
    check_labels: bool = True
    """Whether a source is refused whose energies contradict its forces or stresses, between nearby
    frames, as only a wrong unit or sign explains."""


def _as_written(value: object) -> object:
    if isinstance(value, bool | int | float):
        raise ValueError(
            f"YAML reads this id as {value!r}; an id is what is written, so put it in quotes"
        )
    return value


MaterialId = Annotated[str, BeforeValidator(_as_written)]


class GivenParts(Options):
    """Materials whose part is given, instead of drawn by fractions. All others train."""

    file: UserPath | None = None
    """CSV with the columns `material_id` and `part` (train, validation or test), relative to
    `data_folder`."""
    test: list[MaterialId] = []
    """Ids of the test materials, where there is no file."""
    validation: list[MaterialId] = []
    """Ids of the validation materials, where there is no file."""

    @model_validator(mode="after")
    def _one_way(self) -> "GivenParts":
        if (self.file is None) == (not self.test):
            raise ValueError("give either `file`, or the ids in `test` (and `validation`)")
        if self.file is not None and self.validation:
            raise ValueError("validation materials belong into `file`, where there is one")
        counts = Counter(self.test + self.validation)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise ValueError(f"{', '.join(twice)}: an id is listed once only")
        return self

    def path(self, folder: str) -> str | None:
        """Return the path of the file, which lies in ``folder``; None for ids in lists."""
        return None if self.file is None else str(Path(folder) / self.file)


class Split(Options):
    """Fractions of the materials held out. A material is in one part only, in both levels.

    Where a level's files carry their own train/test division, that division is kept and
    only the validation part is split off.
    """

    by: Literal["material", "composition", "chemical_system"] = "material"
    """What stays together: `material`; `composition`, all materials of a reduced formula; or
    `chemical_system`, all materials of the same set of elements. The latter two test on chemistry
    that no model has seen; the fractions are then those of formulas or systems."""
    elements: Literal["divide", "train"] = "divide"
    """What becomes of materials of one element alone: `divide` treats them as any other, `train`
    keeps them in the training part, out of the fractions. Energies of formation start from them,
    and the others of a level, compounds, teach little about them."""
    test: Fraction = 0.1
    """Share of the materials that test."""
    validation: Fraction = 0.1
    """Share of the materials that choose the best weights. 0 keeps no validation frames: every
    training then takes its final weights."""
    spread: Literal["keep", "set_aside"] = "keep"
    """What becomes of materials (compositions, systems) that a published division spreads over
    training and test: `keep` leaves the division as it is, so that frames test whose like were
    trained on. `set_aside` takes their test frames out, and from the other level's training what
    the target tests on: whole materials are then new, and no frame changes its published part."""
    parts: GivenParts | None = None
    """Given lists of materials, in place of the two fractions."""
    source_may_train_on_target_test: bool = False
    """true divides the source by itself, by the fractions, so that pretraining sees most of the
    target's test materials: to measure what such a leak is worth. The target's parts stay the
    same as with false."""

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "Split":
        if self.parts is None and self.test + self.validation >= 1:
            raise ValueError(
                f"test and validation together hold out {self.test + self.validation:g} of the "
                "materials; leave some to train on"
            )
        return self


class Subsets(Options):
    """The learning curve's x axis: how many target frames are used for fine-tuning."""

    sizes: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    """Numbers of target training frames, rising. 0 is the pretrained model itself, without any
    update. Subsets are nested: each holds the smaller ones."""
    seeds: Annotated[list[Seed], Field(min_length=1)]
    """One learning curve for each seed; the seed draws the subset, the initial weights and the
    order of the batches."""
    sampling: Sampling = "random"
    """How subsets are drawn: `random`; `element_covering`, every element as early as possible; or
    `diverse`, one frame from each of N clusters of similar frames."""

    @model_validator(mode="after")
    def _rising(self) -> "Subsets":
        if self.sizes != sorted(set(self.sizes)):
            raise ValueError(f"sizes must rise and not repeat, got {self.sizes}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must not repeat, got {self.seeds}")
        return self
