"""Which properties are computed with every model although none was trained on them."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rungs.config.options import Name, Options, PositiveFloat, UserPath
from rungs.elements import ALL_SYMBOLS

StaticCalculation = Literal["equation_of_state", "elastic", "phonons"]
"""Of the crystal at rest."""
PAIRED = "radial_distribution"
"""The property of which there may be one for each pair of elements."""
DynamicCalculation = Literal[
    "radial_distribution", "angular_distribution", "vibrational_density_of_states"
]
"""Of the stable simulations."""
Scalar = Literal[
    "lattice_constant",
    "volume",
    "bulk_modulus",
    "c11",
    "c12",
    "c44",
    "shear_modulus",
    "highest_frequency",
    "imaginary_modes",
]
"""Properties that are one number."""
SCALAR_UNITS = {
    "lattice_constant": "Å",
    "volume": "Å³/atom",
    "bulk_modulus": "GPa",
    "c11": "GPa",
    "c12": "GPa",
    "c44": "GPa",
    "shear_modulus": "GPa",
    "highest_frequency": "THz",
    "imaginary_modes": "%",
}


class RelaxedCrystal(Options):
    """The crystal that is relaxed: by its lattice, or from a file."""

    element: str | None = None
    """Symbol of the element."""
    structure: Literal["sc", "fcc", "bcc", "hcp", "diamond"] | None = None
    """Lattice of the element; null takes the one that it has at room temperature."""
    lattice_constant: PositiveFloat | None = None
    """Of the conventional cell in Å, where the relaxation starts; null takes the measured one."""
    file: UserPath | None = None
    """A file that ASE reads (CIF, POSCAR …), relative to `data_folder`, in place of the above."""

    @model_validator(mode="after")
    def _one_way(self) -> "RelaxedCrystal":
        if self.file is None and self.element is None:
            raise ValueError("give `element`, or `file`")
        if self.file is not None and (self.element or self.structure or self.lattice_constant):
            raise ValueError("`file` has the whole crystal; remove the other keys")
        return self


class ReferenceValue(Options):
    """A number from the literature that models are compared with."""

    value: Annotated[float, Field(allow_inf_nan=False, strict=False)]
    """The number."""
    unit: str
    """The unit that the property has in `tables/properties.csv`; it is compared, not converted."""
    source: Annotated[str, Field(min_length=1)]
    """Where the number stands: a publication, a database entry."""


class Properties(Options):
    """Properties that no model was trained on."""

    calculate: Annotated[list[StaticCalculation | DynamicCalculation], Field(min_length=1)]
    """Which ones. The last three read the stable trajectories of `simulations`."""
    crystal: RelaxedCrystal | None = None
    """The crystal of the first three; null takes that of the target's element."""
    methods: list[Name] | None = None
    """Methods whose models are asked; null takes all."""
    sizes: list[Annotated[int, Field(ge=0)]] | None = None
    """Subset sizes whose models are asked; null takes all."""
    volume_strain: Annotated[float, Field(gt=0, le=0.1, strict=False)] = 0.03
    """Largest linear strain of the equation of state, in both directions."""
    elastic_strain: Annotated[float, Field(gt=0, le=0.05, strict=False)] = 0.01
    """Largest strain of the elastic constants; half of it is applied too, in both directions."""
    phonon_supercell: PositiveFloat = 11.0
    """Least length of the supercell's edges in Å."""
    displacement: PositiveFloat = 0.015
    """Displacement of an atom in Å that force constants are taken from."""
    largest_distance: PositiveFloat = 8.0
    """Where the radial distribution ends, in Å."""
    pairs: list[Annotated[str, Field(pattern=r"^[A-Z][a-z]?-[A-Z][a-z]?$")]] = []
    """Pairs of elements, such as `[O-O, Na-Cl]`: a radial distribution of each in place of one over
    all atoms."""
    bond: PositiveFloat | None = None
    """Atoms nearer than this, in Å, make the angles of the angular distribution; null takes 1.25
    times the shortest distance in the crystal."""
    frequency_resolution: PositiveFloat = 0.5
    """Of the vibrational density of states, in THz."""
    reference_frames: bool = False
    """true compares radial and angular distributions with those of the target's own frames, all
    that have the composition of a simulation's start (and, where frames tell temperatures, the
    nearest to its own), where the target is not a built-in classical potential. It says something
    only where these frames are snapshots of dynamics at the simulation's temperature."""
    reference_values: dict[Scalar, ReferenceValue] = {}
    """What models are compared with where the target is not a built-in classical potential."""

    @field_validator("calculate")
    @classmethod
    def _once(cls, calculate: list[str]) -> list[str]:
        if twice := {name for name in calculate if calculate.count(name) > 1}:
            raise ValueError(f"{', '.join(sorted(twice))}: named more than once")
        return calculate

    @model_validator(mode="after")
    def _distributions_are_asked_for(self) -> "Properties":
        if self.pairs and PAIRED not in self.calculate:
            raise ValueError(f"pairs are those of {PAIRED}, which calculate lacks")
        if len({frozenset(pair.split("-")) for pair in self.pairs}) < len(self.pairs):
            raise ValueError("pairs: one is named more than once")
        if unknown := {e for pair in self.pairs for e in pair.split("-")} - set(ALL_SYMBOLS):
            raise ValueError(f"pairs: {', '.join(sorted(unknown))}: no such element")
        if self.reference_frames and not {PAIRED, "angular_distribution"} & set(self.calculate):
            raise ValueError("reference_frames needs a radial or angular distribution in calculate")
        return self

    @model_validator(mode="after")
    def _units(self) -> "Properties":
        for name, given in self.reference_values.items():
            if given.unit != SCALAR_UNITS[name]:
                raise ValueError(
                    f"reference_values.{name}.unit is {given.unit!r}; "
                    f"give the value in {SCALAR_UNITS[name]}"
                )
        return self

    @property
    def static(self) -> list[str]:
        """The calculations of the crystal at rest, in the order given."""
        return [name for name in self.calculate if name in StaticCalculation.__args__]

    @property
    def dynamic(self) -> list[str]:
        """The properties that read simulations, in the order given; pairs of elements as
        ``radial_distribution O-O``."""
        names = []
        for name in self.calculate:
            if name == PAIRED and self.pairs:
                names += [f"{name} {pair}" for pair in self.pairs]
            elif name in DynamicCalculation.__args__:
                names.append(name)
        return names
