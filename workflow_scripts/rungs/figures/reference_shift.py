"""Figure of the shift of the elemental reference energies, on the periodic table."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rungs.figures.style import DOUBLE, GREY, LIGHT_GREY, new_figure, plain, styled
from rungs.frames.elements import SYMBOLS

_LANTHANIDES, _ACTINIDES = range(57, 72), range(89, 95)
_NOBLE = (2, 10, 18, 36, 54, 86)


def position(atomic_number: int) -> tuple[int, float]:
    """Return column (1 to 18) and row of an element; the f block lies in rows 8.4 and 9.4.

    Lanthanum and actinium stand with the f block, which is drawn below the table.
    """
    if atomic_number in _LANTHANIDES:
        return 3 + atomic_number - 57, 8.4
    if atomic_number in _ACTINIDES:
        return 3 + atomic_number - 89, 9.4
    row = next((i for i, z in enumerate(_NOBLE, start=1) if atomic_number <= z), 7)
    first = 1 if row == 1 else _NOBLE[row - 2] + 1
    place = atomic_number - first
    if row == 1:
        return (1, 1) if atomic_number == 1 else (18, 1)
    if place < 2:
        return 1 + place, row
    last = _NOBLE[row - 1] if row <= len(_NOBLE) else 118
    return 18 - (last - atomic_number), row


@styled
def draw_reference_shift(
    source_reference: pd.DataFrame,
    target_reference: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
) -> Figure:
    """Draw target minus source reference energy of every element that both levels' frames hold.

    Args:
        source_reference, target_reference: ``references/source.csv`` and ``target.csv`` with
            ``atomic_number``, ``energy_ev_per_atom`` and ``n_frames``; an element with 0 frames is
            absent, and grey.
        source, target: names of the levels.
    """
    shifts = _shifts(source_reference, target_reference)
    with_f_block = any(z in _LANTHANIDES or z in _ACTINIDES for z in shifts)
    bottom = 10.0 if with_f_block else 7.6
    figure = new_figure(DOUBLE, DOUBLE * (bottom - 0.2) / 18.3)
    ax = figure.add_subplot()
    ax.set_xlim(0.4, 18.6)
    ax.set_ylim(bottom, 0.4)
    ax.set_aspect("equal")
    ax.axis("off")
    colours, norm = _colours(list(shifts.values()))
    for z in range(1, len(SYMBOLS) + 1):
        if z in _LANTHANIDES or z in _ACTINIDES:
            if with_f_block:
                _draw_cell(ax, z, shifts.get(z), colours, norm)
        else:
            _draw_cell(ax, z, shifts.get(z), colours, norm)
    for row, words in ((6, "La–Lu"), (7, "Ac–Pu")):
        ax.text(3, row, words, ha="center", va="center", fontsize=5.0, color=GREY)
    title = f"{plain(target)} − {plain(source)} reference energy (eV/atom)"
    if shifts:
        # The empty part of the table, above the transition metals, has room for the scale.
        place = ax.inset_axes([4.1, 1.75, 7.8, 0.42], transform=ax.transData)
        bar = figure.colorbar(ScalarMappable(norm, colours), cax=place, orientation="horizontal")
        bar.ax.tick_params(labelsize=7.0, top=False)
        bar.ax.set_title(title, fontsize=8.0, pad=4)
    else:
        ax.text(8, 2, f"{title}\nno element is in frames of both levels", ha="center", va="center")
    return figure


def _shifts(source: pd.DataFrame, target: pd.DataFrame) -> dict[int, float]:
    both = source.merge(target, on="atomic_number", suffixes=("_source", "_target"))
    both = both[(both["n_frames_source"] > 0) & (both["n_frames_target"] > 0)]
    shift = both["energy_ev_per_atom_target"] - both["energy_ev_per_atom_source"]
    return {
        int(z): float(value)
        for z, value in zip(both["atomic_number"], shift, strict=True)
        if math.isfinite(value)
    }


def _colours(values: list[float]) -> tuple[object, Normalize]:
    """A diverging scale about 0 where shifts of both signs matter, else one from end to end."""
    from matplotlib import colormaps

    if not values:
        return colormaps["viridis"], Normalize(0, 1)
    low, high = min(values), max(values)
    far = max(-low, high)
    if min(-low, high) > 0.1 * far:
        return colormaps["RdBu"], Normalize(-far, far)
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Dark is far from 0, whichever side.
    return colormaps["viridis" if abs(low) > abs(high) else "viridis_r"], Normalize(low, high)


def _draw_cell(ax: Axes, z: int, shift: float | None, colours, norm: Normalize) -> None:
    column, row = position(z)
    face = LIGHT_GREY if shift is None else colours(norm(shift))
    ax.add_patch(
        Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, facecolor=face, edgecolor="none")
    )
    ink = GREY if shift is None else _ink(face)
    ax.text(
        column,
        row if shift is None else row - 0.17,
        SYMBOLS[z - 1],
        ha="center",
        va="center",
        fontsize=7.0,
        color=ink,
        fontweight="normal" if shift is None else "bold",
    )
    if shift is not None:
        ax.text(
            column, row + 0.23, _short(shift), ha="center", va="center", fontsize=5.5, color=ink
        )


def _ink(face: tuple[float, ...]) -> str:
    """Black or white, whichever is easier to read on ``face`` (relative luminance of WCAG 2)."""
    channel = np.asarray(face[:3])
    linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "black" if luminance > 0.179 else "white"


def _short(value: float) -> str:
    """A number of at most five signs, with as many decimals as fit."""
    digits = 2 if abs(value) < 9.995 else 1
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")
