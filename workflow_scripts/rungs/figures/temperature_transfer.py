"""Heat map of temperature transfer: rows what was trained on, columns what was tested on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rungs.figures.error_columns import PROPERTIES, labelled
from rungs.figures.style import (
    DOUBLE,
    ORANGE,
    MethodStyle,
    figure_of_words,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

_SHOWN = ("force", "energy")
_WIDEST = 4.0
"""Ratio at which the colours of the last column end."""


class Pairing(NamedTuple):
    """From random weights and with transfer, on the same frames to draw from."""

    pool: str
    scratch: str
    transfer: str
    sizes: list[int]
    """That both have, above 0, rising."""


def pairings(table: pd.DataFrame, scratch: Sequence[str], transfer: Sequence[str]) -> list[Pairing]:
    """Return for each pool, the whole training part first, a method from random weights and one
    with transfer that have sizes in common: of several the ones that come first.

    Args:
        table: ``temperature_transfer.csv``.
        scratch, transfer: the study's methods of each kind, in the order of preference.
    """
    found: dict[str, Pairing] = {}
    sizes = {m: set(group["size"]) - {0} for m, group in table.groupby("method")}
    pool_of = dict(zip(table["method"], table["pool"].fillna(""), strict=True))
    for one in scratch:
        for other in transfer:
            if not (one in pool_of and other in pool_of and pool_of[one] == pool_of[other]):
                continue
            common = sorted(sizes[one] & sizes[other])
            if common and pool_of[one] not in found:
                found[pool_of[one]] = Pairing(pool_of[one], one, other, common)
    return sorted(found.values(), key=lambda pairing: pairing.pool != "")


@styled
def draw_temperature_transfer(
    table: pd.DataFrame, *, scratch: Sequence[str], transfer: Sequence[str]
) -> Figure:
    """Draw force and energy errors, as far as the frames are labelled with them, at each test
    temperature for what was trained on: from scratch, with transfer, and how many times smaller the
    error with transfer is.

    All rows have the same size, the largest that they have in common, and where they have several,
    the smallest is drawn above it; without any, each row has its own largest. Frames round a number
    mark temperatures that were trained on.

    Args:
        table: ``temperature_transfer.csv``.
        scratch: the study's methods from random weights, in its order.
        transfer: its methods that start pretrained.
    """
    rows = pairings(table, scratch, transfer)
    if not rows:
        return figure_of_words("no test frame has a temperature, or nothing to compare")
    chosen = _sizes(rows)
    known = {PROPERTIES[name].column for name in set(table["property"])}
    properties = labelled(_SHOWN, known)
    tested = sorted(table["test_temperature_k"].unique())
    n_lines = len(properties) * len(chosen)
    figure = new_figure(DOUBLE, 0.9 + n_lines * (0.6 + 0.24 * len(rows)))
    panels = figure.subplots(n_lines, 3, squeeze=False, sharex=True, sharey="row")
    look = MethodStyle(list(dict.fromkeys(table["method"])))
    for i, name in enumerate(properties):
        for j, sizes in enumerate(chosen):
            line = panels[len(properties) * j + i]
            values = [
                _matrix(table, name, [getattr(row, kind) for row in rows], sizes, tested)
                for kind in ("scratch", "transfer")
            ]
            _draw_line(line, name, values)
            labels = [
                f"{_trained(table, row)}\n{size:,} frames"
                for row, size in zip(rows, sizes, strict=True)
            ]
            line[0].set_yticks(range(len(rows)), labels)
    for i, ax in enumerate(panels.ravel()):
        panel_letter(ax, i)
    titles = [look.label(rows[0].scratch), look.label(rows[0].transfer)]
    for ax, title in zip(panels[0], [*titles, "scratch / transfer"], strict=True):
        ax.set_title(title)
    for ax in panels[-1]:
        ax.set_xticks(range(len(tested)), [f"{t:g}" for t in tested])
        ax.set_xlabel("tested at (K)")
    return figure


def _sizes(rows: Sequence[Pairing]) -> list[list[int]]:
    """The size of each row, once or twice."""
    common = sorted(set.intersection(*(set(row.sizes) for row in rows)))
    if not common:
        return [[row.sizes[-1] for row in rows]]
    return [[size] * len(rows) for size in sorted({common[0], common[-1]})]


def _matrix(
    table: pd.DataFrame, name: str, methods: list[str], sizes: list[int], tested: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, temperatures) errors, NaN where there are none, and whether they were trained on."""
    values = np.full((len(methods), len(tested)), np.nan)
    there = np.zeros(values.shape, dtype=bool)
    for i, (method, size) in enumerate(zip(methods, sizes, strict=True)):
        of_point = table[
            (table["method"] == method) & (table["size"] == size) & (table["property"] == name)
        ]
        for row in of_point.itertuples():
            j = tested.index(row.test_temperature_k)
            values[i, j], there[i, j] = row.mae, bool(row.trained_there)
    return values, there


def _draw_line(panels: Sequence[Axes], name: str, values: list) -> None:
    (scratch, trained), (transfer, _) = values
    known = np.concatenate([scratch, transfer])
    known = known[np.isfinite(known) & (known > 0)]
    if not known.size:
        for ax in panels:
            say_in_panel(ax, "no labels")
        return
    low, high = known.min(), known.max()
    norm = LogNorm(low, high if high > low else low * 1.1)
    for ax, errors in zip(panels[:2], (scratch, transfer), strict=True):
        image = ax.imshow(errors, cmap="YlGnBu", norm=norm, aspect="auto")
        _write(ax, errors, trained, lambda v: number(float(f"{v:.3g}")), norm)
    bar = panels[1].figure.colorbar(image, ax=list(panels[:2]), pad=0.01, aspect=12)
    bar.set_label(PROPERTIES[name].label.replace(" (", "\n("), fontsize=7.0)
    log_ticks(bar.ax.yaxis, norm.vmin, norm.vmax)
    ratio = scratch / transfer
    # blue where transfer is the better one, red where it is the worse one
    limits = Normalize(-np.log(_WIDEST), np.log(_WIDEST))
    panels[2].imshow(np.log(ratio), cmap="RdBu", norm=limits, aspect="auto")
    _write(panels[2], ratio, trained, lambda v: f"{v:.2f}", None)
    for ax in panels:
        ax.tick_params(length=0)


def _write(ax: Axes, values: np.ndarray, trained: np.ndarray, form, norm: LogNorm | None) -> None:
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(value) > 0.6 if norm else abs(np.log(value)) > 0.7 * np.log(_WIDEST)
            colour = "white" if dark else "black"
            ax.text(j, i, form(value), ha="center", va="center", color=colour, fontsize=6.0)
        if trained[i, j]:
            ax.add_patch(
                Rectangle((j - 0.47, i - 0.44), 0.94, 0.88, fill=False, edgecolor=ORANGE, lw=1.3)
            )


def _trained(table: pd.DataFrame, row: Pairing) -> str:
    """What was trained on: the pool's name and its temperatures."""
    texts = table.loc[table["method"] == row.scratch, "train_temperatures_k"].astype(str)
    found = texts.iloc[0].split()
    name = plain(row.pool.replace("_", " ")) or "all"
    if not found:
        return name
    between = ", ".join(found) if len(found) < 3 else f"{found[0]}–{found[-1]}"
    return f"{name}: {between} K"
