"""Figure of distances, angles and vibrations in the stable simulations."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rungs.figures.curves import REFERENCE_LINE, curve_sheet
from rungs.figures.style import (
    DOUBLE,
    GREY,
    MethodStyle,
    figure_of_words,
    new_figure,
    panel_letter,
    plain,
    styled,
)
from rungs.properties.quantities import kind_and_pair, order

AXES = {
    "radial_distribution": ("distance (Å)", "$g(r)$"),
    "angular_distribution": ("angle (°)", "density (1/°)"),
    "vibrational_density_of_states": ("frequency (THz)", "density (1/THz)"),
}
N_TEMPERATURES = 2


@styled
def draw_distributions(
    curves: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw a row for each distribution and temperature, a column for each size: the mean over
    seeds and starts of each method on the reference's in grey.

    Of the temperatures at which a model's simulation stayed stable the lowest and the highest are
    drawn; of many sizes the smallest, the largest and one between.

    Args:
        curves: :func:`rungs.properties.curves.read_curve_tables` of the models.
        reference: the same of the reference; it may have none of these curves.
        target: name of the target level.
        methods: the study's methods in their order.
    """
    there = {*curves["kind"], *reference["kind"]}
    kinds = sorted((name for name in there if kind_and_pair(name)[0] in AXES), key=order)
    sheet = curve_sheet(curves, reference, kinds, methods)
    if not sheet.methods:
        return figure_of_words("no simulation of a model stayed stable")
    moving, wanted, look, drawn = sheet.curves, sheet.reference, sheet.look, sheet.methods
    everything = pd.concat([moving, wanted])
    # Where no simulation of any model lasted there is nothing to compare.
    temperatures = sorted(set(moving["temperature_k"]))
    if len(temperatures) > N_TEMPERATURES:
        temperatures = [temperatures[0], temperatures[-1]]
    rows = [(k, t) for k in kinds if k in set(everything["kind"]) for t in temperatures]
    sizes = sheet.sizes
    figure = new_figure(DOUBLE, 0.7 + 1.5 * len(rows))
    axes = figure.subplots(len(rows), len(sizes), squeeze=False, sharey="row")
    for i, (kind, temperature) in enumerate(rows):
        for j, size in enumerate(sizes):
            ax = axes[i, j]
            panel_letter(ax, i * len(sizes) + j)
            above = f"{size:,} {plain(target)} frames\n" if i == 0 else ""
            ax.set_title(f"{above}{temperature:,g} K")
            own, of_reference = (
                table[(table["kind"] == kind) & (table["temperature_k"] == temperature)]
                for table in (moving[moving["size"] == size], wanted)
            )
            _draw_panel(ax, own, of_reference, drawn, look)
            ax.set_xlabel(AXES[kind_and_pair(kind)[0]][0])
            if kind == "vibrational_density_of_states":
                ax.set_xlim(0, _end(everything[everything["kind"] == kind]))
        axes[i, 0].set_ylabel(_y_label(kind))
    sheet.legend(figure)
    return figure


def _y_label(name: str) -> str:
    kind, pair = kind_and_pair(name)
    label = AXES[kind][1]
    return f"{label}, {pair.replace('-', '–')}" if pair else label


def _draw_panel(
    ax: Axes,
    curves: pd.DataFrame,
    reference: pd.DataFrame,
    methods: Sequence[str],
    look: MethodStyle,
) -> None:
    if len(reference):
        ax.plot(*_mean(reference), **REFERENCE_LINE, zorder=1)
    for method in methods:
        own = curves[curves["method"] == method]
        if len(own):
            ax.plot(*_mean(own), color=look.colour(method), lw=0.9, zorder=2)
    if curves.empty:
        ax.text(0.5, 0.5, "no stable simulation", transform=ax.transAxes, ha="center", color=GREY)
    ax.set_ylim(bottom=0)
    ax.margins(x=0)


def _end(spectra: pd.DataFrame) -> float:
    """Return the frequency that a thousandth of the densest spectrum lies beyond."""
    counts = spectra[spectra["y"] > 1e-3 * spectra["y"].max()]
    return float(counts["x"].max())


def _mean(curves: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    mean = curves.groupby("x")["y"].mean()
    return mean.index.to_numpy(), mean.to_numpy()
