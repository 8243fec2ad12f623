"""Frames of molecular dynamics with a classical potential, which labels them."""

from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from rungs.config.classical import ClassicalMD, Liquid, Solid
from rungs.config.data import Level
from rungs.frames.frame import Frame, Rejected
from rungs.seeds import derive_seed
from rungs.sources.units import stress_factor


def read_classical_md(level: Level, seed: int) -> Iterator[Frame | Rejected]:
    """Yield the frames of a level's runs: solids before liquids, run by run.

    Each run is a material of its own (``Si-solid-300K-2``), so that splits are by run; its frames
    are ``Si-solid-300K-2-000`` and so on. The last ``test_runs`` of each phase and temperature
    are given as test. A run that melted, did not melt, or blew up is :class:`Rejected` as a whole.

    Args:
        level: a level whose ``data.kind`` is ``classical_md``.
        seed: the study's seed; each run has a stream of its own, so that further runs and
            temperatures leave the others as they are.
    """
    data: ClassicalMD = level.data
    for phase, options in (("solid", data.solid), ("liquid", data.liquid)):
        for temperature in options.temperatures if options else ():
            for number in range(data.runs + data.test_runs):
                name = f"{data.element}-{phase}-{temperature:g}K-{number}"
                part = None
                if data.test_runs:
                    part = "test" if number >= data.runs else "train"
                yield from _run(level, phase, options, temperature, name, part, seed)


def _run(
    level: Level,
    phase: str,
    options: Solid | Liquid,
    temperature: float,
    name: str,
    part: str | None,
    seed: int,
) -> list[Frame | Rejected]:
    """All frames of a run, or as many :class:`Rejected` where it did not become what was wanted."""
    from rungs.classical import calculator, crystal
    from rungs.classical.dynamics import (
        Dynamics,
        NotThePhaseError,
        UnstableError,
        sample_liquid,
        sample_solid,
    )

    data: ClassicalMD = level.data
    rng = np.random.default_rng(derive_seed(seed, "classical MD", data.potential, name))
    given = data.parameters and data.parameters.model_dump()
    atoms = crystal(data.potential, data.element, data.repeats, given)
    random = rng.normal(scale=data.strain, size=(3, 3))
    strain = np.triu(random) + np.triu(random, 1).T
    cell = options.volume ** (1 / 3) * atoms.cell.array @ (np.eye(3) + strain)
    atoms.set_cell(cell, scale_atoms=True)
    atoms.calc = calculator(data.potential, data.element, given)

    dynamics = Dynamics(data.timestep, data.relaxation_time)
    times = (data.equilibration, data.interval, data.frames_per_run, rng)
    if isinstance(options, Liquid):
        melt = (options.melt_temperature, options.melt_duration)
        moments = sample_liquid(atoms, dynamics, temperature, melt, *times)
    else:
        moments = sample_solid(atoms, dynamics, temperature, *times)
    to_gpa = stress_factor("eV/Å³", "tension_positive")
    ids = [f"{name}-{index:03d}" for index in range(data.frames_per_run)]
    try:
        return [
            Frame(
                frame_id=frame_id,
                material_id=name,
                functional=level.functional,
                cell=cell,
                atomic_numbers=moment.numbers,
                cart_coords=_wrapped(moment.positions, cell),
                energy=moment.get_potential_energy(),
                forces=moment.get_forces(),
                stress=moment.get_stress() * to_gpa,
                group=phase,
                given_part=part,
                temperature=temperature,
            )
            for frame_id, moment in zip(ids, moments, strict=True)
        ]
    except (NotThePhaseError, UnstableError) as error:
        kind = "unstable" if isinstance(error, UnstableError) else "another phase"
        return [Rejected(frame_id, f"run {name}: {error}", kind) for frame_id in ids]


def _wrapped(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Positions inside the cell: in a liquid atoms wander far."""
    fractional = np.linalg.solve(cell.T, positions.T).T
    return (fractional - np.floor(fractional)) @ cell


def classical_md_origin(data: ClassicalMD, seed: int) -> dict[str, object]:
    """Provenance of classical molecular dynamics."""
    from rungs.classical.potentials import parameters

    given = data.parameters and data.parameters.model_dump()
    used = parameters(data.potential, data.element, given)
    return {
        "kind": "classical_md",
        "labels": f"{data.potential}, {used.reference}",
        "geometries": "molecular dynamics with the same potential, constant temperature and volume",
        "seed": seed,
        "options": data.model_dump(mode="json"),
        "versions": {name: version(name) for name in ("ase", "matscipy", "numpy")},
    }
