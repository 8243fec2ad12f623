"""NVT simulations of one potential, side by side, each until it ends or breaks.

Velocity Verlet with the thermostat of G. Bussi, D. Donadio and M. Parrinello, J. Chem. Phys. 126,
014101 (2007), by ASE: once a step all velocities are multiplied by one number, drawn so that the
kinetic energy is canonical. It cannot cool a hot spot more than the rest, and it hardly disturbs
vibrations. By itself it does not mix them either: a crystal that starts without displacements goes
on breathing for many picoseconds. So while the simulation thermalises, the thermostat is
Langevin's, which acts on each velocity by itself.

The heat that either brings is known. Total energy less heat would be conserved by exact integration
(for Langevin's: G. Bussi and M. Parrinello, Phys. Rev. E 75, 056707 (2007)), so its drift tells
a failing integration from a busy thermostat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.bussi import Bussi

from rungs.config.simulations import Simulations
from rungs.frames.distances import shortest_distance
from rungs.frames.frame import Frame
from rungs.simulation.calculator import Forces, UnphysicalError
from rungs.simulation.initial_conditions import Start

Evaluate = Callable[[Sequence[Atoms]], list[Forces | UnphysicalError]]
MAX_ATOMS = 1024
"""Atoms of the simulations that go side by side: beyond, a batch costs what its frames cost."""
_WIDTHS = 6
"""Widths of the canonical fluctuation that a temperature may always have."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How a simulation went, and T samples of it."""

    start: Start
    planned_ps: float
    stable_ps: float
    """Time of the last step that was physical."""
    reason: str | None
    """Which criterion ended it: ``temperature``, ``distance``, ``potential_energy``,
    ``conserved_energy``, ``lost_neighbours``, ``overlap`` or ``not_finite``; None if none did."""
    detail: str
    """The same in words, with numbers."""
    mean_temperature: float | None
    """K, over the physical steps after thermalisation; None without any."""
    potential_change: float | None
    """eV/atom, the last physical step's against the start's; None if the start was unphysical."""
    energy_drift: float | None
    """eV/atom, of total energy less heat, the last physical step's against the start's."""
    heat: float | None
    """eV/atom that the thermostat brought until the last physical step."""
    positions: np.ndarray
    """(T, n, 3) float32 in Å, not wrapped into the cell."""
    velocities: np.ndarray
    """(T, n, 3) float32 in Å/ps."""

    @property
    def stable(self) -> bool:
        """Whether it stayed physical for as long as it was planned."""
        return self.reason is None


def simulate(
    evaluate: Evaluate, starts: Sequence[Start], options: Simulations, shortest: float
) -> list[Outcome]:
    """Run the simulations and return their outcomes, in the order of ``starts``.

    Args:
        evaluate: gives energies and forces of several configurations, such as
            :class:`rungs.simulation.calculator.ModelForces` or :class:`CalculatorForces`.
        starts: from :func:`rungs.simulation.initial_conditions.draw_starts`.
        options: the section ``simulations``.
        shortest: shortest distance in the target's training frames, in Å.
    """
    outcomes = []
    for group in _groups(starts):
        outcomes += _side_by_side(evaluate, group, options, shortest)
    return outcomes


class CalculatorForces:
    """A calculator of ASE asked for one configuration after the other."""

    def __init__(self, calculator: Calculator) -> None:
        self._calculator = calculator

    def __call__(self, configurations: Sequence[Atoms]) -> list[Forces | UnphysicalError]:
        return [self._ask(atoms) for atoms in configurations]

    def _ask(self, atoms: Atoms) -> Forces | UnphysicalError:
        if not np.isfinite(atoms.positions).all():
            return UnphysicalError("not_finite", "a position is not a finite number")
        try:
            energy = float(self._calculator.get_potential_energy(atoms))
            forces = np.asarray(self._calculator.get_forces(atoms), dtype=float)
        except UnphysicalError as fault:
            return fault
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            return UnphysicalError("not_finite", "the energy or a force is not a finite number")
        return Forces(energy, forces, None)


def _groups(starts: Sequence[Start]) -> list[list[Start]]:
    groups: list[list[Start]] = []
    atoms = MAX_ATOMS
    for start in starts:
        atoms += len(start.atoms)
        if atoms > MAX_ATOMS:
            groups.append([])
            atoms = len(start.atoms)
        groups[-1].append(start)
    return groups


def _side_by_side(
    evaluate: Evaluate, starts: Sequence[Start], options: Simulations, shortest: float
) -> list[Outcome]:
    runs = [_Run(start, options, shortest) for start in starts]
    for run, answer in zip(runs, evaluate([run.atoms for run in runs]), strict=True):
        run.begin(answer)
    going = runs
    for _ in range(options.steps):
        going = [run for run in going if run.reason is None]
        if not going:
            break
        for run in going:
            run.drift()
        for run, answer in zip(going, evaluate([run.atoms for run in going]), strict=True):
            run.kick(answer)
    return [run.outcome() for run in runs]


class _Run(Bussi):
    """ASE's dynamics with its step cut in two, where forces are asked for.

    The total momentum is zero and stays so, hence there are 3n - 3 degrees of freedom.
    """

    def __init__(self, start: Start, options: Simulations, shortest: float) -> None:
        random = np.random.default_rng(start.seed)
        atoms = start.atoms.copy()
        atoms.set_momenta(_thermal_momenta(atoms, start.temperature, random))
        super().__init__(
            atoms,
            options.timestep * units.fs,
            temperature_K=start.temperature,
            taut=1000 * options.thermostat_time * units.fs,
            rng=random,
        )
        self.ndof = 3 * len(atoms) - 3
        self.target_kinetic_energy = 0.5 * self.ndof * units.kB * start.temperature
        self._start, self._options = start, options
        criteria = options.criteria
        width = np.sqrt(2 / self.ndof)
        self._hottest = start.temperature * max(criteria.temperature_factor, 1 + _WIDTHS * width)
        self._closest = criteria.shortest_distance * shortest
        self._step = 0
        self._stable_step = 0
        self._thermalised = int(np.ceil(1000 * options.thermalisation / options.timestep))
        self._temperatures: list[float] = []
        self._samples: list[tuple[np.ndarray, np.ndarray]] = []
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float, float] | None = None
        self._forces: np.ndarray | None = None
        self.reason: str | None = None
        self._detail = ""

    def begin(self, answer: Forces | UnphysicalError) -> None:
        """Take the forces at the start."""
        self._judge(answer)

    def drift(self) -> None:
        """Go on by the thermostat, half a step of velocities, and a step of positions."""
        if self._step < self._thermalised:
            self._mix_velocities()
        else:
            self.scale_velocities()
        momenta = self.atoms.get_momenta() + 0.5 * self.dt * self._forces
        self.atoms.set_momenta(momenta)
        self.atoms.positions += self.dt * momenta / self._masses
        self._step += 1

    def _mix_velocities(self) -> None:
        """Couple every velocity by itself to the bath, at the rate of the other thermostat."""
        before = self.atoms.get_kinetic_energy()
        noise = _thermal_momenta(self.atoms, self._start.temperature, self.rng)
        mixed = self.atoms.get_momenta() * self._exp_term**0.5
        self.atoms.set_momenta(mixed + noise * (1 - self._exp_term) ** 0.5)
        self.transferred_energy += self.atoms.get_kinetic_energy() - before

    def kick(self, answer: Forces | UnphysicalError) -> None:
        """Finish the step with the forces at the new positions, and judge it."""
        if isinstance(answer, Forces):
            self.atoms.set_momenta(self.atoms.get_momenta() + 0.5 * self.dt * answer.forces)
        self._judge(answer)

    def _judge(self, answer: Forces | UnphysicalError) -> None:
        if isinstance(answer, UnphysicalError):
            self._break(answer.kind, str(answer))
            return
        n = len(self.atoms)
        kinetic = self.atoms.get_kinetic_energy()
        potential = answer.energy / n
        conserved = (answer.energy + kinetic - self.transferred_energy) / n
        temperature = 2 * kinetic / (self.ndof * units.kB)
        if self._first is None:
            self._first = potential, conserved
        changed, drifted = potential - self._first[0], conserved - self._first[1]
        criteria = self._options.criteria
        counts = self._step >= self._thermalised
        # Written so that NaN breaks it.
        if not abs(changed) <= criteria.potential_energy:
            self._break(
                "potential_energy", f"the potential energy changed by {changed:.2g} eV/atom"
            )
        elif not abs(drifted) <= criteria.conserved_energy:
            self._break("conserved_energy", f"the conserved energy drifted {drifted:.2g} eV/atom")
        elif counts and not temperature <= self._hottest:
            self._break("temperature", f"the kinetic temperature is {temperature:.0f} K")
        elif found := shortest_distance(_frame(self.atoms), self._closest):
            self._break("distance", f"atoms {found[1]} and {found[2]} are {found[0]:.2f} Å apart")
        else:
            self._stable_step = self._step
            self._last = changed, drifted, self.transferred_energy / n
            self._forces = answer.forces
            if counts:
                self._temperatures.append(temperature)
                if (self._step - self._thermalised) % self._options.sampling_steps == 0:
                    self._sample()

    def _sample(self) -> None:
        velocities = self.atoms.get_velocities() * (1000 * units.fs)
        self._samples.append(
            (self.atoms.positions.astype(np.float32), velocities.astype(np.float32))
        )

    def _break(self, reason: str, words: str) -> None:
        self.reason = reason
        self._detail = f"step {self._step}: {words}"

    def outcome(self) -> Outcome:
        n = len(self.atoms)
        kept = np.array(self._samples, dtype=np.float32).reshape(-1, 2, n, 3)
        changed, drifted, heat = self._last or (None, None, None)
        return Outcome(
            start=self._start,
            planned_ps=self._options.steps * self._options.timestep / 1000,
            stable_ps=self._stable_step * self._options.timestep / 1000,
            reason=self.reason,
            detail=self._detail,
            mean_temperature=float(np.mean(self._temperatures)) if self._temperatures else None,
            potential_change=changed,
            energy_drift=drifted,
            heat=heat,
            positions=kept[:, 0],
            velocities=kept[:, 1],
        )


def _thermal_momenta(atoms: Atoms, temperature: float, random: np.random.Generator) -> np.ndarray:
    """Return (n, 3) momenta of Maxwell and Boltzmann without total momentum, in ASE's units."""
    masses = atoms.get_masses()[:, None]
    momenta = random.normal(size=(len(atoms), 3)) * np.sqrt(masses * units.kB * temperature)
    return momenta - masses * (momenta.sum(axis=0) / masses.sum())


def _frame(atoms: Atoms) -> Frame:
    """The atoms as what distances are measured in; without labels."""
    return Frame("", "", "", atoms.cell.array, atoms.numbers, atoms.positions, 0.0, None)
