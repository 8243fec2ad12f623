"""Figure of how long simulations stay stable, against training size and against time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import (
    DOUBLE,
    GREY,
    LIGHT_GREY,
    MethodStyle,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

REFERENCE = "reference"
"""Method of the rows of the potential that labelled the target."""
_CURVES = 3


@styled
def draw_stability(
    table: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw the stable share (a) and the mean stable time (b) against the number of frames, and
    below the survival curves at up to three sizes.

    All temperatures together. Bars and bands are 90 % intervals. The potential that labelled the
    target, where it was simulated, is the dashed grey line.

    Args:
        table: ``tables/stability.csv``.
        curves: ``tables/survival.csv``.
        target: name of the target level, for the axes.
        methods: the study's methods in their order; by default as they come in ``table``.
    """
    table = table[table["temperature_k"].isna()]
    curves = curves[curves["temperature_k"].isna()]
    reference = table[table["method"] == REFERENCE]
    models = table[table["method"] != REFERENCE]
    methods = list(dict.fromkeys(models["method"])) if methods is None else list(methods)
    methods = [method for method in methods if (models["method"] == method).any()]
    look = MethodStyle(methods)
    sizes = _sizes_of_curves(models)
    figure = new_figure(DOUBLE, 4.6 + 0.15 * len(methods))
    # Six columns hold two panels above and one, two or three below.
    grid = figure.add_gridspec(2, 6)
    upper = [figure.add_subplot(grid[0, 3 * i : 3 * i + 3]) for i in range(2)]
    width = 6 // max(len(sizes), 1)
    lower = [figure.add_subplot(grid[1, i : i + width]) for i in range(0, 6, width)]
    quantities = (
        ("stable_share", "share of stable simulations", 1.0),
        ("mean_stable", "mean stable time (ps)", float(table["planned_ps"].max())),
    )
    for i, (ax, (name, label, top)) in enumerate(zip(upper, quantities, strict=True)):
        panel_letter(ax, i)
        _draw_sizes(ax, models, name, methods, look)
        _draw_reference(ax, reference, name)
        ax.set_ylim(-0.04 * top, 1.08 * top)
        ax.set_ylabel(label)
        ax.set_xlabel(f"{plain(target)} training frames")
    for i, ax in enumerate(lower):
        panel_letter(ax, 2 + i)
        if not sizes:
            say_in_panel(ax, "no simulation of a trained model")
            continue
        _draw_survival(ax, curves, sizes[i], methods, look)
        frames = "no frames" if sizes[i] == 0 else f"{number(sizes[i])} frames"
        ax.set_title(frames, fontsize=8.0)
        ax.set_xlabel("time (ps)")
    lower[0].set_ylabel("survival")
    handles = [
        Line2D([], [], marker=look.marker(m), color=look.colour(m), label=look.label(m))
        for m in methods
    ]
    if len(reference):
        handles.append(Line2D([], [], color=GREY, ls="--", label="potential of the labels"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, columnspacing=2.5)
    return figure


def _sizes_of_curves(models: pd.DataFrame) -> list[int]:
    """Return the smallest, a middle and the largest size that most methods were simulated at."""
    counts = models[models["size"] > 0].groupby("size")["method"].nunique()
    if counts.empty:
        return sorted(set(models["size"]))[:1]
    sizes = sorted(counts.index[counts == counts.max()])
    places = np.unique(np.round(np.linspace(0, len(sizes) - 1, _CURVES)).astype(int))
    return [int(sizes[place]) for place in places]


def _draw_sizes(
    ax: Axes, models: pd.DataFrame, name: str, methods: Sequence[str], look: MethodStyle
) -> None:
    """Draw one quantity at every size, with its interval."""
    sizes = sorted(set(models["size"]))
    value = f"{name}_ps" if name == "mean_stable" else name
    step = min(0.2, 0.7 / len(methods)) if methods else 0.0
    for j, method in enumerate(methods):
        rows = models[models["method"] == method].sort_values("size")
        x = np.array([sizes.index(size) for size in rows["size"]], dtype=float)
        x += step * (j - 0.5 * (len(methods) - 1))
        y = rows[value].to_numpy(float)
        low, high = rows[f"{name}_low"].to_numpy(float), rows[f"{name}_high"].to_numpy(float)
        colour = look.colour(method)
        known = np.isfinite(low) & np.isfinite(high)
        ax.vlines(x[known], low[known], high[known], color=colour, lw=1.0, alpha=0.6)
        trained = rows["size"].to_numpy() > 0
        ax.plot(x[trained], y[trained], color=colour, lw=0.8, alpha=0.5)
        for chosen, face in ((trained, colour), (~trained, "white")):
            if not chosen.any():  # an empty line that is not clipped lies in the page's corner
                continue
            ax.plot(
                x[chosen],
                y[chosen],
                linestyle="none",
                marker=look.marker(method),
                color=colour,
                markerfacecolor=face,
                clip_on=False,
                zorder=3,
            )
    for place in range(1, len(sizes), 2):
        ax.axvspan(place - 0.5, place + 0.5, color=LIGHT_GREY, alpha=0.45, lw=0, zorder=0)
    ax.set_xticks(range(len(sizes)), [number(size) for size in sizes])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(sizes) - 0.5)


def _draw_reference(ax: Axes, reference: pd.DataFrame, name: str) -> None:
    value = f"{name}_ps" if name == "mean_stable" else name
    for found in reference[value]:
        ax.axhline(found, color=GREY, ls="--", lw=0.9, zorder=1)


def _draw_survival(
    ax: Axes, curves: pd.DataFrame, size: int, methods: Sequence[str], look: MethodStyle
) -> None:
    """Draw the survival at one size, methods above each other."""
    shown = [(method, size) for method in methods] + [(REFERENCE, 0)]
    for method, frames in shown:
        rows = curves[(curves["method"] == method) & (curves["size"] == frames)]
        if rows.empty:
            continue
        colour = GREY if method == REFERENCE else look.colour(method)
        style = "--" if method == REFERENCE else "-"
        time = rows["time_ps"].to_numpy(float)
        ax.step(time, rows["survival"], where="post", color=colour, ls=style)
        if rows["low"].notna().all():
            low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
            ax.fill_between(time, low, high, step="post", color=colour, alpha=0.12, lw=0)
    ax.set_xlim(0, curves["time_ps"].max())
    ax.set_ylim(-0.03, 1.05)
