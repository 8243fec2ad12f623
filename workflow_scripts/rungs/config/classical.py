"""A source that makes its frames itself: molecular dynamics with a classical potential."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import (
    NonNegativeFloat,
    NonNegativeInt,
    Options,
    PositiveFloat,
    PositiveInt,
)

Temperatures = Annotated[list[PositiveFloat], Field(min_length=1)]


class Solid(Options):
    """Runs that start from the diamond crystal. One that melts is set aside."""

    temperatures: Temperatures
    """In K."""
    volume: PositiveFloat = 1.0
    """Relative to that of the crystal at its energy minimum."""


class Liquid(Options):
    """Runs that melt the crystal first. One that stays solid is set aside."""

    temperatures: Temperatures
    """In K, of the frames."""
    volume: PositiveFloat = 1.0
    """Relative to that of the crystal at its energy minimum."""
    melt_temperature: PositiveFloat
    """In K; well above the melting point, which a perfect crystal overshoots by far."""
    melt_duration: PositiveFloat = 4.0
    """In ps."""

    @model_validator(mode="after")
    def _melts_above(self) -> "Liquid":
        if self.melt_temperature <= max(self.temperatures):
            raise ValueError(
                f"melt_temperature ({self.melt_temperature:g} K) must be above all temperatures "
                f"of the liquid (up to {max(self.temperatures):g} K)"
            )
        return self


class StillingerWeberParameters(Options):
    """An element's parameters, where it has none built in. A, B, a and γ are silicon's, for which
    the diamond crystal is the ground state."""

    reference: Annotated[str, Field(min_length=1)]
    """Where they were published."""
    epsilon: PositiveFloat
    """Depth of the pair potential, in eV; half the cohesive energy per atom."""
    sigma: PositiveFloat
    """Length, in Å; the diamond crystal's lattice constant is 2.5923 σ."""
    lam: PositiveFloat
    """λ, strength of the three-body part: 21 for silicon, 31 for germanium."""


BUILT_IN = ("Si", "Ge")


class ClassicalMD(Options):
    """Molecular dynamics at constant temperature and volume with a built-in classical potential,
    which labels the frames. Nothing is read: the study's seed decides every frame."""

    kind: Literal["classical_md"]
    potential: Literal["stillinger_weber"]
    element: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
    """Symbol. Built in are silicon, Stillinger and Weber (1985), and germanium, Ding and Andersen
    (1986)."""
    parameters: StillingerWeberParameters | None = None
    """Of the element; null takes the built-in ones."""
    solid: Solid | None = None
    liquid: Liquid | None = None
    repeats: PositiveInt = 2
    """Conventional cells of 8 atoms along each axis; 2 makes 64 atoms."""
    runs: PositiveInt = 3
    """Independent runs at each phase and temperature for training (and validation)."""
    test_runs: NonNegativeInt = 1
    """Further runs at each, all of whose frames are test frames. 0 divides runs by `split`."""
    frames_per_run: PositiveInt = 10
    """Frames kept of each run."""
    interval: PositiveFloat = 0.2
    """Time from one frame of a run to the next, in ps; `tables/sampling.csv` says how much
    consecutive frames still have in common."""
    timestep: PositiveFloat = 2.0
    """In fs."""
    equilibration: NonNegativeFloat = 2.0
    """Time at the wanted temperature before the first frame, in ps."""
    relaxation_time: PositiveFloat = 0.1
    """Of the Langevin thermostat (the inverse of its friction), in ps."""
    strain: NonNegativeFloat = 0.01
    """Standard deviation of each component of a random symmetric strain of each run's cell."""

    @model_validator(mode="after")
    def _consistent(self) -> "ClassicalMD":
        if self.parameters is None and self.element not in BUILT_IN:
            raise ValueError(
                f"no parameters for {self.element} are built in (there are those of "
                f"{', '.join(BUILT_IN)}); give `parameters`"
            )
        if self.solid is None and self.liquid is None:
            raise ValueError("give the section `solid`, `liquid`, or both")
        for name in ("solid", "liquid"):
            counts = Counter(phase.temperatures if (phase := getattr(self, name)) else [])
            if twice := [f"{t:g}" for t, count in counts.items() if count > 1]:
                raise ValueError(f"{name}.temperatures: {', '.join(twice)} K is listed twice")
        if self.timestep / 1000 > self.interval:
            raise ValueError(
                f"interval ({self.interval:g} ps) is shorter than a timestep ({self.timestep:g} fs)"
            )
        return self

    @property
    def has_temperatures(self) -> bool:
        """Whether frames can say at which temperature they were made."""
        return True

    def files(self, folder: str) -> list[str]:  # noqa: ARG002
        """Return the files that the source reads: none."""
        return []
