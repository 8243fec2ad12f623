"""Figure of the shift between two levels: of energies, and what stresses and moments share."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rungs.figures.levels import draw_pairs, write_numbers
from rungs.figures.style import (
    DOUBLE,
    GREY,
    SOURCE_COLOUR,
    TARGET_COLOUR,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

_SHIFTS = (
    ("source_energy", "target_energy", "before referencing", SOURCE_COLOUR),
    (
        "source_minus_source_ref",
        "target_minus_target_ref",
        "after each level's own reference",
        TARGET_COLOUR,
    ),
)
_OTHERS = (
    ("stress", "stress component", "GPa"),
    ("magmom", "magnetic moment", r"$\mu_\mathrm{B}$"),
)


@styled
def draw_level_shifts(
    energies: pd.DataFrame,
    others: pd.DataFrame,
    correlations: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
) -> Figure:
    """Draw histograms of the energy shift before and after referencing, stresses and moments.

    Args:
        energies: ``level_energies.parquet``, in eV/atom.
        others: ``level_others.parquet``, in GPa and μB.
        correlations: ``level_correlations.csv``; its numbers are written into the panels.
        source, target: names of the levels.
    """
    source, target = plain(source), plain(target)
    figure = new_figure(DOUBLE, 6.4)
    axes = figure.subplots(2, 2)
    for i, (ax, (x, y, title, colour)) in enumerate(zip(axes[0], _SHIFTS, strict=True)):
        panel_letter(ax, i)
        ax.set_title(title)
        ax.set_xlabel(f"{target} − {source} energy (eV/atom)")
        ax.set_ylabel("frames")
        _draw_histogram(ax, (energies[y] - energies[x]).dropna().to_numpy(), colour)
    numbers = correlations.set_index("comparison")
    for i, (ax, (name, title, unit)) in enumerate(zip(axes[1], _OTHERS, strict=True), start=2):
        panel_letter(ax, i)
        ax.set_title(f"{title}s")
        ax.set_xlabel(f"{source} {title} ({unit})")
        ax.set_ylabel(f"{target} {title} ({unit})")
        pair = others.loc[others["property"] == name, ["source", "target"]].dropna()
        if pair.empty:
            say_in_panel(ax, "no frames with this label at both levels")
            continue
        x, y = pair["source"].to_numpy(), pair["target"].to_numpy()
        counts = draw_pairs(ax, x, y, same_scale=True)
        if counts is not None:
            counts.set_norm(LogNorm(1, max(2.0, float(counts.get_array().max()))))
        write_numbers(ax, x, y, numbers.loc[name])
    return figure


def _draw_histogram(ax: Axes, shift: np.ndarray, colour: str) -> None:
    if not len(shift):
        say_in_panel(ax, "no shared frames")
        return
    n_bins = int(np.clip(np.sqrt(len(shift)), 15, 60))
    ax.hist(shift, bins=n_bins, color=colour, alpha=0.75, linewidth=0)
    ax.axvline(0.0, color=GREY, lw=0.8, ls=(0, (4, 3)))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    lines = [
        f"mean {shift.mean():+.3g} eV/atom".replace("-", "−"),
        f"$\\sigma$ = {shift.std():.3g} eV/atom",
        f"$n$ = {len(shift):,}",
    ]
    # Towards the side of the longer tail, where there is room.
    left = shift.mean() - shift.min() > shift.max() - shift.mean()
    ax.text(
        0.04 if left else 0.96,
        0.96,
        "\n".join(lines),
        transform=ax.transAxes,
        ha="left" if left else "right",
        va="top",
        fontsize=7.0,
        linespacing=1.35,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )
