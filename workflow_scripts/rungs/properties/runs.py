"""The jobs: properties of the reference, and of all models of a method and size."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rungs.config.properties import Properties
from rungs.config.study import Run
from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.properties.compare import (
    REFERENCE_COLUMNS,
    read_reference,
    reference_rows,
    run_rows,
    sampling_noise,
)
from rungs.properties.crystal import BOND_FACTOR, shortest_distance, starting_crystal
from rungs.properties.curves import write_curves
from rungs.properties.motion import Simulated, dynamic_properties
from rungs.properties.quantities import RUN_COLUMNS
from rungs.properties.static import Found, static_properties
from rungs.simulation.initial_conditions import Start

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

PathLike = str | os.PathLike


class PropertyFiles(NamedTuple):
    """What a job writes, and models are compared with."""

    table: PathLike
    """CSV: one row a property."""
    curves: PathLike
    """Parquet, see :mod:`rungs.properties.curves`."""


class Potential(NamedTuple):
    """A classical potential, as :func:`rungs.classical.calculator` takes it."""

    name: str
    element: str
    parameters: Mapping[str, str | float] | None = None
    """None for the built-in ones."""


def elements_of(frames: PathLike) -> set[str]:
    """Return the symbols of all elements in a file of frames."""
    import numpy as np

    from rungs.frames.columns import iter_geometries
    from rungs.frames.elements import SYMBOLS

    numbers = set()
    for batch in iter_geometries(frames, positions=False):
        numbers |= set(np.unique(batch.atomic_numbers).tolist())
    return {SYMBOLS[number - 1] for number in numbers}


def calculate_properties(
    models: Mapping[Run, PathLike],
    options: Properties,
    *,
    elements: Collection[str],
    data_folder: str,
    simulated: Simulated | None,
    reference: PropertyFiles,
    outputs: PropertyFiles,
) -> list[str]:
    """Write the properties of the runs' models; return terminal lines.

    Args:
        models: the runs' models.
        options: the section ``properties``.
        elements: of the target's frames.
        data_folder: what a crystal's file is relative to.
        simulated: the models' simulations; None where no dynamic property is asked for.
        reference: files of :func:`calculate_reference_properties`.
        outputs: the files to write.

    Raises:
        StudyError: when there is no such crystal, or a model cannot be read.
    """
    crystal = starting_crystal(options.crystal, elements, data_folder) if options.static else None
    bond = _bond(options, elements, data_folder)
    wanted = read_reference(reference.table, reference.curves)
    rows, curves, lines = [], [], []
    for run, model in models.items():
        found = _found(
            crystal,
            partial(_calculator, model),
            None if simulated is None else simulated.of(run.seed),
            bond,
            options,
        )
        rows += run_rows(run, found, wanted)
        curves += [(run.seed, curve) for curve in found.curves]
        lines.append(f"{run.method}, {run.size} frames, seed {run.seed}: {_in_words(found)}")
    write_rows(outputs.table, RUN_COLUMNS, rows)
    write_curves(outputs.curves, curves)
    return lines


def calculate_reference_properties(
    potential: Potential | None,
    options: Properties,
    *,
    elements: Collection[str],
    data_folder: str,
    simulated: Simulated | None,
    outputs: PropertyFiles,
    frames: PathLike,
    starts: Sequence[Start] = (),
) -> list[str]:
    """Write what models are compared with: the classical potential that made the target's frames,
    or the configuration's numbers and the frames themselves; return terminal lines.

    Args:
        potential: None where the target's frames are no built-in potential's.
        options, elements, data_folder, outputs: as for :func:`calculate_properties`.
        simulated: the potential's own simulations, or None.
        frames: the target's.
        starts: of the simulations; without a potential those whose distributions are compared with
            the frames' (``properties.reference_frames``).

    Raises:
        StudyError: when the potential itself has no such properties: the crystal is not its own.
    """
    found, noise, source = Found([], []), {}, ""
    if potential is not None:
        from rungs.classical import calculator

        crystal = starting_crystal(options.crystal, elements, data_folder)
        source = f"{potential.name} of {potential.element}"
        bond = _bond(options, elements, data_folder)
        found = _found(crystal, partial(calculator, *potential), simulated, bond, options)
        if simulated is not None:
            noise = sampling_noise(simulated, bond, options)
        for value in found.values:
            if value.failed and value.temperature_k is None:
                raise StudyError(
                    f"properties.crystal: the reference itself, {source}, has no "
                    f"{value.property.replace('_', ' ')} for this crystal: {value.note}"
                )
    elif options.reference_frames:
        from rungs.properties.of_frames import distributions_of_frames

        source = "the target's frames"
        bond = _bond(options, elements, data_folder)
        found, noise = distributions_of_frames(frames, starts, bond, options)
    rows = reference_rows(found, noise, options.reference_values, source)
    write_rows(outputs.table, REFERENCE_COLUMNS, rows)
    write_curves(outputs.curves, [(None, curve) for curve in found.curves])
    if not rows:
        return ["no reference for the properties: they have values but no errors"]
    return [f"{row['property']}: {_number(row)} ({row['source']})" for row in rows]


def _found(
    crystal: "Atoms | None",
    make_calculator: Callable[[], "Calculator"],
    simulated: Simulated | None,
    bond: float | None,
    options: Properties,
) -> Found:
    """All properties of one potential, of the crystal at rest and of its simulations."""
    found = Found([], [])
    if options.static:
        found = static_properties(crystal, make_calculator(), options)
    if simulated is None:
        return found
    moving = dynamic_properties(simulated, bond, options)
    return Found(found.values + moving.values, found.curves + moving.curves)


def _number(row: Mapping) -> str:
    return "a curve" if row["value"] is None else f"{row['value']:.4g} {row['unit']}"


def _calculator(model: PathLike):
    from rungs.potentials.model_files import load_model
    from rungs.simulation.calculator import ModelCalculator

    # In double precision: force constants and stresses are differences of nearly equal numbers.
    return ModelCalculator(load_model(model).double())


def _bond(options: Properties, elements: Collection[str], data_folder: str) -> float | None:
    """The length below which atoms are neighbours, in Å; None where no property asks."""
    if "angular_distribution" not in options.dynamic:
        return None
    if options.bond is not None:
        return options.bond
    crystal = starting_crystal(options.crystal, elements, data_folder)
    return BOND_FACTOR * shortest_distance(crystal)


def _in_words(found: Found) -> str:
    failed = [value for value in found.values if value.failed]
    words = f"{len(found.values) - len(failed)} properties"
    if failed:
        reasons = "; ".join(dict.fromkeys(value.note for value in failed))
        words += f", {len(failed)} without a result ({reasons})"
    return words
