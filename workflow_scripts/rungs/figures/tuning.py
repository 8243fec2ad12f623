"""Figure of the search for recipes: validation error against learning rate."""

import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import (
    BLACK,
    DOUBLE,
    GREY,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

_ROWS = {
    "validation_loss": "loss on\nvalidation frames",
    "validation_energy_mae_mev_per_atom": "energy MAE\n(meV/atom)",
    "validation_force_mae_mev_per_angstrom": "force MAE\n(meV/Å)",
}
_SPAN = 30.0
"""Times the lowest error; what is above is cut off."""
_MARKERS = "os^Dv<>P"
_MOST_LETTERED = 6
"""Columns that have room for a letter and the words of an axis."""


@styled
def draw_tuning(trials: pd.DataFrame, recipes: pd.DataFrame, *, methods: Sequence[str]) -> Figure:
    """Draw errors on validation frames against the learning rate, a column for each method.

    One line for each subset size, through the mean over seeds. Where more than the rate is
    searched, a line has the lowest loss at each rate, and the recipes it leaves out are dots. A
    star is the recipe that runs take; a cross at the upper edge is a training that diverged. Errors
    more than 30 times the lowest are cut off.

    Args:
        trials: ``tables/tuning_trials.csv``.
        recipes: ``tables/recipes.csv``.
        methods: the study's methods in their order.
    """
    methods = [name for name in methods if (trials["method"] == name).any()]
    sizes = sorted(trials["size"].unique())
    shown = {c: words for c, words in _ROWS.items() if trials[c].notna().any()}
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, len(sizes)))
    figure = new_figure(DOUBLE, 1.55 * len(shown) + 0.9)
    axes = figure.subplots(len(shown), len(methods), squeeze=False, sharex=True, sharey="row")
    # Letters and words of narrow panels would run into each other.
    crowded = len(methods) > _MOST_LETTERED
    for i, (column, words) in enumerate(shown.items()):
        finite = trials.loc[np.isfinite(trials[column].astype(float)), column]
        for k, method in enumerate(methods):
            ax = axes[i, k]
            if not crowded:
                panel_letter(ax, i * len(methods) + k)
            own = trials[trials["method"] == method]
            if not np.isfinite(own[column].astype(float)).any():
                say_in_panel(ax, "every trial diverged")
            for size, colour, marker in zip(sizes, colours, _MARKERS * len(sizes), strict=False):
                of_size = own[own["size"] == size]
                taken = recipes[(recipes["method"] == method) & (recipes["searched_size"] == size)]
                _draw_size(ax, column, of_size, taken, colour, marker)
        ax = axes[i, 0]
        ax.set_yscale("log")
        # What fell apart without diverging would squeeze the others into a line.
        ax.set_ylim(log_limits(finite[finite <= _SPAN * finite.min()], 0.12))
        log_ticks(ax.yaxis, *ax.get_ylim())
        ax.set_ylabel(words)
    for k, method in enumerate(methods):
        words = textwrap.fill(method.replace("_", " "), max(9, 60 // len(methods)))
        axes[0, k].set_title(plain(words))
        if not crowded:
            axes[-1, k].set_xlabel("learning rate")
        axes[-1, k].set_xscale("log")
        axes[-1, k].set_xlim(log_limits(trials["learning_rate"], 0.12))
    if crowded:
        figure.supxlabel("learning rate", fontsize="medium")
    figure.legend(
        handles=_legend(sizes, colours, trials),
        loc="outside upper center",
        ncols=min(6, len(sizes) + 2),
        title="errors on validation frames; test frames took no part",
    )
    return figure


def _draw_size(
    ax: Axes, column: str, trials: pd.DataFrame, taken: pd.DataFrame, colour, marker: str
) -> None:
    if trials.empty:
        return
    # one that diverged with any seed has no mean
    means = trials.groupby("recipe").agg(
        learning_rate=("learning_rate", "first"),
        loss=("validation_loss", "mean"),
        error=(column, lambda values: values.mean(skipna=False)),
    )
    lost = means[~np.isfinite(means["loss"])]
    for rate in lost["learning_rate"].unique():
        ax.plot(rate, 0.96, "x", color=colour, transform=ax.get_xaxis_transform(), clip_on=False)
    means = means[np.isfinite(means["loss"])]
    if means.empty:
        return
    lowest = means.loc[means.groupby("learning_rate")["loss"].idxmin()].sort_index()
    lowest = lowest.sort_values("learning_rate")
    others = means.drop(lowest.index)
    ax.plot(others["learning_rate"], others["error"], ".", color=colour, ms=2.5, alpha=0.6)
    ax.plot(lowest["learning_rate"], lowest["error"], color=colour, marker=marker, ms=3.2, lw=1.0)
    for recipe in taken["recipe"].unique():
        chosen = means.loc[recipe]
        ax.plot(
            chosen["learning_rate"],
            chosen["error"],
            "*",
            ms=10,
            color=colour,
            mec=BLACK,
            mew=0.7,
            zorder=5,
        )


def _legend(sizes: Sequence[int], colours: np.ndarray, trials: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, marker=marker, ms=3.2, label=f"{number(size)} frames")
        for size, colour, marker in zip(sizes, colours, _MARKERS * len(sizes), strict=False)
    ]
    star = {"marker": "*", "ms": 9, "color": GREY, "mec": BLACK, "ls": ""}
    handles.append(Line2D([], [], label="taken", **star))
    if (~np.isfinite(trials["validation_loss"])).any():
        handles.append(Line2D([], [], color=GREY, marker="x", ls="", label="diverged"))
    return handles
