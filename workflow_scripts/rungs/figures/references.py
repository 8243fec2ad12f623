"""Figure of the rules for the reference energies: which one wins at which subset size."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import (
    BLACK,
    BLUE,
    DOUBLE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    figure_of_words,
    log_limits,
    log_ticks,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    size_ticks,
    styled,
)

LOOKS = {
    "target": ("least squares", BLACK, "o"),
    "shrunken": ("shrunken shift", BLUE, "D"),
    "residual": ("least squares on residuals", VERMILION, "s"),
    "shrunken_residual": ("shrunken shift on residuals", GREEN, "v"),
}
LINES = {
    ("source", "source"): ("{source} references", {"color": GREY, "ls": ":"}),
    ("training", "target"): (
        "least squares, all frames",
        {"color": BLACK, "ls": (0, (4, 3)), "lw": 0.8},
    ),
    ("isolated atoms of the target", "isolated_atoms"): (
        "isolated atoms of {target}",
        {"color": ORANGE, "ls": ":"},
    ),
    ("isolated atoms of both levels", "isolated_atoms"): (
        "isolated atoms of both levels",
        {"color": ORANGE, "ls": (0, (4, 3)), "lw": 0.8},
    ),
}
"""What is fitted to no subset, by the columns `fitted_on` and `rule`."""
PANELS = (
    ("reference_mae_mev_per_atom", "reference energies alone"),
    ("pretrained_mae_mev_per_atom", "pretrained model with them"),
)


@styled
def draw_references(
    errors: pd.DataFrame, *, source: str = "source", target: str = "target"
) -> Figure:
    """Draw the test energy errors of the reference energies alone, and of the pretrained model.

    Against the number of frames that they were fitted to: small symbols for single seeds, lines
    for their geometric means; horizontal lines for the source's own reference energies, for least
    squares on the whole training part, and for those of isolated atoms where there are such.

    Args:
        errors: ``reference_errors.csv``.
        source, target: names of the levels.
    """
    if errors.empty:
        return figure_of_words("no test frame has an energy")
    figure = new_figure(DOUBLE, 3.3)
    axes = figure.subplots(1, 2)
    for i, (ax, (column, title)) in enumerate(zip(axes, PANELS, strict=True)):
        panel_letter(ax, i)
        ax.set_title(title)
        ax.set_xlabel(f"{plain(target)} frames that the references are fitted to")
        ax.set_ylabel("energy MAE (meV/atom)")
        _draw_panel(ax, errors, column)
    handles = [
        Line2D([], [], color=colour, marker=marker, label=label)
        for label, colour, marker in LOOKS.values()
    ]
    names = {"source": plain(source), "target": plain(target)}
    there = set(zip(errors["fitted_on"], errors["rule"], strict=True))
    handles += [
        Line2D([], [], label=label.format(**names), **line)
        for key, (label, line) in LINES.items()
        if key in there
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=2.0)
    return figure


def _draw_panel(ax: Axes, errors: pd.DataFrame, column: str) -> None:
    subsets = errors[errors["fitted_on"] == "subset"]
    if subsets.empty:
        say_in_panel(ax, "no subset has frames")
        return
    ax.set_xscale("log")
    ax.set_yscale("log")
    shown = [subsets[column].to_numpy()]
    for (kind, rule), (_, line) in LINES.items():
        value = errors.loc[(errors["fitted_on"] == kind) & (errors["rule"] == rule), column]
        if len(value):
            ax.axhline(value.iloc[0], zorder=1, **line)
            shown.append(value.to_numpy())
    for rule, (_, colour, marker) in LOOKS.items():
        runs = subsets[subsets["rule"] == rule]
        look = {"color": colour, "marker": marker}
        ax.plot(runs["size"], runs[column], ls="none", markersize=2.4, alpha=0.45, mew=0, **look)
        mean = np.exp(np.log(runs[column]).groupby(runs["size"]).mean())
        ax.plot(mean.index, mean, markersize=4.0, zorder=3, **look)
    sizes = sorted(set(subsets["size"]))
    ax.set_xlim(log_limits(sizes))
    size_ticks(ax.xaxis, sizes)
    ax.set_ylim(log_limits(np.concatenate(shown)))
    log_ticks(ax.yaxis, *ax.get_ylim())
