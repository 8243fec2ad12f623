"""Figure of the two levels of theory: how their energies and forces are related."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rungs.evaluation.level_predictions import PREDICTED
from rungs.figures.density import points_or_cells
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

_GRID = 75

_PANELS = (
    ("raw", "source_energy", "target_energy", "raw energies"),
    (
        "source_reference",
        "source_minus_source_ref",
        "target_minus_source_ref",
        "minus the {source} reference on both",
    ),
    (
        "own_reference",
        "source_minus_source_ref",
        "target_minus_target_ref",
        "minus each level's own reference",
    ),
)


@styled
def draw_levels(
    energies: pd.DataFrame,
    forces: pd.DataFrame,
    correlations: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
) -> Figure:
    """Draw energies per atom and force components of one level against those of the other.

    Three panels of energies (raw, less the source's reference energies, less each level's own) and
    one of forces, where both levels have them. Where the levels share no frames and the source's
    values are not predicted either, two panels of histograms instead: energies per atom of each
    level before and after its own reference is subtracted.

    Args:
        energies: ``level_energies.parquet``, in eV/atom.
        forces: ``level_forces.parquet``, in eV/Å.
        correlations: ``level_correlations.csv``; its numbers are written into the panels.
        source, target: names of the levels.
    """
    source, target = plain(source), plain(target)
    shared = energies.dropna(subset=["source_energy", "target_energy"])
    if shared.empty:
        return _draw_histograms(energies, source, target)
    numbers = correlations.set_index("comparison")
    panels = [
        (shared[x].to_numpy(), shared[y].to_numpy(), title.format(source=source), numbers.loc[name])
        for name, x, y, title in _PANELS
    ]
    if len(forces):
        panels.append(
            (
                forces["source"].to_numpy(),
                forces["target"].to_numpy(),
                "force components",
                numbers.loc["forces"],
            )
        )
    figure = new_figure(DOUBLE, 7.2 if len(forces) else 3.0)
    axes = figure.subplots(*((2, 2) if len(forces) else (1, 3))).ravel()
    predicted = say_if_predicted(figure, correlations, source)
    drawn = []
    for i, (ax, (x, y, title, row)) in enumerate(zip(axes, panels, strict=True)):
        panel_letter(ax, i)
        ax.set_title(title if len(forces) else _broken(title))
        force = i == len(_PANELS)
        quantity = "energy − reference (eV/atom)" if i else "energy (eV/atom)"
        if not len(forces):  # narrow panels
            quantity = quantity.replace("energy ", "energy\n", 1)
        if force:
            quantity = "force component (eV/Å)"
        ax.set_xlabel(f"{predicted}{source} {quantity}")
        ax.set_ylabel(f"{target} {quantity}")
        seen = np.isfinite(x) & np.isfinite(y)
        counts = draw_pairs(ax, x[seen], y[seen], same_scale=i >= 2)
        if counts is not None:
            drawn.append(counts)
        write_numbers(ax, x[seen], y[seen], row)
    if drawn:
        # One scale for all panels, so that one colour bar serves them.
        largest = max(2.0, *(float(counts.get_array().max()) for counts in drawn))
        norm = LogNorm(1, largest)
        for counts in drawn:
            counts.set_norm(norm)
        bar = figure.colorbar(
            drawn[0], ax=axes.tolist(), location="bottom", shrink=0.5, aspect=40, pad=0.02
        )
        only_forces = len(drawn) == 1
        words = "frames (a–c) or force components (d) per hexagon"
        if not len(forces):
            words = "frames per hexagon"
        bar.set_label("force components per hexagon" if only_forces else words)
    return figure


def say_if_predicted(figure: Figure, correlations: pd.DataFrame, source: str) -> str:
    """Say above the panels that the source's values are predictions, where they are; return what
    the names of its axes then begin with."""
    if not is_predicted(correlations):
        return ""
    figure.suptitle(
        f"the levels share no frames: {source} values are predicted by the pretrained model",
        fontsize=8.0,
    )
    return "predicted "


def is_predicted(correlations: pd.DataFrame) -> bool:
    """Whether the source's values in the tables of the levels are predictions."""
    values = correlations.get("source_values", pd.Series(dtype=str))
    return bool((values == PREDICTED).any())


def draw_pairs(ax: Axes, x: np.ndarray, y: np.ndarray, same_scale: bool):
    """Draw points, or how many lie where; return the coloured cells, None for points."""
    limits = _limits(x), _limits(y)
    low, high = min(limits[0][0], limits[1][0]), max(limits[0][1], limits[1][1])
    if same_scale:
        limits = ((low, high), (low, high))
    ax.set_box_aspect(1)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    ax.plot([low, high], [low, high], color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=1, label="equal")
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    return points_or_cells(ax, x, y, (*limits[0], *limits[1]), grid=_GRID, markersize=2.2)


def write_numbers(ax: Axes, x: np.ndarray, y: np.ndarray, row: pd.Series) -> None:
    """Write r, mean shift and MAE into the corner with the fewest points."""
    if pd.isna(row["mae"]):
        return
    unit, lines = row["unit"], []
    if pd.notna(row["pearson_r"]):
        lines.append(rf"$r$ = {row['pearson_r']:.3f}".replace("-", "−"))
    if unit == "eV/atom":  # the mean of a force component is 0 at either level
        lines.append(f"shift {_signed(row['mean_shift'])} {unit}")
    lines.append(f"MAE {row['mae']:.3g} {unit}")
    lines.append(f"$n$ = {int(row['n']):,}")
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    u, v = (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)
    corners = {
        (left, low): ((u < 0.48) if left else (u > 0.52)) & ((v < 0.32) if low else (v > 0.68))
        for left in (True, False)
        for low in (False, True)
    }
    left, low = min(corners, key=lambda corner: int(corners[corner].sum()))
    ax.text(
        0.04 if left else 0.96,
        0.04 if low else 0.96,
        "\n".join(lines),
        transform=ax.transAxes,
        ha="left" if left else "right",
        va="bottom" if low else "top",
        fontsize=7.0,
        linespacing=1.35,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        zorder=5,
    )


def _draw_histograms(energies: pd.DataFrame, source: str, target: str) -> Figure:
    figure = new_figure(DOUBLE, 2.9)
    before, after = figure.subplots(1, 2)
    panels = (
        (before, "raw energies", "source_energy", "target_energy"),
        (
            after,
            "minus each level's own reference",
            "source_minus_source_ref",
            "target_minus_target_ref",
        ),
    )
    for i, (ax, title, x, y) in enumerate(panels):
        panel_letter(ax, i)
        ax.set_title(title)
        ax.set_xlabel(f"energy{' − reference' if i else ''} (eV/atom)")
        ax.set_ylabel("share of the level's frames")
        values = {
            (source, SOURCE_COLOUR): energies[x].dropna().to_numpy(),
            (target, TARGET_COLOUR): energies[y].dropna().to_numpy(),
        }
        both = np.concatenate(list(values.values()))
        if not len(both):
            say_in_panel(ax, "no frames")
            continue
        n_bins = int(np.clip(np.sqrt(len(both)), 15, 60))
        bins = np.linspace(*_limits(both), n_bins + 1)
        for (label, colour), energy in values.items():
            ax.hist(
                energy,
                bins=bins,
                weights=np.full(len(energy), 1.0 / max(len(energy), 1)),
                histtype="stepfilled",
                facecolor=(*to_rgb(colour), 0.35),
                edgecolor=colour,
                linewidth=1.0,
                label=f"{label}, {len(energy):,} frames",
            )
        ax.set_xlim(bins[0], bins[-1])
        ax.xaxis.set_major_locator(MaxNLocator(6))
    handles, labels = before.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=2, title="the two levels share no frames"
    )
    return figure


def _broken(title: str) -> str:
    """A title in two lines, for a narrow panel with a letter before it."""
    return title.replace(" reference on both", "\nreference on both").replace(" own ", "\nown ")


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or max(0.05 * abs(high), 0.05)
    return low - air, high + air


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−")
