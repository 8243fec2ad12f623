"""Figure of several models: error against what training costs, with the frontier of each size."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES
from rungs.figures.style import (
    DOUBLE,
    GREY,
    MODELS,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

_MARKERS = "oDs^vPX"


@styled
def draw_models(models: pd.DataFrame, *, target: str = "target") -> Figure:
    """Draw one log-log panel per property: errors on test frames against the seconds of training.

    A colour for each model, a marker for each way of training, filled where it starts from
    pretrained weights, larger with more frames. A grey step for each size is its frontier: what no
    other model undercuts in error with less training. The cost of a transfer has its pretraining in
    it.

    Args:
        models: ``models.csv``.
        target: name of the target level.
    """
    names = list(dict.fromkeys(models.sort_values(["kind", "parameters"])["model"]))
    strategies = list(dict.fromkeys(models["strategy"]))
    shown = [
        name for name in ("energy", "force") if (models["metric"] == PROPERTIES[name].column).any()
    ]
    figure = new_figure(DOUBLE, 3.3 + 0.14 * max(len(names), len(strategies) + 3))
    axes = np.atleast_1d(figure.subplots(1, max(1, len(shown))))
    if not shown:
        say_in_panel(axes[0], "no usable error")
        return figure
    sizes = sorted(models.loc[models["size"] > 0, "size"].unique())
    for i, (ax, name) in enumerate(zip(axes, shown, strict=True)):
        panel_letter(ax, i)
        rows = models[models["metric"] == PROPERTIES[name].column]
        _draw_panel(ax, rows, names, strategies, sizes)
        ax.set_xlabel("seconds of training, pretraining included")
        ax.set_ylabel(PROPERTIES[name].label)
    figure.legend(
        handles=_entries(models, names, strategies, sizes, target),
        loc="outside lower center",
        ncols=3,
        columnspacing=1.5,
    )
    return figure


def _draw_panel(
    ax: Axes, rows: pd.DataFrame, names: list[str], strategies: list[str], sizes: list[int]
) -> None:
    cost = rows["fine_tuning_seconds"] + rows["pretraining_seconds"]
    rows = rows.assign(cost=cost)[(cost > 0) & (rows["mean_error"] > 0)]
    if rows.empty:
        say_in_panel(ax, "no training has a cost")
        return
    ax.set_xscale("log")
    ax.set_yscale("log")
    for size in sizes:
        best = rows[(rows["size"] == size) & rows["on_frontier"]].sort_values("cost")
        if len(best):
            ax.step(best["cost"], best["mean_error"], where="post", color=GREY, lw=0.8, zorder=1)
            last = best.iloc[-1]
            ax.annotate(
                number(size),
                (last["cost"], last["mean_error"]),
                xytext=(4, -7),
                textcoords="offset points",
                fontsize=6.0,
                color=GREY,
            )
    for _, row in rows[rows["size"] > 0].iterrows():
        ax.plot(
            row["cost"],
            row["mean_error"],
            linestyle="none",
            zorder=3,
            markersize=_marker_size(row["size"], sizes),
            **_look(row, names, strategies),
        )
    x, y = log_limits(rows["cost"]), log_limits(rows["mean_error"])
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    log_ticks(ax.xaxis, *x)
    log_ticks(ax.yaxis, *y)


def _look(row: pd.Series, names: list[str], strategies: list[str]) -> dict:
    colour = _colour(names, row["model"])
    return {
        "marker": _MARKERS[strategies.index(row["strategy"]) % len(_MARKERS)],
        "color": colour,
        "markerfacecolor": colour if row["pretraining_seconds"] > 0 else "white",
        "markeredgewidth": 1.0,
    }


def _colour(names: list[str], name: str) -> object:
    place = names.index(name)
    if len(names) <= len(MODELS):
        return MODELS[place]
    return matplotlib.colormaps["turbo"](0.05 + 0.9 * place / (len(names) - 1))


def _marker_size(size: float, sizes: Sequence[float]) -> float:
    low, high = np.log(sizes[0]), np.log(sizes[-1])
    return 3.0 + 3.5 * (np.log(size) - low) / max(high - low, 1e-9)


def _entries(
    models: pd.DataFrame, names: list[str], strategies: list[str], sizes: list[int], target: str
) -> list[Line2D]:
    first = models.drop_duplicates("model").set_index("model")
    entries = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            color=_colour(names, name),
            label=f"{plain(name.replace('_', ' '))} ({number(first.loc[name, 'parameters'])})",
        )
        for name in names
    ]
    for strategy in strategies:
        row = models[models["strategy"] == strategy].iloc[0]
        look = _look(row, names, strategies) | {"color": GREY}
        if look["markerfacecolor"] != "white":
            look["markerfacecolor"] = GREY
        label = plain(strategy.replace("_", " "))
        entries.append(Line2D([], [], linestyle="none", label=label, **look))
    if sizes:
        words = f"least error for the cost, at {number(sizes[0])} … {number(sizes[-1])} "
        entries.append(Line2D([], [], color=GREY, lw=0.8, label=f"{words}{plain(target)} frames"))
    return entries
