import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from rungs.errors import StudyError
from rungs.figures.style import (
    RC,
    MethodStyle,
    log_limits,
    log_ticks,
    new_figure,
    number,
    panel_letter,
    plain,
    save,
    size_ticks,
    styled,
)


def draw():
    figure = new_figure(3.4, 2.5)
    ax = figure.subplots()
    ax.plot([1, 2], [1, 4])
    ax.set_xlabel(plain("r2SCAN frames"))
    return figure


def test_package_loads_without_matplotlib():
    code = "import sys; import rungs.figures; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_hold_no_date_and_repeat_to_the_byte(tmp_path):
    names = [f"figure.{suffix}" for suffix in ("png", "pdf", "svg")]
    for folder in ("one", "two"):
        save(styled(draw)(), [tmp_path / folder / name for name in names])
    for name in names:
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert first == second
        assert len(first) > 1000
    png = (tmp_path / "one/figure.png").read_bytes()
    assert int.from_bytes(png[16:20], "big") == 3.4 * 300
    assert b"CreationDate" not in (tmp_path / "one/figure.pdf").read_bytes()
    assert b"dc:date" not in (tmp_path / "one/figure.svg").read_bytes()


def test_unknown_format_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(StudyError, match=r"figure\.jpg: figures are written as"):
        save(draw(), [tmp_path / "figure.jpg"])
    assert list(tmp_path.iterdir()) == []


def test_style_does_not_leak():
    before = dict(matplotlib.rcParams)
    inside = styled(lambda: matplotlib.rcParams["font.size"])()
    assert inside == RC["font.size"]
    assert dict(matplotlib.rcParams) == before


def test_methods_keep_their_look():
    look = MethodStyle(["scratch", "target_reference", "replay", "shrunken"])
    alone = MethodStyle(["target_reference"])
    assert look.colour("target_reference") == alone.colour("target_reference")
    assert look.label("replay") == "replay"
    assert MethodStyle(["my_method"]).label("my_method") == "my method"
    colours = {look.colour(m) for m in ("scratch", "target_reference", "replay", "shrunken")}
    markers = {look.marker(m) for m in ("scratch", "target_reference", "replay", "shrunken")}
    assert len(colours) == len(markers) == 4
    assert all(to_hex(colour) for colour in colours)


@pytest.mark.parametrize("known", [[], ["scratch", "target_reference"]])
def test_no_two_methods_look_alike(known):
    """Also in a study that varies something else than the paper's four methods."""
    methods = known + [f"method_{i}" for i in range(12)]
    look = MethodStyle(methods)
    assert len({(look.colour(m), look.marker(m)) for m in methods}) == len(methods)
    assert len({look.colour(m) for m in methods[:8]}) == 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.05, "0.05"),
        (20.0, "20"),
        (3200, "3,200"),
        (0, "0"),
        (1e6, "$10^{6}$"),
        (2e-4, r"$2\times 10^{-4}$"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_text_of_users_is_not_mathematics():
    assert plain("cost $5") == r"cost \$5"
    assert plain("r2SCAN") == r"r$^2$SCAN"


@pytest.mark.parametrize("high", [1.3, 4.0, 30.0, 400.0, 1e4, 1e6])
def test_log_axes_have_a_few_labels_whatever_their_range(high):
    ax = new_figure(3.4, 2.5).subplots()
    ax.set_yscale("log")
    ax.set_ylim(10, 10 * high)
    log_ticks(ax.yaxis, 10, 10 * high)
    ticks = ax.yaxis.get_ticklocs()
    assert 2 <= len(ticks) <= 9
    assert ((ticks >= 9.9) & (ticks <= 10.1 * high)).all()


def test_sizes_label_the_axis_unless_they_crowd():
    ax = new_figure(3.4, 2.5).subplots()
    ax.set_xscale("log")
    ax.set_xlim(5, 2000)
    size_ticks(ax.xaxis, [10, 32, 100, 1000])
    assert ax.xaxis.get_ticklocs().tolist() == [10, 32, 100, 1000]
    size_ticks(ax.xaxis, [10, 11, 100, 1000])
    assert 11 not in ax.xaxis.get_ticklocs()


def test_limits_hold_the_values():
    low, high = log_limits([3.0, 200.0])
    assert low < 3
    assert high > 200
    low, high = log_limits([5.0])
    assert low < 5 < high
    assert np.isfinite([low, high]).all()


def test_a_figure_is_laid_out_once_for_all_its_files(tmp_path, monkeypatch):
    figure = styled(draw)()
    engine = figure.get_layout_engine()
    done = []
    execute = type(engine).execute
    monkeypatch.setattr(
        type(engine), "execute", lambda self, fig: (done.append(1), execute(self, fig))[1]
    )
    save(figure, [tmp_path / f"figure.{suffix}" for suffix in ("png", "pdf", "svg")])
    assert len(done) == 1
    assert figure.get_layout_engine() is engine


def test_panels_have_letters_beyond_z():
    ax = new_figure(3.4, 2.5).subplots()
    for index, letters in ((0, "a"), (25, "z"), (26, "aa"), (53, "bb")):
        panel_letter(ax, index)
        assert ax.get_title(loc="left") == letters


def test_a_grid_of_models_has_a_colour_for_each_model():
    ways, models = ("scratch", "target_reference"), ("chgnet_8", "mace")
    look = MethodStyle([f"{way}_{model}" for way in ways for model in models])
    assert look.colour("target_reference_mace") != look.colour("target_reference_chgnet_8")
    assert look.colour("scratch_mace") != look.colour("target_reference_mace")
    assert look.marker("scratch_mace") == look.marker("scratch_chgnet_8")
    assert look.marker("scratch_mace") != look.marker("target_reference_mace")
    assert look.label("scratch_chgnet_8") == "scratch chgnet 8"


def test_names_that_are_no_whole_grid_are_as_ever():
    names = ["scratch", "scratch_cold", "scratch_hot", "copied_cold", "copied_hot"]
    plain_look = MethodStyle(names)
    assert plain_look.colour("scratch") == "#000000"
    assert len({plain_look.colour(name) for name in names}) == 5
    four = ["scratch", "trainable_reference", "frozen_reference", "target_reference"]
    assert MethodStyle(four[1:]).colour("target_reference") == MethodStyle(four).colour(
        "target_reference"
    )
