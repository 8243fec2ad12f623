"""Dense artists as pixels in a vector file, drawn once for all panels.

Matplotlib draws every rasterised artist on a sheet as large as the whole figure and, in a PDF,
keeps all sheets until the file is written: a gigabyte and seconds for a figure of 30 panels. Here
they share one sheet, and of each panel its own piece is kept.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure


@contextlib.contextmanager
def shared_pixels(figure: Figure, dpi: float) -> Iterator[None]:
    """Put pictures in the place of the figure's rasterised artists for the length of the block.

    Args:
        figure: whose panels keep their places in the block: no layout may move them.
        dpi: pixels per inch of the pictures.
    """
    hidden, shown = [], []
    own_dpi = figure.dpi
    figure.dpi = dpi
    try:
        sheet = None
        for ax in figure.axes:
            artists = [a for a in ax.get_children() if a.get_rasterized() and a.get_visible()]
            if not artists or not ax.get_visible():
                continue
            sheet = sheet or RendererAgg(*figure.bbox.size, dpi)
            for artist in sorted(artists, key=Artist.get_zorder):
                artist.draw(sheet)
            if (picture := _cut_out(sheet, ax, dpi)) is not None:
                picture.set_zorder(min(artist.get_zorder() for artist in artists))
                shown.append(ax.add_artist(picture))
            hidden += artists
    finally:
        figure.dpi = own_dpi
    for artist in hidden:
        artist.set_visible(False)
        artist.set_rasterized(False)  # else a sheet is made for it, though it stays empty
    try:
        yield
    finally:
        for picture in shown:
            picture.remove()
        for artist in hidden:
            artist.set_visible(True)
            artist.set_rasterized(True)


class _Picture(Artist):
    def __init__(self, pixels: np.ndarray, left: float, bottom: float) -> None:
        super().__init__()
        self._pixels, self._left, self._bottom = pixels, left, bottom

    def draw(self, renderer: RendererBase) -> None:
        context = renderer.new_gc()
        dpi = self.get_figure(root=True).dpi
        renderer.draw_image(context, self._left * dpi, self._bottom * dpi, self._pixels)
        context.restore()


def _cut_out(sheet: RendererAgg, ax: Axes, dpi: float) -> _Picture | None:
    """What was drawn inside one panel; None where that is nothing."""
    pixels = np.asarray(sheet.buffer_rgba())
    height = len(pixels)
    (left, bottom), (right, top) = ax.bbox.get_points()
    first, last = max(int(height - top) - 1, 0), int(np.ceil(height - bottom)) + 1
    start, stop = max(int(left) - 1, 0), int(np.ceil(right)) + 1
    panel = pixels[first:last, start:stop]
    drawn = panel[..., 3] > 0
    if not drawn.any():
        return None
    rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
    piece = panel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Row 0 of a picture in a vector file is its lowest; a copy, so that the sheet can go.
    return _Picture(
        piece[::-1].copy(),
        (start + columns[0]) / dpi,
        (height - first - rows[-1] - 1) / dpi,
    )
