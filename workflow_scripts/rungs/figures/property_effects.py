"""Figure of what transfer did to each property: helped, hurt, or cannot be told."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from rungs.figures.style import (
    DOUBLE,
    LIGHT_GREY,
    MethodStyle,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)
from rungs.properties.quantities import order, quantity

# Blue and red are told apart with every common kind of colour vision.
_COLOURS = colormaps["RdBu_r"]
_STRONGEST = 4.0
"""Ratios beyond this, or below its inverse, have the deepest colours."""


@styled
def draw_property_effects(
    table: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
    baseline: str = "scratch",
) -> Figure:
    """Draw one panel per method of transfer: properties down, training sizes across, a cell
    coloured and labelled by the error over that from scratch.

    Blue is below 1 (transfer helps), red above (it hurts). Bold numbers have an interval that
    leaves 1 out. A dagger marks cells where seeds have no result
    in one of the two methods.

    Args:
        table: ``properties.csv``.
        target: name of the target level, for the axis.
        methods: the study's methods in their order.
        baseline: the method from scratch.
    """
    methods = list(dict.fromkeys(table["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    known = table[table["transfer_over_scratch"].notna()]
    drawn = [m for m in methods if m in set(known["method"]) and m != baseline]
    if not drawn:
        figure = new_figure(DOUBLE, 2.0)
        say_in_panel(figure.subplots(), "no method of transfer has errors to compare")
        return figure
    rows = _rows(known)
    sizes = sorted(set(known["size"]))
    figure = new_figure(DOUBLE, 1.6 + 0.2 * len(rows))
    axes = figure.subplots(1, len(drawn), squeeze=False, sharey=True)[0]
    norm = TwoSlopeNorm(0.0, -np.log2(_STRONGEST), np.log2(_STRONGEST))
    for i, (ax, method) in enumerate(zip(axes, drawn, strict=True)):
        panel_letter(ax, i)
        ax.set_title(look.label(method))
        _draw_panel(ax, table[table["method"] == method], rows, sizes, norm)
        ax.set_xlabel(f"{plain(target)} training frames")
    axes[0].set_yticks(range(len(rows)), [_label(row) for row in rows])
    bar = figure.colorbar(
        ScalarMappable(norm, _COLOURS),
        ax=list(axes),
        extend="both",
        extendfrac=0.025,  # on a tall bar the arrows would reach the words at its ends
        aspect=30,
        fraction=0.05,
    )
    ticks = [1 / 4, 1 / 2, 1, 2, 4]
    bar.ax.yaxis.set_major_locator(FixedLocator(np.log2(ticks)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{2**v:.3g}"))
    bar.set_label("error / from scratch")
    bar.ax.set_title("hurts", pad=9)
    bar.ax.set_xlabel("helps", labelpad=9)
    return figure


def _rows(table: pd.DataFrame) -> list[tuple[str, float | None]]:
    pairs = {
        (row.property, None if pd.isna(row.temperature_k) else float(row.temperature_k))
        for row in table.itertuples()
    }
    return sorted(pairs, key=lambda pair: (order(pair[0]), pair[1] or 0))


def _label(row: tuple[str, float | None]) -> str:
    name, temperature = row
    label = quantity(name).label
    return label if temperature is None else f"{label}, {temperature:g} K"


def _ratio(value: float) -> str:
    return (
        f"{value:.2f}" if 0.01 <= value < 10 else f"{value:.1g}" if value < 10 else f"{value:.0f}"
    )


def _draw_panel(
    ax: Axes,
    table: pd.DataFrame,
    rows: Sequence[tuple[str, float | None]],
    sizes: Sequence[int],
    norm: TwoSlopeNorm,
) -> None:
    strengths = np.full((len(rows), len(sizes)), np.nan)
    for row in table.itertuples():
        pair = row.property, None if pd.isna(row.temperature_k) else float(row.temperature_k)
        if pair not in rows or row.size not in sizes or pd.isna(row.transfer_over_scratch):
            continue
        i, j = rows.index(pair), sizes.index(row.size)
        strength = np.log2(row.transfer_over_scratch)
        strengths[i, j] = strength
        dark = abs(strength) > 0.7 * norm.vmax
        ax.text(
            j,
            i,
            f"{_ratio(row.transfer_over_scratch)}{'†' if row.n_compared < row.n_seeds else ''}",
            ha="center",
            va="center",
            fontsize=6.5,
            fontweight="bold" if row.effect in ("helps", "hurts") else "normal",
            color="white" if dark else "black",
        )
    ax.set_facecolor(LIGHT_GREY)
    ax.imshow(strengths, cmap=_COLOURS, norm=norm, aspect="auto", interpolation="none")
    ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    ax.tick_params(length=0)
    ax.set_xlim(-0.5, len(sizes) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
