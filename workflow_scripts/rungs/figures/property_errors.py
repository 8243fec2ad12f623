"""Figure of the properties that no model was trained on: their errors against training size."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from rungs.figures.style import (
    DOUBLE,
    GREY,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)
from rungs.properties.quantities import order, quantity

N_COLUMNS = 3
MAX_PANELS = 15
_ALWAYS_VALUES = ("imaginary_modes",)
"""Most of these are 0, which has no place on a logarithmic axis."""


@styled
def draw_properties(
    runs: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    target: str = "target",
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw one panel per property (and temperature): a symbol for each seed, a line through the
    seeds' means.

    Panels show absolute errors where there is a reference, with dashes at what two simulations of
    the reference would differ by chance; where there is none, and for imaginary modes, they show
    values; curves without a reference have no panel. A cross at the upper edge is a seed without a
    result. Of many temperatures the lowest is drawn. Pretrained models on 0 frames stand apart, in
    open symbols.

    Args:
        runs: ``property_runs.csv``.
        reference: ``properties/reference.csv``.
        target: name of the target level, for the axis.
        methods: the study's methods in their order.
    """
    drawn = set(runs["method"])
    methods = list(dict.fromkeys(runs["method"])) if methods is None else list(methods)
    look = MethodStyle(methods)
    items = panels(runs)
    if not items:
        figure = new_figure(DOUBLE, 2.0)
        say_in_panel(figure.subplots(), "no properties")
        return figure
    n_rows = -(-len(items) // N_COLUMNS)
    figure = new_figure(DOUBLE, 0.7 + 1.75 * n_rows)
    axes = figure.subplots(n_rows, N_COLUMNS, squeeze=False)
    for i, (ax, (name, temperature)) in enumerate(zip(axes.flat, items, strict=False)):
        panel_letter(ax, i)
        label = quantity(name).label
        ax.set_title(label if temperature is None else f"{label}, {temperature:g} K")
        own, noise = (_of(table, name, temperature) for table in (runs, reference))
        chance = noise["error"].dropna() if "error" in noise else noise.iloc[:, :0]
        _draw_panel(ax, name, own, float(chance.iloc[0]) if chance.size else None, methods, look)
        if i + N_COLUMNS >= len(items):
            ax.set_xlabel(f"{plain(target)} training frames")
    for ax in axes.flat[len(items) :]:
        ax.set_visible(False)
    handles = [
        Line2D([], [], marker=look.marker(m), color=look.colour(m), label=look.label(m))
        for m in methods
        if m in drawn
    ]
    handles.append(
        Line2D([], [], ls="none", marker="x", color=GREY, label="a seed without a result")
    )
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=2.0)
    return figure


def panels(runs: pd.DataFrame) -> list[tuple[str, float | None]]:
    """Return the properties and temperatures that have a panel, in the order of tables."""
    # A curve without a reference has neither a value nor an error to show.
    told = runs[["value", "error"]].notna().any(axis=1) | (runs["failed"] > 0)
    found = runs.loc[told, ["property", "temperature_k"]].drop_duplicates()
    pairs = [
        (row.property, None if pd.isna(row.temperature_k) else float(row.temperature_k))
        for row in found.itertuples()
    ]
    pairs.sort(key=lambda pair: (order(pair[0]), pair[1] or 0))
    if len(pairs) > MAX_PANELS:
        lowest = runs["temperature_k"].min()
        pairs = [pair for pair in pairs if pair[1] in (None, lowest)]
    return pairs[:MAX_PANELS]


def _of(table: pd.DataFrame, name: str, temperature: float | None) -> pd.DataFrame:
    own = table[table["property"] == name]
    if temperature is None:
        return own[own["temperature_k"].isna()]
    return own[own["temperature_k"] == temperature]


def _draw_panel(
    ax: Axes,
    name: str,
    runs: pd.DataFrame,
    noise: float | None,
    methods: Sequence[str],
    look: MethodStyle,
) -> None:
    unit = quantity(name).unit
    errors = name not in _ALWAYS_VALUES and runs["error"].notna().any()
    shown = runs.assign(y=runs["error"].abs() if errors else runs["value"])
    if errors:
        shown.loc[shown["y"] == 0, "y"] = float("nan")
    ax.set_ylabel(f"{'error' if errors else 'value'} ({unit})")
    sizes = sorted(set(runs["size"]))
    place = _places(ax, sizes)
    if not shown["y"].notna().any():
        ax.set_yticks([])
        ax.text(0.5, 0.5, "no result", transform=ax.transAxes, ha="center", va="center", color=GREY)
    for method in methods:
        own = shown[shown["method"] == method]
        if own.empty:
            continue
        colour, marker = look.colour(method), look.marker(method)
        trained = own[own["size"] > 0]
        means = trained.groupby("size")["y"].mean().dropna()
        ax.plot([place[s] for s in means.index], means, color=colour, lw=1.2, zorder=2)
        for part, face in ((trained, colour), (own[own["size"] == 0], "white")):
            ax.plot(
                part["size"].map(place),
                part["y"],
                linestyle="none",
                marker=marker,
                markersize=3.4,
                markerfacecolor=face,
                markeredgecolor=colour,
                markeredgewidth=0.0 if face == colour else 0.9,
                alpha=0.8,
                zorder=3,
            )
        lost = own[own["failed"] > 0]
        shift = 0.012 * (methods.index(method) - len(methods) / 2)
        ax.plot(
            lost["size"].map(place),
            [0.95 + shift] * len(lost),
            transform=ax.get_xaxis_transform(),
            linestyle="none",
            marker="x",
            markersize=4.5,
            color=colour,
            zorder=4,
        )
    values = shown["y"].dropna()
    if errors and values.size:
        if noise:
            ax.axhline(noise, color=GREY, lw=1.0, ls=(0, (4, 3)), zorder=1)
        ax.set_yscale("log")
        ax.set_ylim(log_limits([*values, *([noise] if noise else [])], margin=0.1))
        log_ticks(ax.yaxis, *ax.get_ylim())
    elif values.size:
        wanted = runs["reference"].dropna()
        if wanted.size:
            ax.axhline(wanted.iloc[0], color=GREY, lw=1.0, zorder=1)
        ax.margins(y=0.12)
        ax.yaxis.set_major_locator(MaxNLocator(5))
        if unit == "%":
            ax.set_ylim(0, max(1.0, 1.15 * values.max()))


def _places(ax: Axes, sizes: Sequence[int]) -> dict[int, float]:
    """Set up the axis of sizes; return where each stands: by its logarithm, 0 apart on the left."""
    trained = [size for size in sizes if size > 0]
    place = {size: float(size) for size in trained}
    first = trained[0] if trained else 1.0
    last = trained[-1] if trained else 1.0
    gap = (last / first) ** 0.2 if last > first else 2.0
    if 0 in sizes:
        place[0] = first / gap
        if trained:
            ax.axvline(first / gap**0.5, color=GREY, lw=0.7, ls=(0, (4, 3)), zorder=1)
    ax.set_xscale("log")
    ax.set_xlim(min(place.values()) / gap**0.4, max(place.values()) * gap**0.4)
    shown = _thinned(ax, place)
    ax.xaxis.set_major_locator(FixedLocator(list(shown)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: shown.get(x, "")))
    return place


def _thinned(ax: Axes, place: dict[int, float]) -> dict[float, str]:
    """Label as many sizes as a narrow panel has room for, the largest and the smallest first."""
    import math

    low, high = map(math.log, ax.get_xlim())
    kept: list[int] = []
    ordered = sorted(place, key=place.__getitem__)
    for size in [*ordered[:1], *ordered[:0:-1]]:
        at = math.log(place[size])
        room = 0.055 * (high - low)
        if all(
            abs(at - math.log(place[k])) > room * (len(number(size)) + len(number(k))) / 2
            for k in kept
        ):
            kept.append(size)
    return {place[size]: number(size) for size in kept}
