"""Recipes of a study's methods: from what the trials left to what the runs take."""

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rungs.config.training import RateFactors, Training
from rungs.config.tuning import Search, TrainingChanges, Trial, nearest_size, value_words
from rungs.errors import StudyError
from rungs.files import write_json, write_rows
from rungs.potentials.properties import PROPERTIES
from rungs.training.recipe_choice import Tried, choose

PathLike = str | os.PathLike
KEYS = tuple(Search.model_fields)
MAE_COLUMNS = {
    "energy": "validation_energy_mae_mev_per_atom",
    "force": "validation_force_mae_mev_per_angstrom",
    "stress": "validation_stress_mae_gpa",
    "magmom": "validation_magmom_mae_mu_b",
}
TRIAL_COLUMNS = (
    "method",
    "size",
    "seed",
    "recipe",
    *KEYS,
    "validation_loss",
    *MAE_COLUMNS.values(),
    "wall_seconds",
    "diverged",
)
RECIPE_COLUMNS = (
    "method",
    "size",
    "searched_size",
    "recipe",
    *KEYS,
    "validation_loss",
    "lowest_loss",
    "standard_error",
    "n_trials",
    "n_as_good",
    "n_diverged",
    "at_edge",
)


def read_trials(
    trials: Sequence[Trial], records: Sequence[PathLike], units: Sequence[PathLike]
) -> tuple[list[dict], dict[int, list[Tried]]]:
    """Return the rows of the table of trials, and by size the recipes of one method with losses
    averaged over seeds.

    Args:
        trials: of one method.
        records, units: what each left.
    """
    rows, by_size = [], {}
    for trial, record, file in zip(trials, records, units, strict=True):
        told = json.loads(Path(record).read_text(encoding="utf-8"))
        changes = TrainingChanges.model_validate(told["changes"])
        with open(file, newline="", encoding="utf-8") as handle:
            losses = {
                row["unit"]: (int(row["n_frames"]), float(row["loss"]))
                for row in csv.DictReader(handle)
            }
        rows.append(_trial_row(trial, told, changes))
        recipes = by_size.setdefault(trial.size, {})
        recipes.setdefault(trial.recipe, (changes, []))[1].append(losses)
    return rows, {
        size: [Tried(name, changes, _mean(losses)) for name, (changes, losses) in recipes.items()]
        for size, recipes in by_size.items()
    }


def _mean(losses: Sequence[Mapping[str, tuple[int, float]]]) -> dict[str, tuple[int, float]]:
    if not all(losses):  # with one seed it diverged
        return {}
    return {
        unit: (n, float(np.mean([of_seed[unit][1] for of_seed in losses])))
        for unit, (n, _) in losses[0].items()
    }


def _trial_row(trial: Trial, told: Mapping, changes: TrainingChanges) -> dict:
    loss = told["validation_loss"]
    errors = {MAE_COLUMNS[n]: told["validation_mae"].get(n) for n in PROPERTIES}
    return {
        **trial._asdict(),
        **_key_columns(changes),
        "validation_loss": math.inf if loss is None else loss,
        **errors,
        "wall_seconds": told["wall_seconds"],
        "diverged": told["diverged"] or "",
    }


def _key_columns(changes: TrainingChanges) -> dict[str, float | str]:
    given = [key for key in KEYS if key in changes.model_fields_set]
    values = {key: getattr(changes, key) for key in given}
    return {k: value_words(v) if isinstance(v, RateFactors) else v for k, v in values.items()}


def choose_recipes(
    trials: Sequence[Trial],
    records: Sequence[PathLike],
    units: Sequence[PathLike],
    *,
    axes: Mapping[str, Sequence],
    sizes: Sequence[int],
    output: PathLike,
) -> list[str]:
    """Write the recipes of one method: which is taken at each of the sizes that it runs at.

    Args:
        trials, records, units: its trials, and what each left.
        axes: the searched keys with their values.
        sizes: the method's subset sizes.
        output: a JSON file with the choices and with all trials.

    Returns:
        Lines for the terminal.

    Raises:
        StudyError: when every trial at a size diverged.
    """
    method = trials[0].method
    rows, by_size = read_trials(trials, records, units)
    chosen, lines = {}, []
    for size, tried in sorted(by_size.items()):
        try:
            choice = chosen[size] = choose(tried, axes)
        except StudyError as error:
            raise StudyError(
                f"tuning: {error} for {method} at {size} frames; search lower learning rates"
            ) from None
        lines.append(
            f"{method}, {size} frames: {choice.tried.name}, validation loss "
            f"{choice.tried.loss:.4g} (lowest {choice.lowest_loss:.4g}); {choice.n_as_good} of "
            f"{len(tried)} recipes are as good"
        )
        if choice.at_edge:
            lines.append(
                f"warning: {method}, {size} frames: {choice.at_edge}; the best may lie beyond"
            )
    recipes = []
    for size in sizes:
        searched = nearest_size(size, list(chosen))
        choice = chosen[searched]
        recipes.append(
            {
                "method": method,
                "size": size,
                "searched_size": searched,
                "recipe": choice.tried.name,
                **_key_columns(choice.tried.changes),
                "validation_loss": choice.tried.loss,
                "lowest_loss": choice.lowest_loss,
                "standard_error": choice.standard_error,
                "n_trials": len(by_size[searched]),
                "n_as_good": choice.n_as_good,
                "n_diverged": sum(not t.units for t in by_size[searched]),
                "at_edge": choice.at_edge,
                "changes": choice.tried.changes.model_dump(mode="json"),
            }
        )
    # Infinite losses are not JSON.
    for row in rows:
        row["validation_loss"] = _or_none(row["validation_loss"])
    write_json(output, {"recipes": recipes, "trials": rows})
    return lines


def _or_none(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def read_recipe(file: PathLike, size: int) -> tuple[str, TrainingChanges]:
    """Return the name of the recipe of a method at a size, and what it changes."""
    found = json.loads(Path(file).read_text(encoding="utf-8"))["recipes"]
    row = next(row for row in found if row["size"] == size)
    return row["recipe"], TrainingChanges.model_validate(row["changes"])


def training_with(training: Training, file: PathLike | None, size: int) -> Training:
    """Return the training of a method at a size, with the recipe in ``file`` where there is one."""
    return read_recipe(file, size)[1].of(training) if file else training


def gather_recipes(files: Sequence[PathLike], recipes: PathLike, trials: PathLike) -> None:
    """Write the tables of recipes and of trials from those of the methods."""
    found = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    rows = [row for of_method in found for row in of_method["trials"]]
    for row in rows:
        if row["validation_loss"] is None:
            row["validation_loss"] = math.inf
    taken = [row for of_method in found for row in of_method["recipes"]]
    for row in taken:
        del row["changes"]  # the keys have columns
    write_rows(recipes, RECIPE_COLUMNS, taken)
    write_rows(trials, TRIAL_COLUMNS, rows)
