"""Figure of the learning curves: error against target frames, with the fitted laws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES, labelled
from rungs.figures.style import (
    DOUBLE,
    SINGLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    size_ticks,
    styled,
)
from rungs.scaling.laws.law import Law

_LABEL_LENGTH = 32
"""Letters of a method's label that fit on one line with its exponent and interval."""


@styled
def draw_learning_curves(
    curve: pd.DataFrame,
    means: pd.DataFrame,
    laws: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
    properties: Sequence[str] = ("energy", "force"),
) -> Figure:
    """Draw one log-log panel per property: every run, means over seeds, and laws where they hold.

    What stands against a curve (runs that are missing or have no usable error, a law from two
    sizes, an error that does not fall) is said beneath its law in the legend.

    Args:
        curve: ``learning_curve.csv``, one row per run.
        means: ``learning_curve_means.csv``.
        laws: ``scaling_laws.csv``; a law is drawn from its smallest to its largest size only.
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
    # A legend line that would be wider than its panel is broken in two.
    shown = laws[laws["metric"].isin([PROPERTIES[name].column for name in properties])]
    wrap = any(len(look.label(m)) > _LABEL_LENGTH for m in methods) or shown["floor"].notna().any()
    remarks = {name: _remarks(curve, laws, PROPERTIES[name].column, methods) for name in properties}
    most = max(sum(map(bool, found.values())) for found in remarks.values())
    legend_height = 0.14 * (len(methods) * (2 if wrap else 1) + most)
    figure = new_figure(DOUBLE if n_columns == 2 else SINGLE, n_rows * (2.75 + legend_height))
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat[len(properties) :]:
        ax.set_visible(False)
    for i, (ax, name) in enumerate(zip(axes.flat, properties, strict=False)):
        if len(properties) > 1:
            panel_letter(ax, i)
        separator = "\n" if wrap else ": "
        _draw_panel(ax, name, curve, means, laws, methods, look, separator, remarks[name])
        ax.set_xlabel(f"{plain(target)} training frames")
        ax.set_ylabel(PROPERTIES[name].label)
    return figure


def _draw_panel(
    ax: Axes,
    name: str,
    curve: pd.DataFrame,
    means: pd.DataFrame,
    laws: pd.DataFrame,
    methods: list[str],
    look: MethodStyle,
    separator: str,
    remarks: dict[str, str],
) -> None:
    metric = PROPERTIES[name].column
    means = means[means["metric"] == metric]
    laws = laws[laws["metric"] == metric].set_index("method")
    points = pd.DataFrame() if metric not in curve else curve[_usable(curve[metric])]
    if points.empty or means.empty:
        say_in_panel(ax, "no usable error")
        return
    sizes = sorted(means.loc[means["size"] > 0, "size"].unique())
    span = np.log10(sizes[-1] / sizes[0]) if len(sizes) > 1 else 1.0
    at_zero = (sizes[0] if sizes else 10.0) / 10 ** max(0.17 * span, 0.25)
    with_zero = [m for m in methods if ((means["method"] == m) & (means["size"] == 0)).any()]
    ax.set_xscale("log")
    ax.set_yscale("log")
    entries = []
    for method in methods:
        runs = points[(points["method"] == method) & (points["size"] > 0)]
        mean = means[means["method"] == method].sort_values("size")
        trained, zero = mean[mean["size"] > 0], mean[mean["size"] == 0]
        if mean.empty and method not in remarks:
            continue
        colour, marker = look.colour(method), look.marker(method)
        ax.plot(
            runs["size"],
            runs[metric],
            linestyle="none",
            marker=marker,
            markersize=3.0,
            color=colour,
            alpha=0.45,
            markeredgewidth=0,
            zorder=3,
        )
        ax.plot(trained["size"], trained["mean"], color=colour, lw=0.7, ls=(0, (1, 1.5)), zorder=2)
        ax.plot(
            trained["size"],
            trained["mean"],
            linestyle="none",
            marker=marker,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.5,
            markersize=4.4,
            zorder=4,
        )
        if len(zero):
            # Methods with the same starting point lie side by side, not upon each other.
            aside = with_zero.index(method) - 0.5 * (len(with_zero) - 1)
            ax.plot(
                at_zero * 10 ** (0.045 * max(span, 1.0) * aside),
                zero["mean"].iloc[0],
                marker=marker,
                color=colour,
                markerfacecolor="white",
                markeredgewidth=1.0,
                markersize=4.5,
                linestyle="none",
                zorder=4,
            )
        law = laws.loc[method] if method in laws.index else None
        fitted = law is not None and pd.notna(law["exponent"])
        if fitted:
            x = np.geomspace(law["smallest_size"], law["largest_size"], 100)
            ax.plot(x, _law(law)(x), color=colour, zorder=3.5)
        entries.append(
            Line2D(
                [],
                [],
                color=colour,
                marker=marker,
                markeredgecolor="white",
                markeredgewidth=0.5,
                markersize=4.4,
                linestyle="-" if fitted else "none",
                label=look.label(method)
                + separator
                + (_law_words(law) if fitted else "no law fitted")
                + (f"\n{remarks[method]}" if remarks.get(method) else ""),
            )
        )
    drawn = pd.concat([points.loc[points["method"].isin(methods), metric], means["mean"]])
    ax.set_ylim(log_limits(drawn))
    log_ticks(ax.yaxis, *ax.get_ylim())
    _draw_size_axis(ax, sizes, at_zero if with_zero else None)
    ax.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.46, -0.17),
        borderaxespad=0,
        handlelength=1.6,
    )


def _remarks(
    curve: pd.DataFrame, laws: pd.DataFrame, metric: str, methods: Sequence[str]
) -> dict[str, str]:
    """What stands against the curve of each method that has runs, in words; '' for nothing."""
    if metric not in curve:
        return {}
    laws = laws[laws["metric"] == metric].set_index("method")
    remarks = {}
    for method in methods:
        runs = curve[(curve["method"] == method) & (curve["size"] > 0)]
        if runs.empty:
            continue
        usable = runs[_usable(runs[metric])]
        # Runs that the others lead one to expect.
        missing = runs["size"].nunique() * runs["seed"].nunique() - len(runs)
        useless = len(runs) - len(usable)
        sizes = usable["size"].nunique()
        words = [f"{useless} run{'s' * (useless > 1)} without usable error"] if useless else []
        words += [f"{missing} run{'s' * (missing > 1)} missing"] if missing else []
        words += [f"{('no', 'one', 'two')[sizes]} size{'s' * (sizes != 1)}"] if sizes < 3 else []
        if method in laws.index and sizes > 1:
            law = laws.loc[method]
            last = law.get("exponent_after")
            if (law["exponent"] if pd.isna(last) else last) <= 0:
                words.append("no fall with size")
        remarks[method] = ", ".join(words)
    return remarks


def _usable(errors: pd.Series) -> pd.Series:
    return (errors > 0) & np.isfinite(errors)


def _law(row: pd.Series) -> Law:
    optional = {key: row.get(key) for key in ("floor", "break_size", "exponent_after")}
    optional = {key: value for key, value in optional.items() if pd.notna(value)}
    return Law(row["prefactor"], row["exponent"], **optional)


def _law_words(law: pd.Series) -> str:
    broken = pd.notna(law.get("break_size"))
    # Beyond its break is where a curve tells what more data buy.
    key = "exponent_after" if broken else "exponent"
    words = rf"$\beta$ = {_two_places(law[key])}"
    # The wider interval where there is one: other test materials would give other errors, too.
    over = "_with_materials" if pd.notna(law.get(f"{key}_low_with_materials")) else ""
    low, high = law[f"{key}_low{over}"], law[f"{key}_high{over}"]
    if pd.notna(low):
        words += f" [{_two_places(low)}, {_two_places(high)}]"
    else:
        words += " (one seed)"
    words = words.replace("-", "−")
    if pd.notna(law["floor"]):
        words += ", floor " + number(float(format(law["floor"], ".2g")))
    if broken:
        words += ", beyond " + number(float(format(law["break_size"], ".2g")))
    return words


def _two_places(value: float) -> str:
    # Rounded first: a tiny negative exponent is 0.00 and not −0.00.
    return f"{round(value, 2) + 0.0:.2f}"


def _draw_size_axis(ax: Axes, sizes: list[float], at_zero: float | None) -> None:
    """Label the sizes; where there is a point at 0 frames, put it left of a break in the axis."""
    if not sizes:
        ax.set_xlim(at_zero / 3, at_zero * 3)
        ax.set_xticks([at_zero], ["0"])
        ax.set_xticks([], minor=True)
        return
    left, right = log_limits(sizes, margin=0.05)
    size_ticks(ax.xaxis, sizes)
    if at_zero is None:
        ax.set_xlim(left, right)
        return
    ticks = [t for t in ax.get_xticks() if sizes[0] <= t <= sizes[-1]]
    minor = [t for t in ax.get_xticks(minor=True) if sizes[0] <= t <= sizes[-1]]
    ax.set_xticks([at_zero, *ticks], ["0", *map(number, ticks)])
    ax.set_xticks(minor, minor=True)
    ax.set_xlim(at_zero / (sizes[0] / at_zero) ** 0.6, right)
    # Two slanted strokes on a gap in the frame: the axis is broken between 0 and the first size.
    low, high = np.log10(ax.get_xlim())
    middle = (0.5 * np.log10(at_zero * sizes[0]) - low) / (high - low)
    for y in (0.0, 1.0):
        for dx in (-0.009, 0.009):
            ax.plot(
                [middle + dx - 0.007, middle + dx + 0.007],
                [y - 0.016, y + 0.016],
                transform=ax.transAxes,
                color="black",
                lw=0.7,
                clip_on=False,
                zorder=11,
            )
        ax.plot(
            [middle - 0.009, middle + 0.009],
            [y, y],
            transform=ax.transAxes,
            color="white",
            lw=1.6,
            clip_on=False,
            zorder=10,
            solid_capstyle="butt",
        )
