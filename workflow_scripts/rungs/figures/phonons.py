"""Figure of the phonon bands: the reference's beside the models'."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rungs.figures.curves import REFERENCE_LINE, curve_sheet
from rungs.figures.style import (
    DOUBLE,
    GREY,
    LIGHT_GREY,
    figure_of_words,
    new_figure,
    panel_letter,
    plain,
    styled,
)


@styled
def draw_phonons(
    curves: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw one panel per method and size: thin lines for each seed's bands on the reference's in
    grey. Imaginary frequencies are drawn as negative ones. Of many sizes three are drawn: the
    smallest, the largest and one between.

    Args:
        curves: :func:`rungs.properties.curves.read_curve_tables` of the models.
        reference: the same of the reference; it may have no bands.
        target: name of the target level.
        methods: the study's methods in their order.
    """
    sheet = curve_sheet(curves, reference, ["phonon_bands"], methods)
    if not sheet.methods:
        return figure_of_words("no model has phonons")
    bands, wanted, look, drawn = sheet.curves, sheet.reference, sheet.look, sheet.methods
    sizes = sheet.sizes
    figure = new_figure(DOUBLE, 0.9 + 1.7 * len(drawn))
    axes = figure.subplots(len(drawn), len(sizes), sharex=True, sharey=True, squeeze=False)
    for i, method in enumerate(drawn):
        for j, size in enumerate(sizes):
            ax = axes[i, j]
            panel_letter(ax, i * len(sizes) + j)
            if i == 0:
                ax.set_title(f"{size:,} {plain(target)} frames")
            own = bands[(bands["method"] == method) & (bands["size"] == size)]
            _draw_panel(ax, own, wanted, look.colour(method))
        axes[i, 0].set_ylabel("frequency (THz)")
    _name_points(axes, wanted if len(wanted) else bands)
    sheet.legend(figure)
    return figure


def _draw_panel(ax: Axes, bands: pd.DataFrame, reference: pd.DataFrame, colour: str) -> None:
    for _, branch in reference.groupby("series"):
        ax.plot(branch["x"], branch["y"], **REFERENCE_LINE, zorder=1)
    for _, branch in bands.groupby(["seed", "series"]):
        ax.plot(branch["x"], branch["y"], color=colour, lw=0.7, alpha=0.8, zorder=2)
    if bands.empty:
        ax.text(0.5, 0.5, "no bands", transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.axhline(0, color=GREY, lw=0.6, zorder=0)


def _name_points(axes, table: pd.DataFrame) -> None:
    """Name the special points of the path, and leave out names that would touch."""
    named = table[table["label"].notna()].drop_duplicates("x").sort_values("x")
    end = table["x"].max()
    ticks, names = [], []
    for row in named.itertuples():
        for ax in axes.flat:
            ax.axvline(row.x, color=LIGHT_GREY, lw=0.7, zorder=0)
        if not ticks or row.x - ticks[-1] > 0.035 * (len(row.label) + len(names[-1])) * end:
            ticks.append(row.x)
            names.append(row.label)
    for ax in axes.flat:
        ax.set_xlim(0, end)
        ax.set_xticks(ticks, [name.replace("G", "Γ") for name in names])
        ax.tick_params(axis="x", length=0)
