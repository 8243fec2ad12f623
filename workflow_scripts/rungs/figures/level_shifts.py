"""Figure of the shift between two levels: of energies, and what stresses and moments share."""

from itertools import zip_longest

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rungs.figures.levels import draw_pairs, say_if_predicted, write_numbers
from rungs.figures.style import (
    DOUBLE,
    GREY,
    SOURCE_COLOUR,
    TARGET_COLOUR,
    figure_of_words,
    new_figure,
    panel_letter,
    plain,
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
    """Draw histograms of the energy shift before and after referencing, stresses and moments, each
    where both levels have values for the same frames.

    Args:
        energies: ``level_energies.parquet``, in eV/atom.
        others: ``level_others.parquet``, in GPa and μB.
        correlations: ``level_correlations.csv``; its numbers are written into the panels.
        source, target: names of the levels.
    """
    source, target = plain(source), plain(target)
    shifts = [
        ((energies[y] - energies[x]).dropna().to_numpy(), title, colour)
        for x, y, title, colour in _SHIFTS
    ]
    shifts = [shift for shift in shifts if len(shift[0])]
    pairs = {
        name: others.loc[others["property"] == name, ["source", "target"]].dropna()
        for name, _, _ in _OTHERS
    }
    shown = [other for other in _OTHERS if len(pairs[other[0]])]
    n_rows = bool(shifts) + bool(shown)
    if not n_rows:
        return figure_of_words(_why_nothing(correlations))
    figure = new_figure(DOUBLE, 3.2 * n_rows)
    rows = iter(figure.subplots(n_rows, 2, squeeze=False))
    predicted = say_if_predicted(figure, correlations, source)
    letter = 0
    if shifts:
        for ax, (shift, title, colour) in zip(next(rows), shifts, strict=True):
            panel_letter(ax, letter)
            letter += 1
            ax.set_title(title)
            ax.set_xlabel(f"{target} − {predicted}{source} energy (eV/atom)")
            ax.set_ylabel("frames")
            _draw_histogram(ax, shift, colour)
    numbers = correlations.set_index("comparison")
    for ax, other in zip_longest(next(rows) if shown else (), shown):
        if other is None:
            ax.remove()
            continue
        name, title, unit = other
        panel_letter(ax, letter)
        letter += 1
        ax.set_title(f"{title}s")
        ax.set_xlabel(f"{predicted}{source} {title} ({unit})")
        ax.set_ylabel(f"{target} {title} ({unit})")
        x, y = pairs[name]["source"].to_numpy(), pairs[name]["target"].to_numpy()
        counts = draw_pairs(ax, x, y, same_scale=True)
        if counts is not None:
            counts.set_norm(LogNorm(1, max(2.0, float(counts.get_array().max()))))
        write_numbers(ax, x, y, numbers.loc[name])
    return figure


def _why_nothing(correlations: pd.DataFrame) -> str:
    values = correlations.get("source_values", pd.Series(dtype=str))
    words = next(iter(values), "").partition("none: ")[2]
    return (words or "no shared frames").replace(", and ", ",\nand ")


def _draw_histogram(ax: Axes, shift: np.ndarray, colour: str) -> None:
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
