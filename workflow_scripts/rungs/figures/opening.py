"""The page that a study's report opens with: the answer, the main figure and the main table."""

import base64
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rungs.figures.error_columns import PROPERTIES


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
        parts.append(f"**The answer.** {answer.strip()}")
    parts.append(_figure(Path(figure), target))
    if table := _table(means, target, methods):
        parts.append(table)
    if labels:
        parts.append(f"**The labels.** {' '.join(labels)}")
    return "\n\n".join(parts) + "\n"


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
    """Return a table of energy and force errors: a row for each size, a column for each method."""
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
