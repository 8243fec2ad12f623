import numpy as np
import pytest
from matplotlib.colors import to_rgba

from rungs.figures.reference_shift import draw_reference_shift, position
from rungs.figures.style import LIGHT_GREY
from rungs.frames.elements import ATOMIC_NUMBERS, SYMBOLS

SOURCE = np.linspace(-1, -9, 94)
PRESENT = [ATOMIC_NUMBERS[s] for s in ("Li", "Na", "K", "Mg", "O", "S", "F", "Cl", "Zn")]


def cells(ax):
    """Face colour of each drawn element."""
    faces = {}
    texts = {text.get_text(): text.get_position() for text in ax.texts}
    for patch in ax.patches:
        x, y = patch.get_x() + 0.47, patch.get_y() + 0.47
        symbol = next(
            s for s in SYMBOLS if s in texts and np.hypot(texts[s][0] - x, texts[s][1] - y) < 0.3
        )
        faces[symbol] = patch.get_facecolor()
    return faces


def test_every_element_has_a_place_of_its_own():
    places = [position(z) for z in range(1, 95)]
    assert len(set(places)) == 94
    named = {"H": (1, 1), "He": (18, 1), "Be": (2, 2), "B": (13, 2), "Ne": (18, 2), "Al": (13, 3)}
    named |= {"Sc": (3, 4), "Zn": (12, 4), "Ga": (13, 4), "Kr": (18, 4), "Y": (3, 5), "I": (17, 5)}
    named |= {"Cs": (1, 6), "Ba": (2, 6), "Hf": (4, 6), "Tl": (13, 6), "Rn": (18, 6), "Ra": (2, 7)}
    named |= {"La": (3, 8.4), "Lu": (17, 8.4), "Ac": (3, 9.4), "Pu": (8, 9.4)}
    for symbol, place in named.items():
        assert position(ATOMIC_NUMBERS[symbol]) == place, symbol


def test_cells_hold_symbol_and_shift_and_absent_elements_are_grey(reference):
    target = SOURCE - np.linspace(0.5, 20, 94)
    figure = draw_reference_shift(
        reference(SOURCE, PRESENT), reference(target, PRESENT), source="GGA", target="r2SCAN"
    )
    ax, bar = figure.axes[0], figure.axes[0].child_axes[0]
    texts = [text.get_text() for text in ax.texts]
    for z in PRESENT:
        assert f"{(target - SOURCE)[z - 1]:.2f}".replace("-", "−") in texts
    faces = cells(ax)
    grey = to_rgba(LIGHT_GREY)
    assert {s for s, face in faces.items() if face != grey} == {SYMBOLS[z - 1] for z in PRESENT}
    assert "Ti" in faces
    assert "La" not in faces
    assert bar.get_title() == "r$^2$SCAN − GGA reference energy (eV/atom)"


def test_f_block_is_drawn_when_an_element_of_it_is_there(reference):
    small = draw_reference_shift(reference(SOURCE, PRESENT), reference(SOURCE - 1, PRESENT))
    present = [*PRESENT, ATOMIC_NUMBERS["Ce"]]
    large = draw_reference_shift(reference(SOURCE, present), reference(SOURCE * 2, present))
    assert len(cells(large.axes[0])) == 94
    assert large.get_size_inches()[1] > small.get_size_inches()[1]


def test_shifts_of_both_signs_have_white_at_zero(reference):
    target = SOURCE.copy()
    target[[2, 7]] += [2.0, -1.5]
    figure = draw_reference_shift(reference(SOURCE, PRESENT), reference(target, PRESENT))
    faces = cells(figure.axes[0])
    assert min(faces["Na"][:3]) > 0.9
    assert faces["Li"][2] > faces["Li"][0]
    assert faces["O"][0] > faces["O"][2]


def test_an_element_of_one_level_only_is_absent(reference):
    figure = draw_reference_shift(reference(SOURCE, [14]), reference(SOURCE, [32]))
    ax = figure.axes[0]
    assert set(cells(ax).values()) == {to_rgba(LIGHT_GREY)}
    assert any("no element is in frames of both levels" in t.get_text() for t in ax.texts)


@pytest.mark.parametrize(("shift", "text"), [(-12.345, "−12.3"), (-0.001, "0.00"), (7.0, "7.00")])
def test_numbers_are_short(reference, shift, text):
    figure = draw_reference_shift(reference(SOURCE, [8]), reference(SOURCE + shift, [8]))
    assert text in [t.get_text() for t in figure.axes[0].texts]


def test_ink_is_readable_on_every_cell(reference):
    present = range(1, 95)
    target = SOURCE - np.linspace(0, 20, 94)
    ax = draw_reference_shift(reference(SOURCE, present), reference(target, present)).axes[0]
    ink = {t.get_text(): to_rgba(t.get_color()) for t in ax.texts}

    def luminance(colour):
        channel = np.asarray(colour[:3])
        return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for symbol, face in cells(ax).items():
        light, dark = sorted((luminance(face), luminance(ink[symbol])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5, symbol
