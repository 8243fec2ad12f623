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


class ClassicalMD(Options):
    """Molecular dynamics at constant temperature and volume with a built-in classical potential,
    which labels the frames. Nothing is read: the study's seed decides every frame."""

    kind: Literal["classical_md"]
    potential: Literal["stillinger_weber"]
    element: Literal["Si", "Ge"]
    """Parameters: silicon, Stillinger and Weber (1985); germanium, Ding and Andersen (1986)."""
    solid: Solid | None = None
    liquid: Liquid | None = None
    repeats: PositiveInt = 2
    """Conventional cells of 8 atoms along each axis; 2 makes 64 atoms."""
    runs: PositiveInt = 3
    """Independent runs at each phase and temperature for training (and validation)."""
    test_runs: NonNegativeInt = 1
    """Further runs at each, all of whose frames are test frames. 0 divides runs by `split`."""
    frames_per_run: PositiveInt = 10
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
