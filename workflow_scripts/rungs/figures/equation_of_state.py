"""Figure of the energy of the crystal against its volume."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rungs.figures.phonons import some_sizes
from rungs.figures.style import (
    DOUBLE,
    GREY,
    MethodStyle,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)


@styled
def draw_equation_of_state(
    curves: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw one panel per size: energies above each model's lowest, a thin line for each seed, on
    the reference's in grey. Of many sizes the smallest, the largest and one between are drawn.

    Args:
        curves: :func:`rungs.properties.curves.read_curve_tables` of the models.
        reference: the same of the reference; it may have no such curve.
        target: name of the target level.
        methods: the study's methods in their order.
    """
    energies = curves[curves["kind"] == "equation_of_state"]
    wanted = reference[reference["kind"] == "equation_of_state"]
    methods = list(dict.fromkeys(curves["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    drawn = [method for method in methods if method in set(energies["method"])]
    if not drawn:
        figure = new_figure(DOUBLE, 2.0)
        say_in_panel(figure.subplots(), "no model has an equation of state")
        return figure
    sizes = some_sizes(set(energies.loc[energies["size"] > 0, "size"]) or {0})
    figure = new_figure(DOUBLE, 2.7)
    axes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for i, (ax, size) in enumerate(zip(axes, sizes, strict=True)):
        panel_letter(ax, i)
        ax.set_title(f"{size:,} {plain(target)} frames")
        ax.plot(wanted["x"], wanted["y"], color=GREY, lw=2.2, alpha=0.5, zorder=1)
        own = energies[energies["size"] == size]
        for (method, _), line in own.groupby(["method", "seed"]):
            if method in drawn:
                ax.plot(line["x"], line["y"], color=look.colour(method), lw=0.8, alpha=0.8)
        ax.set_xlabel("volume (Å³/atom)")
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].set_ylabel("energy above the lowest (meV/atom)")
    handles = [Line2D([], [], color=look.colour(m), lw=1.0, label=look.label(m)) for m in drawn]
    if len(wanted):
        handles.append(Line2D([], [], color=GREY, lw=2.2, alpha=0.5, label="reference"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=2.0)
    return figure
