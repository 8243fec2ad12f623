"""``rungs plan``: frames, errors and costs to expect, from the curves of a finished study."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rungs.errors import StudyError

if TYPE_CHECKING:
    from rungs.scaling import Price


@click.command(
    epilog="Without a target or budget: the questions of the study's configuration (`plan`), or "
    "else the error that training from scratch reaches with all frames."
)
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY")
@click.option(
    "--target-energy-mae", type=float, metavar="MEV_PER_ATOM", help="Energy error wanted."
)
@click.option(
    "--target-force-mae", type=float, metavar="MEV_PER_ANGSTROM", help="Force error wanted."
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="COLUMN=ERROR",
    help="An error in any column of the learning curve; may be repeated.",
)
@click.option("--budget", type=int, metavar="FRAMES", help="Frames that can be paid for.")
@click.option(
    "--more", type=int, metavar="FRAMES", help="What do these buy on top?  [default: 1000]"
)
@click.option("--price", metavar="'12 core-hours'", help="Of one target frame.")
@click.option("--baseline", metavar="METHOD", help="The method that starts from scratch.")
@click.option("--json", "as_json", is_flag=True, help="Full numbers, for programs.")
def plan(
    study: Path,
    target_energy_mae: float | None,
    target_force_mae: float | None,
    targets: tuple[str, ...],
    budget: int | None,
    more: int | None,
    price: str | None,
    baseline: str | None,
    as_json: bool,
) -> None:
    """Plan a computation from the finished study STUDY.

    STUDY is results/NAME, or a CSV table with the columns method, size and seed and one column for
    each error. Printed for every method: the frames needed for an error, the error to expect from
    a budget, what more frames buy, and where training from scratch catches up.
    """
    from rungs.records.finished import ENERGY, FORCE, answer_study, read_finished
    from rungs.scaling.answers.plan_text import plan_text

    finished = read_finished(study)
    if price:
        finished = finished._replace(price=_price(price))
    if baseline:
        finished = finished._replace(baseline=baseline)
    errors = dict(_target(text) for text in targets)
    if target_energy_mae is not None:
        errors[ENERGY] = target_energy_mae
    if target_force_mae is not None:
        errors[FORCE] = target_force_mae
    answers = answer_study(finished, errors, budget, more)
    if not answers:
        raise StudyError(
            f"{study}: no run on at least one frame has a usable {ENERGY} or {FORCE}; name "
            "another column with --target"
        )
    if as_json:
        import json
        from dataclasses import asdict

        rows = [asdict(answer) for answer in answers]
        click.echo(json.dumps(rows, indent=2, allow_nan=False))
    else:
        click.echo(plan_text(answers, finished.title, finished.target), nl=False)


def _price(text: str) -> "Price":
    from rungs.scaling import Price

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
