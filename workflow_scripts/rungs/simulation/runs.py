"""The simulations of a study's models, and of the target's own potential beside them."""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ase.calculators.calculator import Calculator

from rungs.config.simulations import Simulations
from rungs.config.study import Run
from rungs.files import write_rows
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import load_model
from rungs.simulation.calculator import ModelForces
from rungs.simulation.columns import SIMULATION_COLUMNS
from rungs.simulation.dynamics import CalculatorForces, Evaluate, Outcome, simulate
from rungs.simulation.initial_conditions import Start, draw_starts, shortest_in_training
from rungs.simulation.resuming import Found, KeptModel
from rungs.simulation.trajectories import stable_trajectories, write_trajectories
from rungs.simulation.wall import Pair, Walled, shortest_by_pair

PathLike = str | os.PathLike
REFERENCE = Run("reference", 0, -1)
"""Stands for the target's own potential, where a row names a model."""


class SimulationFiles(NamedTuple):
    """What simulations write."""

    table: PathLike
    """CSV: one row for each simulation, of the columns ``SIMULATION_COLUMNS``."""
    trajectories: PathLike
    """NPZ: samples of the stable ones; :mod:`rungs.simulation.trajectories` reads it."""


class SimulationPlan(NamedTuple):
    """What is run with every model."""

    options: Simulations
    starts: Sequence[Start]
    shortest: float
    """Shortest distance in the target's training frames, in Å."""
    walls: Mapping[Pair, float] | None = None
    """Where walls begin, by pair of elements, in Å; None without walls."""

    def walled(self, evaluate: Evaluate) -> Evaluate:
        """Return a model's forces with the walls, if there are any."""
        if self.walls is None:
            return evaluate
        return Walled(evaluate, self.walls, self.options.wall)


def make_plan(
    options: Simulations, frames: PathLike, split: PathLike, study_seed: int = 0
) -> SimulationPlan:
    """Return the simulations of each model.

    Args:
        options: the section ``simulations``.
        frames: the target's frames.
        split: the study's split.
        study_seed: the study's seed.

    Raises:
        StudyError: when there is nothing to start from.
    """
    starts = draw_starts(options, frames, split, study_seed)
    walls = None if options.wall is None else shortest_by_pair(frames, split)
    return SimulationPlan(options, starts, shortest_in_training(frames, split), walls)


def simulate_models(
    models: Mapping[Run, PathLike], plan: SimulationPlan, outputs: SimulationFiles, kept: PathLike
) -> list[str]:
    """Run all simulations with each model; return terminal lines.

    A simulation that breaks is a row like any other.

    Args:
        models: the runs' models.
        plan: from :func:`make_plan`.
        outputs: the files to write.
        kept: folder for the results of single models until all are done, so that a job that was
            stopped goes on with the next model.

    Raises:
        StudyError: when a model cannot be read.
    """
    found, lines = [], []
    parts = []
    for run, model in models.items():
        begun = time.perf_counter()
        name = f"{run.method}-{run.size}-{run.seed}"
        part = KeptModel(Path(kept) / name, _fingerprint(plan, model))
        parts.append(part)
        result = part.read()
        if result is None:
            result = _simulated(
                run, plan.walled(ModelForces(load_model(model, pick_device()))), plan
            )
            part.write(*result)
        found.append(result)
        lines.append(_line(run, result, time.perf_counter() - begun))
    _write(outputs, found)
    for part in parts:
        part.remove()
    return lines


def simulate_reference(
    calculator: Calculator, plan: SimulationPlan, outputs: SimulationFiles
) -> list[str]:
    """Run the same simulations with the potential that labelled the target.

    Args:
        calculator: with energy and forces.
        plan: from :func:`make_plan`.
        outputs: the files to write.
    """
    begun = time.perf_counter()
    result = _simulated(REFERENCE, CalculatorForces(calculator), plan)
    _write(outputs, [result])
    return [_line(REFERENCE, result, time.perf_counter() - begun)]


def _simulated(run: Run, evaluate: Evaluate, plan: SimulationPlan) -> Found:
    outcomes = simulate(evaluate, plan.starts, plan.options, plan.shortest)
    interval = plan.options.sampling_steps * plan.options.timestep / 1000
    rows = [_row(run, outcome) for outcome in outcomes]
    return rows, stable_trajectories(outcomes, run.seed, interval)


def _row(run: Run, outcome: Outcome) -> dict:
    start = outcome.start
    return {
        **run._asdict(),
        "temperature_k": start.temperature,
        "start": start.number,
        "start_frame": start.frame_id,
        "n_atoms": len(start.atoms),
        "planned_ps": outcome.planned_ps,
        "stable_ps": outcome.stable_ps,
        "stable": outcome.stable,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "mean_temperature_k": outcome.mean_temperature,
        "potential_change_ev_per_atom": outcome.potential_change,
        "energy_drift_ev_per_atom": outcome.energy_drift,
        "heat_ev_per_atom": outcome.heat,
    }


def _write(outputs: SimulationFiles, found: Sequence[Found]) -> None:
    write_trajectories(outputs.trajectories, [t for _, some in found for t in some])
    write_rows(outputs.table, SIMULATION_COLUMNS, [row for rows, _ in found for row in rows])


def _line(run: Run, result: Found, seconds: float) -> str:
    rows, _ = result
    stable = sum(row["stable"] for row in rows)
    name = "reference potential"
    if run is not REFERENCE:
        name = f"{run.method}, {run.size} frames, seed {run.seed}"
    return f"{name}: {stable} of {len(rows)} simulations stable, {seconds:.0f} s"


def _fingerprint(plan: SimulationPlan, model: PathLike) -> str:
    digest = hashlib.sha256(Path(model).read_bytes())
    digest.update(plan.options.model_dump_json().encode())
    digest.update(repr((plan.shortest, plan.walls)).encode())
    for start in plan.starts:
        digest.update(f"{start.frame_id} {start.seed} {start.temperature}".encode())
        digest.update(start.atoms.positions.tobytes() + start.atoms.cell.array.tobytes())
    return digest.hexdigest()
