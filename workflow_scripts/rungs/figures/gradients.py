"""Figure of the gradients of the network's layers through the first epoch of a transfer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import (
    DOUBLE,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    panel_letter,
    plain,
    say_in_panel,
    styled,
)

N_COLUMNS = 3
# Methods that differ in whether references are trained may lie on each other.
_DASHES = ["-", (0, (3, 2))]


@styled
def draw_gradients(
    gradients: pd.DataFrame, *, target: str = "target", methods: Sequence[str] | None = None
) -> Figure:
    """Draw one panel per layer: gradient norm against the share of the first epoch.

    One thin line per seed and the geometric mean over the seeds in bold, one colour per method.
    The panels' error axes span the same number of decades, each about its own layer's gradients.

    Args:
        gradients: ``gradients.csv``.
        target: name of the target level.
        methods: the study's methods in their order; by default as they come in ``gradients``.
    """
    drawn = list(dict.fromkeys(gradients["method"]))
    methods = drawn if methods is None else list(methods)
    look = MethodStyle(methods)
    names = list(dict.fromkeys(gradients["layer"]))
    if not names:
        figure = new_figure(DOUBLE, 2.0)
        say_in_panel(figure.subplots(), "no method transfers")
        return figure
    n_rows = -(-len(names) // N_COLUMNS)
    figure = new_figure(DOUBLE, 0.8 + 1.65 * n_rows)
    axes = figure.subplots(n_rows, N_COLUMNS, sharex=True, squeeze=False)
    limits = _limits(gradients[gradients["gradient_norm"] > 0])
    for i, (ax, name) in enumerate(zip(axes.flat, names, strict=False)):
        panel_letter(ax, i)
        ax.set_title(name)
        ax.set_yscale("log")
        for k, method in enumerate(drawn):
            runs = gradients[(gradients["layer"] == name) & (gradients["method"] == method)]
            line = {"color": look.colour(method), "ls": _DASHES[k % len(_DASHES)]}
            _draw_lines(ax, runs, look.marker(method), line)
        if name in limits:
            ax.set_ylim(limits[name])
            log_ticks(ax.yaxis, *limits[name])
        # The panel below may be one of those that stay empty.
        if i + N_COLUMNS >= len(names):
            ax.tick_params(labelbottom=True)
            ax.set_xlabel("epochs of the transfer")
        if i % N_COLUMNS == 0:
            ax.set_ylabel("gradient norm")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    axes[0, 0].set_xlim(-0.03, 1.03)
    sizes = sorted(set(gradients["size"]))
    handles = [
        Line2D(
            [],
            [],
            color=look.colour(m),
            marker=look.marker(m),
            ls=_DASHES[drawn.index(m) % len(_DASHES)],
            label=look.label(m),
        )
        for m in methods
        if m in drawn
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(3, len(handles)),
        title=f"first epoch on {', '.join(f'{size:,}' for size in sizes)} {plain(target)} frames",
    )
    return figure


def _limits(gradients: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return limits for each layer, all of the same width on a logarithmic axis."""
    ends = {
        layer: np.log10(log_limits(rows["gradient_norm"]))
        for layer, rows in gradients.groupby("layer")
    }
    half = max((high - low for low, high in ends.values()), default=1.0) / 2
    middle = {layer: (low + high) / 2 for layer, (low, high) in ends.items()}
    return {layer: (10 ** (m - half), 10 ** (m + half)) for layer, m in middle.items()}


def _draw_lines(ax: Axes, runs: pd.DataFrame, marker: str, line: dict) -> None:
    runs = runs[runs["gradient_norm"] > 0]
    if runs.empty:
        return
    seeds = runs.groupby("seed")
    if len(seeds) > 1:
        for _, run in seeds:
            ax.plot(run["epoch"], run["gradient_norm"], lw=0.6, alpha=0.35, **line)
    mean = runs.assign(log=np.log(runs["gradient_norm"])).groupby("epoch")["log"].mean()
    ax.plot(mean.index, np.exp(mean), marker=marker, markersize=2.6, lw=1.2, **line)
