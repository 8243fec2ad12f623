"""A finished study as a plan needs it: its curve, its questions, its price of a frame.

Also any CSV table with the columns method, size and seed and one column for each error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rungs.errors import StudyError
from rungs.scaling.answers.law_table import fit_learning_curves
from rungs.scaling.answers.plan import CALCULATIONS, Answer, Price, make_plan, usual_questions
from rungs.scaling.intervals.material_draws import MaterialDraws, read_material_draws
from rungs.scaling.runs import KEYS
from rungs.seeds import derive_seed

ENERGY = "energy_mae_mev_per_atom"
FORCE = "force_mae_mev_per_angstrom"


class Finished(NamedTuple):
    """What is read of a finished study."""

    title: str
    target: str
    seed: int
    baseline: str | None
    price: Price
    rows: list[dict[str, str]]
    asked: Mapping[str, object]
    """The section ``plan`` of its configuration."""
    materials: Mapping[str, MaterialDraws]
    """Draws of the test materials, by property; empty where there are none."""


def read_finished(path: Path) -> Finished:
    """Read the folder of a finished study, or a table of errors.

    Raises:
        StudyError: when a file is missing or unreadable.
    """
    if path.is_dir():
        return _read_folder(path)
    rows = _read_rows(path)
    methods = dict.fromkeys(row.get("method") for row in rows)
    baseline = "scratch" if "scratch" in methods else None
    return Finished(path.name, "target", 0, baseline, CALCULATIONS, rows, {}, {})


def _read_folder(folder: Path) -> Finished:
    import yaml

    try:
        study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        methods, target = study["methods"], study["target"]
        price = target.get("price")
        price = Price(float(price["amount"]), price["unit"]) if price else CALCULATIONS
        from_scratch = [name for name, method in methods.items() if method["initial"] == "random"]
    except OSError as error:
        raise StudyError(
            f"{folder}/study.yaml: cannot be read ({error.strerror}); give the folder of a "
            "finished study, such as results/default"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError, ValueError, AttributeError):
        raise StudyError(f"{folder}/study.yaml: is not the configuration of a study") from None
    rows = _read_rows(folder / "learning_curve.csv")
    run = {row["method"] for row in rows}
    baseline = next((name for name in from_scratch if name in run), None)
    return Finished(
        str(study.get("title", folder.name)),
        str(target.get("label", "target")),
        derive_seed(study.get("seed", 0), "bootstrap"),
        baseline,
        price,
        rows,
        study.get("plan") or {},
        read_material_draws(table, seed=derive_seed(study.get("seed", 0), "test materials"))
        if (table := folder / "tables/material_errors.parquet").exists()
        else {},
    )


def _read_rows(path: Path) -> list[dict[str, str]]:
    import csv

    try:
        with open(path, newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read ({error.strerror}); has the study finished?"
        ) from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: is no CSV table") from None
    except csv.Error as error:
        raise StudyError(f"{path}: is no CSV table ({error})") from None
    if not rows:
        raise StudyError(f"{path}: holds no rows; has the study finished?")
    missing = [column for column in KEYS if column not in rows[0]]
    if missing:
        raise StudyError(
            f"{path}: lacks the column {', '.join(missing)}; a learning curve has "
            f"{', '.join(KEYS)} and a column for each error"
        )
    return rows


def answer_study(
    study: Finished,
    errors: Mapping[str, float],
    budget: int | None = None,
    more: int | None = None,
) -> list[Answer]:
    """Answer what is asked; what is left open is taken from the configuration, or as usual.

    Args:
        study: what was read of a finished study.
        errors: the error asked for by metric; empty asks as the configuration does.
        budget, more: frames.

    Returns:
        The answers; none where no run on at least one frame has a usable error of energy or force.
    """
    usual, usual_budget, usual_more = usual_questions(study.rows, (ENERGY, FORCE), study.baseline)
    if not errors and budget is None:
        configured = {
            ENERGY: study.asked.get("target_energy_mae"),
            FORCE: study.asked.get("target_force_mae"),
        }
        errors = {metric: configured[metric] or usual[metric] for metric in usual}
        more = more or study.asked.get("more")
        budget = study.asked.get("budget")
        if budget is None:
            budget = usual_budget
            more = more or usual_more
    elif not errors:
        errors = usual
    if not errors:
        return []
    laws = fit_learning_curves(study.rows, metrics=list(errors), seed=study.seed)
    return make_plan(
        study.rows,
        laws,
        errors=errors,
        budget=budget,
        more=more or 1000,
        baseline=study.baseline,
        price=study.price,
        seed=study.seed,
        materials=study.materials,
    )
