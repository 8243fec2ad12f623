"""Figure of the energy of the crystal against its volume."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rungs.figures.curves import REFERENCE_LINE, curve_sheet
from rungs.figures.style import (
    DOUBLE,
    figure_of_words,
    new_figure,
    panel_letter,
    plain,
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
    sheet = curve_sheet(curves, reference, ["equation_of_state"], methods)
    if not sheet.methods:
        return figure_of_words("no model has an equation of state")
    energies, wanted, look, drawn = sheet.curves, sheet.reference, sheet.look, sheet.methods
    sizes = sheet.sizes
    figure = new_figure(DOUBLE, 2.7)
    axes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for i, (ax, size) in enumerate(zip(axes, sizes, strict=True)):
        panel_letter(ax, i)
        ax.set_title(f"{size:,} {plain(target)} frames")
        ax.plot(wanted["x"], wanted["y"], **REFERENCE_LINE, zorder=1)
        own = energies[energies["size"] == size]
        for (method, _), line in own.groupby(["method", "seed"]):
            if method in drawn:
                ax.plot(line["x"], line["y"], color=look.colour(method), lw=0.8, alpha=0.8)
        ax.set_xlabel("volume (Å³/atom)")
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[0].set_ylabel("energy above the lowest (meV/atom)")
    sheet.legend(figure)
    return figure
