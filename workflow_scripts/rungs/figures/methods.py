"""Figure of the methods side by side, at the sizes where all of them have runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES, labelled
from rungs.figures.style import (
    DOUBLE,
    GREY,
    LIGHT_GREY,
    SINGLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)


@styled
def draw_methods(
    curve: pd.DataFrame,
    means: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
    properties: Sequence[str] = ("energy", "force"),
) -> Figure:
    """Draw one panel per property: a dot for each seed and a bar at their mean.

    Sizes at which not all methods have runs are left to the learning curves; where no size is
    common, all sizes are drawn and the axis says so. Pretrained models on 0 frames stand apart, in
    open markers.

    Args:
        curve: ``learning_curve.csv``, one row per run.
        means: ``learning_curve_means.csv``.
        target: name of the target level, for the axis.
        methods: the study's methods in their order; by default as they come in ``curve``.
        properties: some of energy, force, stress, magmom; those that no test frame is labelled
            with have no panel.
    """
    properties = labelled(properties, set(curve.columns[curve.notna().any()]))
    methods = list(dict.fromkeys(curve["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    n_columns = min(2, len(properties))
    n_rows = -(-len(properties) // n_columns)
    figure = new_figure(DOUBLE if n_columns == 2 else SINGLE, n_rows * 2.7 + 0.15 * len(methods))
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat[len(properties) :]:
        ax.set_visible(False)
    for i, (ax, name) in enumerate(zip(axes.flat, properties, strict=False)):
        if len(properties) > 1:
            panel_letter(ax, i)
        words = _draw_panel(ax, PROPERTIES[name].column, curve, means, methods, look)
        ax.set_xlabel(f"{plain(target)} training frames{words}")
        ax.set_ylabel(PROPERTIES[name].label)
    handles = [
        Line2D([], [], ls="none", marker=look.marker(m), color=look.colour(m), label=look.label(m))
        for m in methods
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=n_columns, columnspacing=2.5)
    return figure


def _draw_panel(
    ax: Axes,
    metric: str,
    curve: pd.DataFrame,
    means: pd.DataFrame,
    methods: list[str],
    look: MethodStyle,
) -> str:
    """Draw one property; return what the axis label has to add."""
    means = means[(means["metric"] == metric) & means["method"].isin(methods)]
    if means.empty or metric not in curve:
        say_in_panel(ax, "no usable error")
        return ""
    words = ""
    trained = means[means["size"] > 0]
    of_method = [set(group["size"]) for _, group in trained.groupby("method")]
    sizes = sorted(set.intersection(*of_method)) if of_method else []
    if of_method and not sizes:
        sizes = sorted(set.union(*of_method))
        words = "\n(no size is common to all methods)"
    groups = ([0] if (means["size"] == 0).any() else []) + sizes
    ax.set_yscale("log")
    step = 0.88 / max(len(methods), 2)
    shown = []
    for place, size in enumerate(groups):
        if place % 2:
            ax.axvspan(place - 0.5, place + 0.5, color=LIGHT_GREY, alpha=0.45, lw=0, zorder=0)
        for j, method in enumerate(methods):
            mean = means[(means["method"] == method) & (means["size"] == size)]
            if mean.empty:
                continue
            x = place + step * (j - 0.5 * (len(methods) - 1))
            runs = curve[(curve["method"] == method) & (curve["size"] == size)]
            errors = runs.loc[runs[metric] > 0, metric].to_numpy(dtype=float)
            shown.append(errors)
            fan = np.linspace(-0.16, 0.16, len(errors)) * step if len(errors) > 1 else [0.0]
            ax.plot(
                x + np.asarray(fan),
                errors,
                linestyle="none",
                marker=look.marker(method),
                markersize=4.2 if size == 0 else 3.6,
                color=look.colour(method),
                markerfacecolor="white" if size == 0 else look.colour(method),
                markeredgewidth=1.0 if size == 0 else 0.0,
                alpha=1.0 if size == 0 else 0.75,
                zorder=3,
            )
            if len(errors) > 1:
                ax.plot(
                    [x - 0.4 * step, x + 0.4 * step],
                    [mean["mean"].iloc[0]] * 2,
                    color=look.colour(method),
                    lw=1.6,
                    solid_capstyle="butt",
                    zorder=4,
                )
    if groups[0] == 0 and len(groups) > 1:
        ax.axvline(0.5, color=GREY, lw=0.7, ls=(0, (4, 3)), zorder=1)
    labels = [f"{number(size)}" for size in groups]
    if groups[0] == 0:
        labels[0] = "0\n(initial)"
    ax.set_xticks(range(len(groups)), labels)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(groups) - 0.5)
    ax.set_ylim(log_limits(np.concatenate(shown), margin=0.08))
    log_ticks(ax.yaxis, *ax.get_ylim())
    return words
