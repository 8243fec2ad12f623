"""The answers of a plan as aligned text for the terminal."""

from collections.abc import Iterable, Sequence

from rungs.scaling.answers.plan_rows import CATCH_UP, ERROR, FRAMES, GAIN, Answer
from rungs.scaling.answers.words import metric_words, rounded


def plan_text(answers: Sequence[Answer], title: str, target: str = "target") -> str:
    """Return the answers in one block for each metric and question.

    Args:
        answers: from :func:`rungs.scaling.answers.plan.make_plan`.
        title: one line for the head.
        target: name of the expensive level of theory.
    """
    blocks = [title]
    for metric in dict.fromkeys(answer.metric for answer in answers):
        for question in (FRAMES, ERROR, GAIN, CATCH_UP):
            chosen = [a for a in answers if (a.metric, a.question) == (metric, question)]
            if chosen:
                blocks.append(_block(chosen, target))
    of_materials = [a.n_materials for a in answers if a.n_materials is not None]
    scatter = "the seeds alone"
    if of_materials:
        scatter = f"seeds and {max(of_materials):,} test materials"
    blocks.append(
        f"Intervals: 90 %, over {scatter}. Nothing is read off beyond the sizes that were run."
    )
    return "\n\n".join(blocks) + "\n"


def _block(answers: Sequence[Answer], target: str) -> str:
    table = [[answer.method, *_cells(answer)] for answer in answers]
    return "\n".join([_head(answers[0], target), *_aligned(table)])


def _head(answer: Answer, target: str) -> str:
    name, unit = metric_words(answer.metric)
    if answer.question == FRAMES:
        return f"{target} frames for a MAE of {name} of {answer.given:g} {unit}:"
    if answer.question == ERROR:
        return f"MAE of {name} from {answer.given:,.0f} {target} frames, in {unit}:"
    if answer.question == GAIN:
        return (
            f"Fall of the MAE of {name} from {answer.more:,} frames on top of "
            f"{answer.given:,.0f}, in {unit}:"
        )
    return f"{target} frames at which training from scratch catches up in {name}:"


def _cells(answer: Answer) -> list[str]:
    if answer.answer is None:
        return [answer.note]
    frames = answer.question in (FRAMES, CATCH_UP)
    number = rounded(answer.answer, 2 if frames else 3)
    interval = ""
    ends, costs = (answer.low, answer.high), (answer.cost_low, answer.cost_high)
    if answer.n_materials is not None:
        ends = answer.low_with_materials, answer.high_with_materials
        costs = answer.cost_low_with_materials, answer.cost_high_with_materials
    if any(end is not None for end in ends):
        digits = 2 if frames else 3
        low, high = ("" if end is None else rounded(end, digits) for end in ends)
        if low and high:
            interval = f"{low} to {high}"
        else:
            interval = f"at least {low}" if low else f"at most {high}"
    cost = ""
    if answer.cost is not None and answer.cost_unit != "calculations":
        cost = f"{rounded(answer.cost, 2)} {answer.cost_unit}"
        if None not in costs:
            cost += f" ({rounded(costs[0], 2)} to {rounded(costs[1], 2)})"
    return [number, interval, cost, answer.note]


def _aligned(table: Iterable[Sequence[str]]) -> list[str]:
    table = list(table)
    # A sentence in place of a number does not widen its column.
    full = [row for row in table if len(row) > 2]
    widths = [max((len(row[i]) for row in full), default=0) for i in range(5)]
    first = max(len(row[0]) for row in table)
    lines = []
    for row in table:
        if len(row) == 2:
            lines.append(f"  {row[0]:<{first}}  {row[1]}")
            continue
        cells = [f"{row[1]:>{widths[1]}}"]
        cells += [f"{row[i]:<{widths[i]}}" for i in (2, 3, 4) if widths[i]]
        lines.append(f"  {row[0]:<{first}}  " + "  ".join(cells).rstrip())
    return lines
