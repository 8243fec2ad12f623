"""The page that a study's report opens with: the answer, the main figure and the main table."""

import base64
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rungs.figures.error_columns import PROPERTIES

_IN_A_PARAGRAPH = 2
_IN_COLUMNS = 6


def opening_page(
    answer: str | None,
    figure: str | os.PathLike,
    means: pd.DataFrame,
    *,
    target: str,
    methods: Sequence[str],
    labels: Sequence[str] = (),
) -> str:
    """Return reStructuredText that stands alone: the figure is in it.

    Args:
        answer: the answer in words, reStructuredText; None leaves it out.
        figure: a PNG file.
        means: ``learning_curve_means.csv``.
        target: name of the target level.
        methods: the study's methods in their order.
        labels: sentences on what the frames are labelled with.
    """
    parts = []
    if answer:
        parts.append(_answer(answer.strip().splitlines()))
    parts.append(_figure(Path(figure), target))
    if table := _table(means, target, methods):
        parts.append(table)
    if labels:
        parts.append(f"**The labels.** {' '.join(labels)}")
    return "\n\n".join(parts) + "\n"


def _answer(sentences: Sequence[str]) -> str:
    """Two sentences are a paragraph; more of them, of several models or strategies, a list."""
    if len(sentences) <= _IN_A_PARAGRAPH:
        return "**The answer.** " + "\n".join(sentences)
    return "\n\n".join(["**The answer.**", "\n".join(f"* {line}" for line in sentences)])


def _figure(path: Path, target: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    # docutils refuses lines beyond 10,000 characters; it joins those of an address.
    lines = textwrap.wrap(f"data:image/png;base64,{data}", 5000, break_on_hyphens=False)
    address = "\n   ".join(lines)
    return (
        f".. image:: {address}\n"
        f"   :alt: Test errors against the number of {target} frames\n"
        "   :width: 100%"
    )


def _table(means: pd.DataFrame, target: str, methods: Sequence[str]) -> str:
    """Return a table of energy and force errors: a row for each size and a column for each method,
    or where methods are many the other way round."""
    shown = [name for name in ("energy", "force") if (means["metric"] == _column(name)).any()]
    values = {(row.method, row.metric, row.size): row.mean for row in means.itertuples()}
    methods = [method for method in methods if (means["method"] == method).any()]
    if not shown or not methods:
        return ""
    header = [f"{target} frames", *(method.replace("_", " ") for method in methods)]
    rows = []
    for size in sorted(set(means["size"])):
        cells = []
        for method in methods:
            errors = [values.get((method, _column(name), size)) for name in shown]
            texts = ["–" if error is None else _three_digits(error) for error in errors]
            cells.append("" if all(error is None for error in errors) else " / ".join(texts))
        rows.append([f"{size:,}", *cells])
    if len(methods) > _IN_COLUMNS:
        turned = list(zip(header, *rows, strict=True))
        header, rows = turned[0], turned[1:]
    units = " / ".join(PROPERTIES[name].label for name in shown)
    lines = [f".. list-table:: {units} on the test frames, mean over the seeds"]
    lines += ["   :header-rows: 1", ""]
    for cells in (header, *rows):
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(cells)]
    return "\n".join(lines)


def _column(name: str) -> str:
    return PROPERTIES[name].column


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
