"""Figure of what fine-tuning made the models forget."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES, labelled
from rungs.figures.style import (
    DOUBLE,
    GREY,
    SINGLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    size_ticks,
    styled,
)


@styled
def draw_forgetting(
    errors: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw energy and force errors on the source's own test frames against the number of target
    frames: a symbol for each seed, a line through the seeds' means, dashes at the pretrained
    model's error; a panel for each that the frames are labelled with. Methods that start from
    random weights show what a model gets that never saw the source.

    Args:
        errors: ``forgetting.csv``.
        source, target: names of the levels.
        methods: the study's methods in their order.
    """
    methods = list(dict.fromkeys(errors["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    known = {PROPERTIES[name].column for name in set(errors["property"])}
    properties = labelled(("energy", "force"), known)
    figure = new_figure(DOUBLE if len(properties) > 1 else SINGLE, 2.9 + 0.08 * len(methods))
    drawn: set[str] = set()
    panels = figure.subplots(1, len(properties), squeeze=False)[0]
    for i, (ax, name) in enumerate(zip(panels, properties, strict=True)):
        if len(properties) > 1:
            panel_letter(ax, i)
        ax.set_xlabel(f"{plain(target)} training frames")
        ax.set_ylabel(f"{plain(source)} {PROPERTIES[name].label}")
        drawn |= _draw_panel(ax, errors[errors["property"] == name], methods, look)
    handles = [
        Line2D([], [], marker=look.marker(m), color=look.colour(m), label=look.label(m))
        for m in methods
        if m in drawn
    ]
    if handles:
        handles.append(
            Line2D([], [], color=GREY, ls=(0, (4, 3)), label="the pretrained model, before")
        )
        figure.legend(
            handles=handles, loc="outside upper center", ncols=len(properties), columnspacing=2.5
        )
    return figure


def _draw_panel(
    ax: Axes, errors: pd.DataFrame, methods: Sequence[str], look: MethodStyle
) -> set[str]:
    """Draw one property; return the methods that appear."""
    # On 0 frames, with the source's references put back in, a model is the pretrained one.
    tuned = errors[(errors["size"] > 0) & (errors["mae"] > 0)]
    if tuned.empty:
        say_in_panel(ax, "no test frames of the source" if errors.empty else "no fine-tuned model")
        return set()
    before = float(errors["pretrained_mae"].iloc[0])
    ax.set_xscale("log")
    ax.set_yscale("log")
    if before > 0:
        ax.axhline(before, color=GREY, lw=1.0, ls=(0, (4, 3)), zorder=1)
    drawn = set()
    for method in methods:
        own = tuned[tuned["method"] == method]
        if own.empty:
            continue
        drawn.add(method)
        means = own.groupby("size")["mae"].mean()
        ax.plot(means.index, means, color=look.colour(method), lw=1.2, zorder=2)
        ax.plot(
            own["size"],
            own["mae"],
            linestyle="none",
            marker=look.marker(method),
            markersize=3.4,
            markeredgewidth=0.0,
            color=look.colour(method),
            alpha=0.75,
            zorder=3,
        )
    sizes = sorted(set(tuned["size"]))
    ax.set_xlim(log_limits(sizes) if len(sizes) > 1 else (sizes[0] / 2, sizes[0] * 2))
    ax.set_ylim(log_limits([*tuned["mae"], *([before] if before > 0 else [])]))
    size_ticks(ax.xaxis, sizes)
    log_ticks(ax.yaxis, *ax.get_ylim())
    return drawn
