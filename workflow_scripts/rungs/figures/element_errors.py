"""Figure of the errors by element."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.error_columns import PROPERTIES, labelled
from rungs.figures.style import (
    DOUBLE,
    LIGHT_GREY,
    SINGLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    panel_letter,
    say_in_panel,
    styled,
)
from rungs.frames.elements import ATOMIC_NUMBERS

_FEW = 8
"""So many elements have room in one column of a page."""
_CROWDED = 42
"""The names of more elements than this are written upwards."""


@styled
def draw_element_errors(errors: pd.DataFrame, *, methods: Sequence[str] | None = None) -> Figure:
    """Draw each method's errors by element, at its largest size: energy MAE of the frames that hold
    the element, force MAE of its atoms, each where the test frames are labelled with it;
    logarithmic scales, elements by atomic number.

    Args:
        errors: ``errors_by_element.csv``.
        methods: the study's methods in their order.
    """
    methods = list(dict.fromkeys(errors["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    largest = errors.groupby("method")["size"].transform("max")
    errors = errors[errors["size"] == largest]
    elements = sorted(set(errors["element"]), key=ATOMIC_NUMBERS.get)
    n_columns = 2 if len(elements) > _FEW else 1
    properties = labelled(("energy", "force"), set(errors.columns[errors.notna().any()]))
    height = 0.8 + 1.8 * len(properties) + 0.16 * len(methods) / n_columns
    figure = new_figure(DOUBLE if n_columns == 2 else SINGLE, height)
    panels = figure.subplots(len(properties), 1, sharex=True, squeeze=False)[:, 0]
    for i, (ax, name) in enumerate(zip(panels, properties, strict=True)):
        if len(properties) > 1:
            panel_letter(ax, i)
        ax.set_ylabel(PROPERTIES[name].label)
        _draw_panel(ax, PROPERTIES[name].column, errors, elements, methods, look)
    panels[-1].set_xticks(range(len(elements)), elements)
    if len(elements) > _CROWDED:
        panels[-1].tick_params(axis="x", labelsize=5.0, labelrotation=90)
    panels[-1].set_xlabel("element")
    for ax in panels:
        ax.tick_params(axis="x", length=0)
    drawn = [m for m in methods if (errors["method"] == m).any()]
    figure.legend(
        handles=[
            Line2D(
                [],
                [],
                ls="none",
                marker=look.marker(m),
                color=look.colour(m),
                label=f"{look.label(m)}, "
                f"{errors.loc[errors['method'] == m, 'size'].iloc[0]:,} frames",
            )
            for m in drawn
        ],
        loc="outside upper center",
        ncols=n_columns,
        columnspacing=2.5,
    )
    return figure


def _draw_panel(
    ax: Axes,
    column: str,
    errors: pd.DataFrame,
    elements: list[str],
    methods: list[str],
    look: MethodStyle,
) -> None:
    place = {symbol: i for i, symbol in enumerate(elements)}
    shown = errors[errors[column] > 0]
    if shown.empty:
        say_in_panel(ax, "no errors")
        return
    for i in range(1, len(elements), 2):
        ax.axvspan(i - 0.5, i + 0.5, color=LIGHT_GREY, alpha=0.45, lw=0, zorder=0)
    step = 0.7 / max(len(methods), 2)
    for j, method in enumerate(methods):
        own = shown[shown["method"] == method]
        x = own["element"].map(place).to_numpy(dtype=float)
        ax.plot(
            x + step * (j - 0.5 * (len(methods) - 1)),
            own[column],
            linestyle="none",
            marker=look.marker(method),
            markersize=3.4 if len(elements) <= _CROWDED else 2.2,
            markeredgewidth=0.0,
            color=look.colour(method),
            alpha=0.85,
            zorder=3,
        )
    ax.set_yscale("log")
    ax.set_xlim(-0.6, len(elements) - 0.4)
    ax.set_ylim(log_limits(shown[column].to_numpy(dtype=float)))
    log_ticks(ax.yaxis, *ax.get_ylim())
    ax.set_xticks(np.arange(len(elements)))
