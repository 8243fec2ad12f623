"""Figure of ways of using both levels: what they keep of the source and what they gain at the
target."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES
from rungs.figures.style import (
    BLUE,
    DOUBLE,
    GREY,
    LIGHT_GREY,
    ORANGE,
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
def draw_strategies(
    rows: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw a row of panels for energy and one for force.

    On the left, where the source was judged: error on the source's test frames against error on the
    target's, a marker for each method, lines from fewer to more frames, dashes at the pretrained
    model's error on the source. In the middle, of the most frames: the ratio of errors to plain
    fine-tuning, on all test materials and on those of chemistry that the run's frames lack. On the
    right: scratch-equivalent frames, at the number of frames where most methods are in range.

    Args:
        rows: ``strategies.csv``.
        source, target: names of the levels.
        methods: the study's methods in their order.
    """
    methods = list(dict.fromkeys(rows["method"])) if methods is None else list(methods)
    methods = [m for m in methods if (rows["method"] == m).any()]
    look = MethodStyle(methods)
    shown = [n for n in ("energy", "force") if (rows["metric"] == PROPERTIES[n].column).any()]
    height = 1.0 + max(1, len(shown)) * (1.1 + 0.19 * len(methods))
    figure = new_figure(DOUBLE, height)
    axes = figure.subplots(
        max(1, len(shown)), 3, squeeze=False, gridspec_kw={"width_ratios": [1.25, 1.0, 0.8]}
    )
    if not shown:
        say_in_panel(axes[0, 0], "no usable error")
        return figure
    for i, name in enumerate(shown):
        own = rows[rows["metric"] == PROPERTIES[name].column]
        sizes = own.groupby("method")["size"].apply(set)
        common = set.intersection(*sizes)
        last = own[own["size"] == (max(common) if common else own["size"].max())]
        for j, ax in enumerate(axes[i]):
            panel_letter(ax, 3 * i + j)
        _draw_kept(axes[i, 0], own, methods, look)
        axes[i, 0].set_xlabel(f"{plain(target)} {PROPERTIES[name].label}")
        axes[i, 0].set_ylabel(f"{plain(source)} {PROPERTIES[name].label}")
        _draw_ratios(axes[i, 1], last, methods, look, name)
        _draw_equivalents(axes[i, 2], own, methods, target)
    handles = [
        Line2D([], [], marker=look.marker(m), color=look.colour(m), label=look.label(m), lw=0.9)
        for m in methods
    ]
    handles += [
        Line2D([], [], color=GREY, ls=(0, (4, 3)), label="the pretrained model, before"),
        Line2D([], [], color=BLUE, marker="o", label="all test materials", lw=1.2),
    ]
    if rows["new_chemistry_ratio"].notna().any():
        label = "those of chemistry the run's frames lack"
        handles.append(Line2D([], [], color=ORANGE, marker="s", label=label, lw=1.2))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.5)
    return figure


def _draw_kept(ax: Axes, rows: pd.DataFrame, methods: Sequence[str], look: MethodStyle) -> None:
    judged = rows[rows["source_error"].notna() & (rows["source_error"] > 0)]
    if judged.empty:
        say_in_panel(ax, "errors on the source\nwere not measured")
        return
    ax.set_xscale("log")
    ax.set_yscale("log")
    before = float(judged["pretrained_error"].iloc[0])
    if before > 0:
        ax.axhline(before, color=GREY, lw=1.0, ls=(0, (4, 3)), zorder=1)
    sizes = sorted(set(judged["size"]))
    for method in methods:
        own = judged[judged["method"] == method].sort_values("size")
        colour = look.colour(method)
        ax.plot(own["error"], own["source_error"], color=colour, lw=0.9, alpha=0.7, zorder=2)
        for _, row in own.iterrows():
            ax.plot(
                row["error"],
                row["source_error"],
                linestyle="none",
                marker=look.marker(method),
                markersize=2.6 + 3.0 * sizes.index(row["size"]) / max(1, len(sizes) - 1),
                markeredgewidth=0.0,
                color=colour,
                zorder=3,
            )
    x = log_limits(judged["error"])
    y = log_limits([*judged["source_error"], *([before] if before > 0 else [])])
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    log_ticks(ax.xaxis, *x)
    log_ticks(ax.yaxis, *y)


def _draw_ratios(
    ax: Axes, rows: pd.DataFrame, methods: Sequence[str], look: MethodStyle, name: str
) -> None:
    _rows_of_methods(ax, methods, [look.label(m) for m in methods])
    ax.axvline(1.0, color=GREY, lw=0.8, zorder=1)
    ends = []
    for place, method in enumerate(methods):
        own = rows[rows["method"] == method]
        if own.empty:
            continue
        row = own.iloc[0]
        for prefix, offset, colour, marker in (
            ("error_ratio", -0.16, BLUE, "o"),
            ("new_chemistry_ratio", 0.16, ORANGE, "s"),
        ):
            value = row[prefix]
            if pd.isna(value):
                continue
            low, high = row[f"{prefix}_low"], row[f"{prefix}_high"]
            ends += [v for v in (value, low, high) if pd.notna(v)]
            _bar(ax, place + offset, value, low, high, colour, marker)
    size = int(rows["size"].iloc[0])
    ax.set_xlabel(f"{name} error / plain fine-tuning,\n{number(size)} frames")
    if ends:
        ax.set_xscale("log")
        limits = log_limits([*ends, 0.9, 1.1])
        ax.set_xlim(*limits)
        log_ticks(ax.xaxis, *limits)


def _draw_equivalents(ax: Axes, rows: pd.DataFrame, methods: Sequence[str], target: str) -> None:
    _rows_of_methods(ax, methods, [""] * len(methods))
    ax.set_xlabel(f"scratch-equivalent\n{plain(target)} frames")
    known = rows[rows["scratch_equivalent_frames"].notna()]
    if known.empty:
        ax.set_xticks([])
        say_in_panel(ax, "out of range\nof scratch")
        return
    counts = known.groupby("size").size()
    size = int(counts[counts == counts.max()].index.max())
    ends = []
    for place, method in enumerate(methods):
        own = known[(known["method"] == method) & (known["size"] == size)]
        if own.empty:
            continue
        row = own.iloc[0]
        value, low, high = (
            row[key] for key in ("scratch_equivalent_frames", "equivalent_low", "equivalent_high")
        )
        ends += [v for v in (value, low, high) if pd.notna(v)]
        _bar(ax, place, value, low, high, BLUE, "o")
    ax.set_xlabel(f"scratch-equivalent\n{plain(target)} frames, of {number(size)}")
    ax.axvline(size, color=GREY, lw=0.8, zorder=1)
    ax.set_xscale("log")
    limits = log_limits([*ends, size])
    ax.set_xlim(*limits)
    log_ticks(ax.xaxis, *limits)


def _rows_of_methods(ax: Axes, methods: Sequence[str], labels: Sequence[str]) -> None:
    for place in range(0, len(methods), 2):
        ax.axhspan(place - 0.5, place + 0.5, color=LIGHT_GREY, alpha=0.45, lw=0, zorder=0)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_yticks(range(len(methods)), labels, fontsize=6.0)
    ax.tick_params(axis="y", length=0)


def _bar(
    ax: Axes,
    place: float,
    value: float,
    low: float,
    high: float,
    colour: str,
    marker: str,
) -> None:
    """A value with its interval; an end that is out of range is not drawn."""
    ax.plot(value, place, linestyle="none", marker=marker, markersize=3.2, color=colour, zorder=3)
    start, end = (value if np.isnan(x) else x for x in (low, high))
    ax.plot([start, end], [place, place], color=colour, lw=1.2, zorder=2)
