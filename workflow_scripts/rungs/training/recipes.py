"""Recipes of a study's methods: from what the trials left to what the runs take."""

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from rungs.config.training import RateFactors
from rungs.config.tuning import Search, TrainingChanges, Trial, value_words
from rungs.errors import StudyError
from rungs.files import write_json, write_rows, write_text
from rungs.training.costs import read_record
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


def read_tried(
    trials: Sequence[Trial], records: Sequence[PathLike], units: Sequence[PathLike]
) -> list[Tried]:
    """Return the recipes that were tried at one method and size, with losses averaged over seeds.

    Args:
        trials: of one method and size.
        records, units: what each left.

    Raises:
        StudyError: for a record that is missing or is no record.
    """
    found: dict[str, tuple[TrainingChanges, list[dict]]] = {}
    for trial, record, file in zip(trials, records, units, strict=True):
        changes = TrainingChanges.model_validate(read_record(record)["changes"])
        with open(file, newline="", encoding="utf-8") as handle:
            losses = {
                row["unit"]: (int(row["n_frames"]), float(row["loss"]))
                for row in csv.DictReader(handle)
            }
        found.setdefault(trial.recipe, (changes, []))[1].append(losses)
    return [Tried(name, changes, _mean(losses)) for name, (changes, losses) in found.items()]


def _mean(losses: Sequence[Mapping[str, tuple[int, float]]]) -> dict[str, tuple[int, float]]:
    if not all(losses):  # with one seed it diverged
        return {}
    return {
        unit: (n, float(np.mean([of_seed[unit][1] for of_seed in losses])))
        for unit, (n, _) in losses[0].items()
    }


def choose_recipe(
    trials: Sequence[Trial],
    records: Sequence[PathLike],
    units: Sequence[PathLike],
    *,
    axes: Mapping[str, Sequence],
    size: int,
    output: PathLike,
) -> list[str]:
    """Write the recipe that a method takes at a subset size.

    Args:
        trials: those of the method at the searched size that is nearest.
        records, units: what each left.
        axes: the searched keys with their values.
        size: the subset size.
        output: a JSON file.

    Returns:
        Lines for the terminal.

    Raises:
        StudyError: when every trial diverged.
    """
    method, searched = trials[0].method, trials[0].size
    tried = read_tried(trials, records, units)
    try:
        choice = choose(tried, axes)
    except StudyError as error:
        raise StudyError(
            f"tuning: {error} for {method} at {searched} frames; search lower learning rates"
        ) from None
    chosen = choice.tried
    row = {
        "method": method,
        "size": size,
        "searched_size": searched,
        "recipe": chosen.name,
        **_key_columns(chosen.changes),
        "validation_loss": chosen.loss,
        "lowest_loss": choice.lowest_loss,
        "standard_error": choice.standard_error,
        "n_trials": len(tried),
        "n_as_good": choice.n_as_good,
        "n_diverged": sum(not t.units for t in tried),
        "at_edge": choice.at_edge,
        "changes": chosen.changes.model_dump(mode="json"),
    }
    write_json(output, row)
    where = f"{method}, {size} frames"
    lines = [
        f"{where}: {chosen.name}, validation loss {chosen.loss:.4g} at {searched} frames (lowest "
        f"{choice.lowest_loss:.4g}); {choice.n_as_good} of {len(tried)} recipes are as good"
    ]
    if choice.at_edge:
        lines.append(f"warning: {where}: {choice.at_edge}; the best may lie beyond")
    return lines


def read_recipe(file: PathLike) -> tuple[str, TrainingChanges]:
    """Return the name of a recipe and what it changes."""
    row = json.loads(Path(file).read_text(encoding="utf-8"))
    return row["recipe"], TrainingChanges.model_validate(row["changes"])


def gather_recipes(files: Sequence[PathLike], output: PathLike, lines: PathLike) -> str:
    """Write the table of recipes, and the same as lines of a configuration.

    Args:
        files: the recipe of each method and size.
        output: the table to write.
        lines: the YAML file to write: `training_by_size` of each method, at the searched sizes.

    Returns:
        A line for the terminal.
    """
    rows = [json.loads(Path(file).read_text(encoding="utf-8")) for file in files]
    methods: dict[str, dict] = {}
    for row in rows:
        changes = row.pop("changes")  # the keys have columns
        of_method = methods.setdefault(row["method"], {"training_by_size": {}})
        of_method["training_by_size"][row["searched_size"]] = changes
    text = yaml.safe_dump({"methods": methods}, sort_keys=False, default_flow_style=None)
    write_text(lines, text)
    write_rows(output, RECIPE_COLUMNS, rows)
    edges = sum(bool(row["at_edge"]) for row in rows)
    told = f"; {edges} at the edge of what was searched" if edges else ""
    return f"{len(rows)} recipes, judged on validation frames{told}"


def gather_trials(trials: Sequence[Trial], records: Sequence[PathLike], output: PathLike) -> None:
    """Write the table of trials from their records."""
    rows = []
    for trial, file in zip(trials, records, strict=True):
        record = read_record(file)
        loss = record["validation_loss"]
        changes = TrainingChanges.model_validate(record["changes"])
        rows.append(
            {
                **trial._asdict(),
                **_key_columns(changes),
                "validation_loss": math.inf if loss is None else loss,
                **{column: record["validation_mae"].get(n) for n, column in MAE_COLUMNS.items()},
                "wall_seconds": record["wall_seconds"],
                "diverged": record["diverged"] or "",
            }
        )
    write_rows(output, TRIAL_COLUMNS, rows)


def _key_columns(changes: TrainingChanges) -> dict[str, float | str]:
    given = [key for key in KEYS if key in changes.model_fields_set]
    values = {key: getattr(changes, key) for key in given}
    return {k: value_words(v) if isinstance(v, RateFactors) else v for k, v in values.items()}
