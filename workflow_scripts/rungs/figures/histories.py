"""Figure of the training histories: validation errors, else training losses, against update."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from rungs.figures.error_columns import PROPERTIES
from rungs.figures.style import (
    DOUBLE,
    GREY,
    MODELS,
    SINGLE,
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

_DASHES = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1))]


def stack_histories(histories: Mapping[tuple[str, int, int], pd.DataFrame]) -> pd.DataFrame:
    """Put the histories of several runs below each other, with columns method, size and seed.

    Args:
        histories: the ``history.csv`` of each run, by (method, size, seed).
    """
    parts = [
        table.assign(method=method, size=size, seed=seed)
        for (method, size, seed), table in histories.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


@styled
def draw_histories(
    pretraining: pd.DataFrame | Mapping[str, pd.DataFrame] | None,
    runs: pd.DataFrame,
    *,
    source: str = "source",
    target: str = "target",
    methods: Sequence[str] | None = None,
    properties: Sequence[str] = ("energy", "force"),
) -> Figure:
    """Draw validation errors of the pretraining (left) and of the chosen runs (right).

    One thin line per seed, one colour per method, one kind of dashes per size. Where nothing was
    validated, the losses on training frames are drawn instead.

    Args:
        pretraining: ``pretrained/history.csv``, or of a study of several models one by the name of
            each; None or empty where the study takes a published model as it is, and the left
            column is left away.
        runs: histories of runs, as :func:`stack_histories` gives them.
        source, target: names of the levels.
        methods: the study's methods in their order; by default as they come in ``runs``.
        properties: some of energy, force, stress, magmom; one row of panels each, and no panel
            where nothing is labelled with it.
    """
    if methods is None:
        methods = list(dict.fromkeys(runs["method"])) if len(runs) else []
    look = MethodStyle(methods)
    sizes = sorted(runs["size"].unique(), reverse=True) if len(runs) else []
    of_pretraining = _pretrainings(pretraining)
    with_pretraining = bool(of_pretraining)
    n_columns = 2 if with_pretraining else 1
    n_entries = len(methods) + sum(len(x) for x in (sizes, of_pretraining) if len(x) > 1)
    lines = [
        (
            run,
            {
                "color": look.colour(method),
                "marker": look.marker(method),
                "ls": _DASHES[sizes.index(size) % len(_DASHES)],
            },
        )
        for method in methods
        if len(runs)
        for (size, _), run in runs[runs["method"] == method].groupby(["size", "seed"], sort=True)
    ]
    columns = {name: PROPERTIES[name].history for name in properties}
    validated = any(
        (history.get(column, pd.Series()) > 0).any()
        for history, _ in lines + of_pretraining
        for column in columns.values()
    )
    title = "errors on validation frames during training"
    if lines and not validated:
        columns = {name: f"train_{name}_loss" for name in properties}
        title = "losses on training frames; there is no validation part"
    sides = [of_pretraining, lines] if with_pretraining else [lines]
    drawable = {
        name: [any((h.get(columns[name], pd.Series()) > 0).any() for h, _ in s) for s in sides]
        for name in properties
    }
    properties = [name for name in properties if any(drawable[name])] or list(properties)
    # where a side has nothing of any property, its panels say why
    kept = [[drawable[n][k] or not _any(drawable, k) for k in range(n_columns)] for n in properties]
    height = 2.1 * len(properties) + 0.6 + 0.14 * -(-n_entries // n_columns)
    figure = new_figure(DOUBLE if with_pretraining else SINGLE, height)
    axes = figure.subplots(len(properties), n_columns, squeeze=False, sharex="col")
    letter = 0
    for i, name in enumerate(properties):
        for k, ax in enumerate(axes[i]):
            if not kept[i][k]:
                ax.remove()
                continue
            panel_letter(ax, letter)
            letter += 1
            ax.set_ylabel(
                PROPERTIES[name].label if title.startswith("errors") else f"{name} loss, training"
            )
            _draw_lines(ax, columns[name], sides[k])
    on = f", {number(sizes[0])} frames" if len(sizes) == 1 else ""
    titles = [f"pretraining on {plain(source)}", f"runs on {plain(target)}{on}"][-n_columns:]
    for k, words in enumerate(titles):
        highest = min(i for i in range(len(properties)) if kept[i][k])
        axes[highest, k].set_title(words)
    for k in range(n_columns):
        lowest = max(i for i in range(len(properties)) if kept[i][k])
        axes[lowest, k].set_xlabel("optimiser update")
        axes[lowest, k].tick_params(labelbottom=True)
    drawn = [m for m in methods if len(runs) and (runs["method"] == m).any()]
    handles = [
        Line2D([], [], color=look.colour(m), marker=look.marker(m), label=look.label(m))
        for m in drawn
    ]
    if len(sizes) > 1:
        handles += [
            Line2D([], [], color=GREY, ls=_DASHES[i % len(_DASHES)], label=f"{number(n)} frames")
            for i, n in enumerate(sizes)
        ]
    if len(of_pretraining) > 1:
        handles += [Line2D([], [], **look) for _, look in of_pretraining]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside upper center",
            ncols=min(n_columns, len(handles)),
            columnspacing=2.5,
            title=title,
        )
    return figure


def _pretrainings(given: pd.DataFrame | Mapping[str, pd.DataFrame] | None) -> list[tuple]:
    """Histories that are not empty, each with its look; several with their models' names."""
    if given is None or isinstance(given, pd.DataFrame):
        there = given is not None and len(given)
        return [(given, {"color": GREY, "marker": "o"})] if there else []
    named = {name: history for name, history in given.items() if len(history)}
    if len(named) == 1:
        return _pretrainings(*named.values())
    return [
        (
            history,
            {
                "color": MODELS[i % len(MODELS)],
                "marker": "o",
                "label": f"pretraining of {plain(name)}",
            },
        )
        for i, (name, history) in enumerate(named.items())
    ]


def _any(drawable: Mapping[str, Sequence[bool]], side: int) -> bool:
    return any(there[side] for there in drawable.values())


def _draw_lines(ax: Axes, column: str, lines: list[tuple[pd.DataFrame, dict]]) -> None:
    """Draw one line per history; rows without a validation have none of its numbers."""
    shown = []
    for history, look in lines:
        if column not in history:
            continue
        valid = history[history[column] > 0]
        if valid.empty:
            continue
        shown.append(valid[column].to_numpy(dtype=float))
        ax.plot(valid["update"], valid[column], lw=0.9, markersize=2.4, alpha=0.8, **look)
    if not shown:
        say_in_panel(ax, "nothing recorded" if lines else "no runs")
        return
    ax.set_yscale("log")
    ax.set_ylim(log_limits(np.concatenate(shown)))
    log_ticks(ax.yaxis, *ax.get_ylim())
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
