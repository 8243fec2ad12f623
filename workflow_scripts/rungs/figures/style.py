"""One look for all figures, and how they are written to files."""

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from string import ascii_lowercase
from typing import ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from rungs.errors import StudyError
from rungs.figures.rasterizing import shared_pixels
from rungs.files import whole_file

SINGLE, DOUBLE = 3.4, 7.0
"""Widths of one and of two columns of a journal page, in inches."""
DPI = 300

# Okabe and Ito's colours, told apart with every common kind of colour vision.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, LIGHT_GREY = "#6E6E6E", "#E6E6E6"
SOURCE_COLOUR, TARGET_COLOUR = GREY, BLUE

RC = {
    # DejaVu Sans comes with Matplotlib, so figures look alike on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.0,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": DPI,
    # Figures say themselves how they are laid out.
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    # Text stays text in a PDF and becomes outlines in an SVG, which carries no fonts.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "rungs",
}

_METHODS = {
    "scratch": ("from scratch", BLACK, "o"),
    "trainable_reference": ("transfer, trainable reference", ORANGE, "s"),
    "frozen_reference": ("transfer, frozen reference", PURPLE, "^"),
    "target_reference": ("transfer, target reference", BLUE, "D"),
}
_OTHERS = [(GREEN, "v"), (VERMILION, "P"), (SKY, "X"), (YELLOW, "h")]

MODELS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""Colours of the models of a study that has several."""
_MARKERS = "oDs^vPX"

P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a drawing function with the house style, and leave the caller's settings as they are."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with matplotlib.rc_context(RC):
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, without a window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.05, wspace=0.04, hspace=0.05)
    return figure


def save(figure: Figure, paths: Iterable[str | os.PathLike]) -> None:
    """Write ``figure`` to each path, in the format of its suffix: .png, .pdf or .svg.

    A file appears whole or not at all, and carries no date, so that the same tables give the same
    bytes.

    Raises:
        StudyError: for another suffix.
    """
    metadata = {
        ".png": {"Software": None},
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        ".svg": {"Date": None, "Creator": None},
    }
    paths = list(map(Path, paths))
    for path in paths:
        if path.suffix not in metadata:
            raise StudyError(f"{path}: figures are written as .png, .pdf or .svg")
    with matplotlib.rc_context(RC), _laid_out(figure):
        for path in paths:
            as_vectors = shared_pixels(figure, DPI) if path.suffix != ".png" else nullcontext()
            with whole_file(path) as partial, as_vectors:
                figure.savefig(partial, dpi=DPI, metadata=metadata[path.suffix])


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Lay a figure out once for all its files: finding room for the words takes as long as drawing
    them. Without any layout engine Matplotlib does not draw for nothing before each file, either.
    """
    engine = figure.get_layout_engine()
    figure.dpi = DPI
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)


class MethodStyle:
    """Label, colour and marker of each method, the same in all figures of a study.

    The four methods of the GGA to r2SCAN paper have colours of their own; others take the remaining
    ones in the order of ``methods``, then those of the four that the study lacks. Beyond that
    colours come again with other markers. Where names are a whole grid of ways of training and
    models, WAY_MODEL, each model has a colour, and each way a marker and a shade of it.
    """

    def __init__(self, methods: Sequence[str]) -> None:
        if grid := _grid_of(methods):
            self._look = grid
            return
        others = [method for method in methods if method not in _METHODS]
        self._look = dict(_METHODS)
        free = _OTHERS + [look[1:] for name, look in _METHODS.items() if name not in methods]
        for i, method in enumerate(others):
            times_round, place = divmod(i, len(free))
            colour, marker = free[place][0], free[(place + times_round) % len(free)][1]
            self._look[method] = (plain(method.replace("_", " ")), colour, marker)

    def label(self, method: str) -> str:
        return self._look[method][0]

    def colour(self, method: str) -> str:
        return self._look[method][1]

    def marker(self, method: str) -> str:
        return self._look[method][2]


def _grid_of(methods: Sequence[str]) -> dict[str, tuple[str, str, str]] | None:
    """Return the look of methods whose names are a grid of two ways or more and two models or more;
    None for others."""
    first = next(iter(methods), "")
    # A way's name may have the sign in it, and a model's, too.
    cuts = [i for i, letter in enumerate(first) if letter == "_"]
    for cut in cuts:
        way, model = first[:cut], first[cut + 1 :]
        models = [m[cut + 1 :] for m in methods if m.startswith(f"{way}_")]
        ways = [m.removesuffix(f"_{model}") for m in methods if m.endswith(f"_{model}")]
        whole = [f"{w}_{m}" for w in ways for m in models]
        if min(len(ways), len(models)) > 1 and sorted(whole) == sorted(methods):
            return {
                f"{w}_{m}": (
                    plain(f"{w} {m}".replace("_", " ")),
                    _shade(MODELS[k % len(MODELS)], i, len(ways)),
                    _MARKERS[i % len(_MARKERS)],
                )
                for i, w in enumerate(ways)
                for k, m in enumerate(models)
            }
    return None


def _shade(colour: str, place: int, number: int) -> str:
    """Return a colour, paler for the first of several."""
    white = 0.55 * (1 - place / (number - 1))
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    mixed = (round(c + (255 - c) * white) for c in (red, green, blue))
    return "#" + "".join(f"{c:02X}" for c in mixed)


def plain(text: str) -> str:
    """Return a user's text as it is to be typeset: no accidental mathematics, r²SCAN as written."""
    return text.replace("$", r"\$").replace("r2SCAN", r"r$^2$SCAN")


def panel_letter(ax: Axes, index: int) -> None:
    """Write a, b, c … in bold above the panel's upper left corner."""
    more, letter = divmod(index, len(ascii_lowercase))
    name = (ascii_lowercase[more - 1] if more else "") + ascii_lowercase[letter]
    ax.set_title(name, loc="left", fontweight="bold", fontsize=9.0)


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Give a logarithmic axis plain numbers as labels, as many as its range has room for."""
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 2.2 else (1, 3) if decades < 3.2 else (1,)
    if decades < 0.8:
        steps = (1, 1.5, 2, 3, 4, 5, 7)
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**e for e in exponents for step in steps]
    if decades < 0.35:  # hardly bent: evenly spaced round numbers
        ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ticks = [t for t in ticks if low * 0.999 <= t <= high * 1.001]
    minor = [step * 10.0**e for e in exponents for step in range(1, 10)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(FixedLocator([m for m in minor if low <= m <= high]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())


def size_ticks(axis: Axis, sizes: Sequence[float]) -> None:
    """Label a logarithmic axis with the study's own sizes where they do not crowd."""
    sizes = sorted(sizes)
    gaps = np.diff(np.log10(sizes)) if len(sizes) > 1 else np.array([1.0])
    span = math.log10(sizes[-1] / sizes[0]) if len(sizes) > 1 else 1.0
    if gaps.min() < 0.09 * span or len(sizes) > 9:
        log_ticks(axis, sizes[0], sizes[-1])
        return
    axis.set_major_locator(FixedLocator(sizes))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def log_limits(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """Return limits that hold all positive values of a logarithmic axis with some air."""
    values = np.asarray(values, dtype=float)
    low, high = np.log10(values.min()), np.log10(values.max())
    air = max(margin * (high - low), 0.04)
    return 10 ** (low - air), 10 ** (high + air)


def number(value: float) -> str:
    """Return a tick label: 0.05, 20, 3,200, 10⁶."""
    if value == 0:
        return "0"
    if value >= 1e6 or value < 1e-3:
        mantissa, exponent = f"{value:e}".split("e")
        front = "" if abs(float(mantissa) - 1) < 1e-6 else rf"{float(mantissa):g}\times "
        return rf"${front}10^{{{int(exponent)}}}$"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.6g}"


def figure_of_words(words: str) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure = new_figure(DOUBLE, 2.0)
    say_in_panel(figure.subplots(), words)
    return figure


def say_in_panel(ax: Axes, words: str) -> None:
    """Leave a panel empty but for the reason why it is."""
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set_xticks([])
    ax.set_yticks([])
