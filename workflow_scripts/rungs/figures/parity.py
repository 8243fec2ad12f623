"""Figure of predicted against labelled values, method by method."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rungs.figures.density import points_or_cells
from rungs.figures.style import (
    DOUBLE,
    GREY,
    MethodStyle,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

_GRID = 45
_COLUMNS = {
    "energy": "energy\n− reference (eV/atom)",
    "force": "force\ncomponent (eV/Å)",
    "stress": "stress\ncomponent (GPa)",
    "magmom": "magnetic\n" + r"moment ($\mu_\mathrm{B}$)",
}


@styled
def draw_parity(
    energies: pd.DataFrame,
    components: pd.DataFrame,
    evaluation: pd.DataFrame,
    *,
    sizes: Mapping[str, int],
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw predicted against labelled values: a row for each method, a column for each property.

    One seed of each method is shown, the first. Properties without labels are left out; all panels
    of a column have one scale, so that methods can be compared.

    Args:
        energies: columns ``method``, ``seed``, ``true`` and ``predicted``, one row a frame, in
            eV/atom above the target's elemental reference energies.
        components: columns ``method``, ``seed``, ``property``, ``true``, ``predicted``.
        evaluation: ``evaluation.csv``; the MAE of the seed and all its test frames is written
            into each panel.
        sizes: of each method, the size that is shown.
        target: name of the target level.
        methods: the study's methods in their order.
    """
    methods = list(sizes) if methods is None else [m for m in methods if m in sizes]
    look = MethodStyle(methods)
    points = pd.concat([energies.assign(property="energy"), components], ignore_index=True)
    labelled = set(points["property"])
    columns = [name for name in _COLUMNS if name in labelled]
    figure = new_figure(DOUBLE, 1.75 * len(methods) + 0.9)
    axes = figure.subplots(len(methods), len(columns), squeeze=False)
    drawn: list[PolyCollection] = []
    for j, name in enumerate(columns):
        of_property = points[points["property"] == name]
        limits = _limits(of_property[["true", "predicted"]].to_numpy(dtype=float))
        for i, method in enumerate(methods):
            ax = axes[i, j]
            if j == 0:  # a letter a method
                panel_letter(ax, i)
            of_method = of_property[of_property["method"] == method]
            if i == len(methods) - 1:
                ax.set_xlabel(f"{plain(target)} {_COLUMNS[name]}")
            if of_method.empty:
                say_in_panel(ax, "not labelled")
                continue
            seed = of_method["seed"].iloc[0]
            x, y = of_method["true"].to_numpy(), of_method["predicted"].to_numpy()
            counts = _draw_pairs(ax, x, y, limits)
            drawn += [] if counts is None else [counts]
            if i < len(methods) - 1:
                ax.tick_params(labelbottom=False)
            row = evaluation[
                (evaluation["method"] == method)
                & (evaluation["size"] == sizes[method])
                & (evaluation["seed"] == seed)
                & (evaluation["property"] == name)
            ]
            if len(row):
                unit = row["unit"].iloc[0].replace("μB", r"$\mu_\mathrm{B}$")
                _write(ax, f"MAE\n{_short(row['mae'].iloc[0])} {unit}")
    for i, method in enumerate(methods):
        words = look.label(method).replace("transfer, ", "")
        axes[i, 0].set_ylabel(f"{words}\n{number(sizes[method])} frames\npredicted")
    if drawn:
        norm = LogNorm(1, max(2.0, *(float(counts.get_array().max()) for counts in drawn)))
        for counts in drawn:
            counts.set_norm(norm)
        bar = figure.colorbar(
            drawn[0], ax=axes.ravel().tolist(), location="bottom", shrink=0.5, aspect=45, pad=0.01
        )
        bar.set_label("frames, components or atoms per hexagon")
    return figure


def _draw_pairs(
    ax: Axes, x: np.ndarray, y: np.ndarray, limits: tuple[float, float]
) -> PolyCollection | None:
    """Draw points, or how many lie where; return the coloured cells, None for points."""
    ax.set_box_aspect(1)
    ax.set_xlim(limits)
    ax.set_ylim(limits)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    ax.plot(limits, limits, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=1)
    return points_or_cells(ax, x, y, (*limits, *limits), grid=_GRID, markersize=2.0)


def _write(ax: Axes, words: str) -> None:
    # Points run along the rising diagonal, so this corner is the emptiest.
    ax.text(
        0.05,
        0.95,
        words,
        transform=ax.transAxes,
        ha="left",
        va="top",
        fontsize=6.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        zorder=5,
    )


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or max(0.05 * abs(high), 0.05)
    return low - air, high + air


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
