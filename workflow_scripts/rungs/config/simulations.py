"""Molecular dynamics with the finished models: which simulations, and when one counts as broken."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import Name, NonNegativeFloat, Options, PositiveFloat, PositiveInt

Factor = Annotated[float, Field(gt=1, allow_inf_nan=False, strict=False)]
Share = Annotated[float, Field(gt=0, lt=1, strict=False)]


class Crystal(Options):
    """A crystal of one element as the start of all simulations."""

    element: str
    """Symbol, e.g. Ge."""
    structure: Literal["diamond", "fcc", "bcc"] = "diamond"
    """Its conventional cubic cell is repeated."""
    lattice_constant: PositiveFloat
    """Edge of the conventional cell, in Å."""
    repeats: PositiveInt = 2
    """Conventional cells along each axis."""


class Starts(Options):
    """Where simulations start: target test frames, drawn by the study's seed, or a crystal.

    The starts and the initial velocities are the same for every model, so that models differ by
    nothing else. Where there are fewer frames than starts, frames come again with other velocities.
    """

    number: PositiveInt = 2
    """Simulations at each temperature."""
    temperature: Literal["nearest", "any"] = "nearest"
    """Which test frames serve a temperature, where frames tell theirs: those nearest to it, or
    any."""
    groups: list[str] | None = None
    """Groups of frames to draw from (where frames have groups), e.g. `[AIMD-NVT]`; null takes
    all."""
    min_atoms: Annotated[int, Field(ge=2)] = 32
    """Frames with fewer atoms are repeated along their shortest direction until they have so many:
    the temperature of a few atoms fluctuates too widely to judge by."""
    crystal: Crystal | None = None
    """A crystal in place of test frames."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Starts":
        if self.crystal and self.groups is not None:
            raise ValueError("groups are those of test frames; remove them, or the crystal")
        return self


class Criteria(Options):
    """When a simulation has become unphysical: it counts as broken from then on.

    Lost neighbours, atoms on each other and numbers that are not finite always do.
    """

    temperature_factor: Factor = 2.0
    """The kinetic temperature exceeds the wanted one by this factor, after `thermalisation`. With n
    atoms it fluctuates by √(2/(3n − 3)), a tenth for 64 atoms; factors within six such widths are
    raised to that."""
    shortest_distance: Share = 0.8
    """Two atoms are closer than this share of the shortest distance in the target's training
    frames."""
    potential_energy: PositiveFloat = 1.0
    """eV/atom by which the potential energy differs from the start's. Heating to 3,000 K changes it
    by 0.4, melting silicon by another 0.5."""
    conserved_energy: PositiveFloat = 0.05
    """eV/atom by which total energy less the heat from the thermostat differs from the start's.
    Exact integration would conserve it."""


class Simulations(Options):
    """NVT simulations with every model, and how long they stay physical.

    Velocity Verlet with the thermostat of Bussi, Donadio and Parrinello (stochastic velocity
    rescaling): canonical, and global, so it can hide no hot spot; the heat it brings is known. At
    the start, while the simulation thermalises, Langevin's thermostat, which mixes vibrations.
    """

    temperatures: Annotated[list[PositiveFloat], Field(min_length=1)]
    """K; every start is run at each."""
    starts: Starts = Starts()
    duration: PositiveFloat = 10.0
    """Planned length of a simulation, in ps. Longer stable times are not known (censored)."""
    timestep: PositiveFloat = 2.0
    """fs."""
    thermostat_time: PositiveFloat = 0.1
    """Relaxation time of the kinetic energy, in ps."""
    thermalisation: NonNegativeFloat = 1.0
    """ps at the start, with Langevin's thermostat. They count as time survived, but not for
    temperatures and trajectories."""
    sampling_interval: PositiveFloat = 0.02
    """ps between the positions and velocities that are kept of stable simulations. Vibrations up to
    half its inverse (25 THz) can be seen in them."""
    wall: PositiveFloat | None = None
    """eV/Å² of a harmonic wall between any two atoms that are closer than any two of their elements
    are in the target's training frames; null adds none. Where frames hold no short distances a
    network learns no repulsion, and may have holes; a wall keeps simulations out of them and
    changes nothing in configurations like the frames'. 50 is as stiff as a bond."""
    criteria: Criteria = Criteria()
    methods: list[Name] | None = None
    """Methods to simulate; null takes all."""
    sizes: list[Annotated[int, Field(ge=0)]] | None = None
    """Sizes to simulate; null takes all."""
    reference: bool = True
    """Run the same simulations with the target's own potential, where it has one (classical
    molecular dynamics): the criteria have to let it pass."""

    @model_validator(mode="after")
    def _times_fit(self) -> "Simulations":
        if self.thermalisation >= self.duration:
            raise ValueError("thermalisation must be shorter than duration")
        step = self.timestep / 1000
        if self.sampling_interval < step or self.duration < step:
            raise ValueError("sampling_interval and duration must not be shorter than timestep")
        if len(set(self.temperatures)) < len(self.temperatures):
            raise ValueError(f"temperatures must not repeat, got {self.temperatures}")
        return self

    @property
    def steps(self) -> int:
        """Steps of a simulation."""
        return max(1, round(self.duration * 1000 / self.timestep))

    @property
    def sampling_steps(self) -> int:
        """Steps between two samples."""
        return max(1, round(self.sampling_interval * 1000 / self.timestep))
