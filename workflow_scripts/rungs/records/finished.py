"""Plan a computation from a finished study: ``rungs plan results/default``.

Reads the study's learning curve and configuration and prints, for every method, the frames needed
for an error, the error to expect from a budget, what more frames buy, and where training from
scratch catches up. Also takes any CSV table with the columns method, size and seed and one
column for each error.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from rungs.errors import StudyError
from rungs.scaling.answers.law_table import fit_learning_curves
from rungs.scaling.answers.plan import CALCULATIONS, Answer, Price, make_plan, usual_questions
from rungs.scaling.answers.plan_text import plan_text
from rungs.scaling.intervals.material_draws import MaterialDraws, read_material_draws
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
        baseline = next((n for n, m in methods.items() if m["initial"] == "random"), None)
    except OSError as error:
        raise StudyError(
            f"{folder}/study.yaml: cannot be read ({error.strerror}); give the folder of a "
            "finished study, such as results/default"
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise StudyError(f"{folder}/study.yaml: is not the configuration of a study") from None
    price = target.get("price")
    return Finished(
        str(study.get("title", folder.name)),
        str(target.get("label", "target")),
        derive_seed(study.get("seed", 0), "bootstrap"),
        baseline,
        Price(float(price["amount"]), price["unit"]) if price else CALCULATIONS,
        _read_rows(folder / "learning_curve.csv"),
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
    if not rows:
        raise StudyError(f"{path}: holds no rows; has the study finished?")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence on what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        study = read_finished(options.study)
        if options.price:
            study = study._replace(price=_price(options.price))
        if options.baseline:
            study = study._replace(baseline=options.baseline)
        errors = dict(_target(text) for text in options.target)
        if options.target_energy_mae is not None:
            errors[ENERGY] = options.target_energy_mae
        if options.target_force_mae is not None:
            errors[FORCE] = options.target_force_mae
        answers = answer_study(study, errors, options.budget, options.more)
        if not answers:
            raise StudyError(
                f"{options.study}: no run on at least one frame has a usable {ENERGY} or {FORCE}; "
                "name another column with --target"
            )
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.json:
        json.dump([asdict(answer) for answer in answers], sys.stdout, indent=2, allow_nan=False)
        print()
    else:
        print(plan_text(answers, study.title, study.target), end="")
    return 0


def _price(text: str) -> Price:
    amount, _, unit = text.strip().partition(" ")
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    if not (0 < value < float("inf")):
        raise StudyError(f"--price {text!r}: give an amount above 0 and a unit, '12 core-hours'")
    return Price(value, unit.strip() or "core-hours")


def _target(text: str) -> tuple[str, float]:
    metric, _, value = text.partition("=")
    try:
        return metric, float(value)
    except ValueError:
        raise StudyError(f"--target {text!r}: give a column and a number, COLUMN=ERROR") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rungs plan",
        description="Frames, errors and costs to expect, from the curves of a finished study.",
        epilog="Without a target or budget: the questions of the study's configuration (`plan`), "
        "or else the error that training from scratch reaches with all frames.",
    )
    parser.add_argument("study", type=Path, help="results/NAME, or a CSV table of errors")
    parser.add_argument("--target-energy-mae", type=float, metavar="MEV_PER_ATOM")
    parser.add_argument("--target-force-mae", type=float, metavar="MEV_PER_ANGSTROM")
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="COLUMN=ERROR",
        help="an error in any column of the learning curve",
    )
    parser.add_argument("--budget", type=int, metavar="FRAMES", help="frames that can be paid for")
    parser.add_argument(
        "--more", type=int, metavar="FRAMES", help="what do these buy on top? (1000)"
    )
    parser.add_argument("--price", metavar="'12 core-hours'", help="of one target frame")
    parser.add_argument("--baseline", metavar="METHOD", help="the method that starts from scratch")
    parser.add_argument("--json", action="store_true", help="full numbers, for programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
