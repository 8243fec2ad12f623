"""Figure of the gradients of the network's layers through the first epoch of a transfer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import (
    DOUBLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

N_COLUMNS = 3


@styled
def draw_gradients(
    gradients: pd.DataFrame, *, target: str = "target", methods: Sequence[str] | None = None
) -> Figure:
    """Draw one panel per layer: gradient norm against the share of the first epoch.

    One thin line per seed and the geometric mean over the seeds in bold, one colour per method; all
    panels share their axes, so that layers can be compared.

    Args:
        gradients: ``gradients.csv``.
        target: name of the target level.
        methods: the study's methods in their order; by default as they come in ``gradients``.
    """
    drawn = list(dict.fromkeys(gradients["method"]))
    methods = drawn if methods is None else list(methods)
    look = MethodStyle(methods)
    names = list(dict.fromkeys(gradients["layer"]))
    if not names:
        figure = new_figure(DOUBLE, 2.0)
        say_in_panel(figure.subplots(), "no method transfers")
        return figure
    n_rows = -(-len(names) // N_COLUMNS)
    figure = new_figure(DOUBLE, 0.8 + 1.65 * n_rows)
    axes = figure.subplots(n_rows, N_COLUMNS, sharex=True, sharey=True, squeeze=False)
    positive = gradients.loc[gradients["gradient_norm"] > 0, "gradient_norm"]
    for i, (ax, name) in enumerate(zip(axes.flat, names, strict=False)):
        panel_letter(ax, i)
        ax.set_title(name)
        ax.set_yscale("log")
        for method in drawn:
            runs = gradients[(gradients["layer"] == name) & (gradients["method"] == method)]
            _draw_lines(ax, runs, look.colour(method), look.marker(method))
        # The panel below may be one of those that stay empty.
        if i + N_COLUMNS >= len(names):
            ax.tick_params(labelbottom=True)
            ax.set_xlabel("epochs of the transfer")
        if i % N_COLUMNS == 0:
            ax.set_ylabel("gradient norm")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    axes[0, 0].set_xlim(-0.03, 1.03)
    if len(positive):
        axes[0, 0].set_ylim(log_limits(positive))
        log_ticks(axes[0, 0].yaxis, *axes[0, 0].get_ylim())
    sizes = sorted(set(gradients["size"]))
    handles = [
        Line2D([], [], color=look.colour(m), marker=look.marker(m), label=look.label(m))
        for m in methods
        if m in drawn
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(3, len(handles)),
        title=f"first epoch on {', '.join(f'{size:,}' for size in sizes)} {plain(target)} frames",
    )
    return figure


def _draw_lines(ax: Axes, runs: pd.DataFrame, colour: str, marker: str) -> None:
    runs = runs[runs["gradient_norm"] > 0]
    if runs.empty:
        return
    seeds = runs.groupby("seed")
    if len(seeds) > 1:
        for _, run in seeds:
            ax.plot(run["epoch"], run["gradient_norm"], color=colour, lw=0.6, alpha=0.35)
    mean = runs.assign(log=np.log(runs["gradient_norm"])).groupby("epoch")["log"].mean()
    ax.plot(mean.index, np.exp(mean), color=colour, marker=marker, markersize=2.6, lw=1.2)
