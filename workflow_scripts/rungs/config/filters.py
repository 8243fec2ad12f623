"""Filters of a level's frames, for data that nobody has filtered yet."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rungs.config.options import NonNegativeFloat, Options, PositiveFloat, PositiveInt
from rungs.elements import ALL_SYMBOLS

Label = Literal["energy", "forces", "stress", "magmoms"]


class EnergyWindow(Options):
    """Frames whose energy is far from that of the material's relaxed structure are removed."""

    below: NonNegativeFloat = 0.010
    """How far a frame may lie below the relaxed energy, in eV/atom."""
    above: NonNegativeFloat = 1.0
    """How far a frame may lie above the relaxed energy, in eV/atom."""
    relaxed: Literal["known", "lowest"] = "known"
    """The relaxed energy of a material: `known` takes what the source tells, and lets frames pass
    of which it tells nothing; `lowest` takes the lowest energy per atom among the material's frames
    where the source tells nothing (`below` then removes none of them)."""


class LooserTolerance(Options):
    """A larger energy tolerance for materials of which many frames are kept already."""

    beyond: PositiveInt
    """Holds once more than this many frames of the material are kept."""
    energy: PositiveFloat
    """Energy tolerance from there on, in eV/atom."""


class NearDuplicates(Options):
    """Frames that resemble a kept frame of the same material, in energy and in structure, are
    removed. Frames are taken in the order of the source."""

    energy: PositiveFloat = 0.002
    """Frames whose energies differ by less than this, in eV/atom, are compared."""
    looser: list[LooserTolerance] = [
        LooserTolerance(beyond=10, energy=0.005),
        LooserTolerance(beyond=30, energy=0.010),
        LooserTolerance(beyond=50, energy=0.020),
    ]
    """Larger tolerances for long trajectories; [] keeps `energy` throughout."""
    structures: bool = True
    """Whether structures must match too; false removes by energy alone."""
    length_tolerance: PositiveFloat = 0.2
    """Relative difference of lattice lengths (`ltol` of pymatgen's StructureMatcher)."""
    site_tolerance: PositiveFloat = 0.3
    """Displacement as a fraction of the cube root of the volume per atom (`stol`)."""
    angle_tolerance: PositiveFloat = 5.0
    """Difference of lattice angles, in degrees (`angle_tol`)."""
    scale: bool = True
    """Whether structures are scaled to the same volume before they are compared. false tells
    the two sides of a volume scan apart."""

    @model_validator(mode="after")
    def _rising(self) -> "NearDuplicates":
        steps = [(0, self.energy), *((step.beyond, step.energy) for step in self.looser)]
        counts, energies = zip(*steps, strict=True)
        if sorted(set(counts)) != list(counts) or sorted(energies) != list(energies):
            raise ValueError(
                "looser must rise in `beyond` and in `energy`, starting above energy = "
                f"{self.energy:g}, got " + ", ".join(f"{n}: {e:g}" for n, e in steps[1:])
            )
        return self

    def tolerance(self, n_kept: int) -> float:
        """Return the energy tolerance when ``n_kept`` frames are kept, in eV/atom."""
        return max((s.energy for s in self.looser if n_kept > s.beyond), default=self.energy)


class Elements(Options):
    """Frames are removed by the elements that they hold."""

    only: Annotated[list[str], Field(min_length=1)] | None = None
    """Symbols; frames with any other element are removed. null allows all."""
    without: list[str] = []
    """Symbols; frames with any of them are removed."""

    @field_validator("only", "without")
    @classmethod
    def _are_symbols(cls, symbols: list[str] | None) -> list[str] | None:
        if unknown := [s for s in symbols or () if s not in ALL_SYMBOLS]:
            raise ValueError(
                f"{', '.join(unknown)}: no symbol of an element; write symbols such as Fe or O"
            )
        return symbols

    @model_validator(mode="after")
    def _asks_for_something(self) -> "Elements":
        if self.only is None and not self.without:
            raise ValueError("give `only`, `without`, or both")
        if both := sorted(set(self.only or ()) & set(self.without)):
            raise ValueError(f"{', '.join(both)} cannot be in both `only` and `without`")
        return self


class Filters(Options):
    """What is removed from a level's frames besides those that the screening refuses. All filters
    are off unless asked for: published datasets are filtered already. Limits on forces and
    stresses are the screening's."""

    labelled: list[Label] = []
    """Labels that a frame must have: `[energy, forces, stress]` removes frames that lack any of
    these. [] keeps frames with the labels that they have."""
    converged: bool = False
    """Whether frames are removed whose electronic loop hit its limit of steps; frames of which
    the source does not tell pass."""
    elements: Elements | None = None
    energy_window: EnergyWindow | None = None
    """`{}` switches it on with its defaults, which are MPtrj's."""
    near_duplicates: NearDuplicates | None = None
    """`{}` switches it on with its defaults."""

    @property
    def switched_on(self) -> list[str]:
        """Names of the filters that are on, in the order in which they are applied."""
        return [name for name in type(self).model_fields if getattr(self, name)]
