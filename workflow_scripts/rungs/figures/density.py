"""Many pairs of numbers in a panel: as points, or as how many lie where."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap

from rungs.figures.style import TARGET_COLOUR

MANY_POINTS = 1500
"""From so many points on, a panel shows how many lie where instead of the points."""
# The pale end of the map would not be seen on white.
_COLOURS = ListedColormap(colormaps["YlGnBu"](np.linspace(0.3, 1.0, 256)))


def points_or_cells(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    extent: tuple[float, float, float, float],
    *,
    grid: int,
    markersize: float,
) -> PolyCollection | None:
    """Draw points, or how many lie where; return the coloured cells, None for points.

    Args:
        ax: the panel.
        x, y: (n,) the pairs.
        extent: the panel's limits, of x and then of y, which ``grid`` cells divide.
        grid: cells along x.
        markersize: of a point.
    """
    if len(x) < MANY_POINTS:
        ax.plot(
            x,
            y,
            linestyle="none",
            marker="o",
            markersize=markersize,
            markeredgewidth=0,
            alpha=0.5,
            color=TARGET_COLOUR,
            rasterized=len(x) > 300,
            zorder=2,
        )
        return None
    return ax.hexbin(
        x,
        y,
        gridsize=grid,
        extent=extent,
        mincnt=1,
        cmap=_COLOURS,
        linewidths=0.1,
        rasterized=True,
        zorder=2,
    )
