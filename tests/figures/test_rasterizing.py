import re

import numpy as np
import pytest
from matplotlib.backends.backend_mixed import MixedModeRenderer

from rungs.figures.rasterizing import shared_pixels
from rungs.figures.style import DPI, new_figure, save

PICTURE = re.compile(r"<image[^>]*>")


def draw(n_panels=6):
    """Dense points in all panels but one; words and lines above them."""
    rng = np.random.default_rng(0)
    figure = new_figure(7.0, 3.0)
    for i, ax in enumerate(figure.subplots(2, n_panels // 2).ravel()):
        x, y = rng.normal(size=(2, 400))
        ax.plot(x, y, "o", ms=2, rasterized=i > 0, zorder=2)
        ax.plot([0, 1], [0, 1], zorder=3)
        ax.set_xlim(-2, 2)  # points are cut off at the frame
        ax.set_title(f"panel {i}")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def pictures(path):
    found = []
    for picture in PICTURE.findall(path.read_text()):
        of = dict(re.findall(r'([\w:]+)="([^"]*)"', picture))
        transform = [float(x) for x in re.findall(r"-?[\d.]+", of["transform"])]
        numbers = [float(of[name]) for name in ("x", "y", "width", "height")]
        found.append((of["xlink:href"], numbers + transform))
    return found


def test_pictures_are_those_that_matplotlib_draws_one_by_one(tmp_path):
    figure = draw()
    figure.savefig(tmp_path / "single.svg", dpi=DPI)
    with shared_pixels(figure, DPI):
        figure.savefig(tmp_path / "shared.svg", dpi=DPI)
    single, shared = (pictures(tmp_path / f"{name}.svg") for name in ("single", "shared"))
    assert len(single) == len(shared) == 5
    for (data, place), (same, there) in zip(single, shared, strict=True):
        assert data == same
        assert there == pytest.approx(place, abs=1e-4)


def test_artists_are_as_they_were_after_the_block():
    figure = draw()
    before = [len(ax.get_children()) for ax in figure.axes]
    dpi = figure.dpi
    with shared_pixels(figure, DPI):
        assert not any(ax.lines[0].get_visible() for ax in figure.axes[1:])
    assert [len(ax.get_children()) for ax in figure.axes] == before
    assert all(ax.lines[0].get_visible() for ax in figure.axes)
    assert [ax.lines[0].get_rasterized() for ax in figure.axes] == [False] + 5 * [True]
    assert figure.dpi == dpi


def test_saving_makes_no_sheet_for_each_panel(tmp_path, monkeypatch):
    sheets = []
    start = MixedModeRenderer.start_rasterizing
    monkeypatch.setattr(
        MixedModeRenderer, "start_rasterizing", lambda self: (sheets.append(1), start(self))
    )
    save(draw(), [tmp_path / "figure.pdf", tmp_path / "figure.svg"])
    assert not sheets
    assert len(pictures(tmp_path / "figure.svg")) == 5


def test_a_figure_without_dense_artists_stays_as_it_is(tmp_path):
    figure = new_figure(3.0, 2.0)
    figure.subplots().plot([1, 2], [1, 2])
    save(figure, [tmp_path / "figure.svg"])
    assert not pictures(tmp_path / "figure.svg")
