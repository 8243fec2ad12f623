"""Figures of properties: errors, effects of transfer, phonons, distributions."""

import numpy as np
import pandas as pd
import pytest

from rungs.figures.curves import some_sizes
from rungs.figures.distributions import draw_distributions
from rungs.figures.equation_of_state import draw_equation_of_state
from rungs.figures.phonons import draw_phonons
from rungs.figures.property_effects import draw_property_effects
from rungs.figures.property_errors import draw_properties, panels
from rungs.properties.compare import REFERENCE_COLUMNS
from rungs.properties.curves import COLUMNS
from rungs.properties.effect import PROPERTY_COLUMNS
from rungs.properties.quantities import QUANTITIES, RUN_COLUMNS

METHODS = ("scratch", "copied_embedding")
NONE = float("nan")


def make_runs(names=("lattice_constant", "c44"), sizes=(0, 10, 50), temperatures=(NONE,), **extra):
    rows = []
    for method in METHODS:
        for size in sizes:
            if size == 0 and method == "scratch":
                continue
            for seed in (0, 1):
                for name in names:
                    for temperature in temperatures:
                        error = (-1) ** seed * (3 + seed) / (1 + size)
                        row = dict.fromkeys(RUN_COLUMNS) | {
                            "method": method,
                            "size": size,
                            "seed": seed,
                            "property": name,
                            "temperature_k": temperature,
                            "value": 60 + error,
                            "unit": QUANTITIES[name].unit,
                            "reference": 60.0,
                            "error": error,
                            "failed": 0,
                        }
                        rows.append(row | extra)
    return pd.DataFrame(rows).astype({"value": float, "error": float, "reference": float})


def make_reference(rows=()):
    return pd.DataFrame(rows, columns=REFERENCE_COLUMNS).astype(
        {"error": float, "temperature_k": float}
    )


def shown(figure):
    return [ax for ax in figure.axes if ax.get_visible()]


def test_errors_means_and_the_pretrained_model_apart():
    figure = draw_properties(make_runs(), make_reference(), target="germanium")
    lattice, c44 = shown(figure)
    assert [ax.get_title() for ax in (lattice, c44)] == ["lattice constant", "$C_{44}$"]
    assert lattice.get_ylabel() == "error (Å)"
    assert lattice.get_xlabel() == "germanium training frames"
    lines = [
        line for line in lattice.lines if line.get_color() == "#000000" and len(line.get_xdata())
    ]
    assert list(lines[0].get_xdata()) == [10, 50]
    assert np.allclose(lines[0].get_ydata(), [3.5 / 11, 3.5 / 51])
    zero = [line for line in lattice.lines if line.get_markerfacecolor() == "white"]
    assert any(0 < min(line.get_xdata(), default=1) < 10 for line in zero)


def test_a_seed_without_a_result_is_a_cross():
    runs = make_runs(names=("c44",), sizes=(10, 50))
    lost = (runs["size"] == 10) & (runs["seed"] == 1)
    runs.loc[lost, ["value", "error"]] = NONE
    runs.loc[lost, "failed"] = 1
    (ax,) = shown(draw_properties(runs, make_reference()))
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[10], [10]]
    runs["failed"], runs["error"], runs["value"] = 1, NONE, NONE
    (ax,) = shown(draw_properties(runs, make_reference()))
    assert ax.texts[0].get_text() == "no result"


def test_without_a_reference_values_are_drawn():
    runs = make_runs(names=("c44", "phonon_bands", "imaginary_modes"), error=NONE, reference=NONE)
    runs.loc[runs["property"] == "phonon_bands", "value"] = NONE
    c44, imaginary = shown(draw_properties(runs, make_reference()))  # a curve has no value
    assert c44.get_ylabel() == "value (GPa)"
    assert c44.get_yscale() == "linear"
    assert imaginary.get_ylabel() == "value (%)"
    assert imaginary.get_ylim()[0] == 0


def test_chance_is_a_dashed_line():
    runs = make_runs(names=("radial_distribution",), temperatures=(300.0,))
    noise = {"property": "radial_distribution", "temperature_k": 300.0, "error": 0.5}
    (ax,) = shown(draw_properties(runs, make_reference([noise])))
    assert ax.get_title() == "distances, 300 K"
    assert any(list(line.get_ydata()) == [0.5, 0.5] for line in ax.lines)


def test_many_temperatures_leave_the_lowest():
    names = ("radial_distribution", "angular_distribution", "vibrational_density_of_states")
    few = make_runs(names=names, temperatures=(300.0, 600.0))
    assert len(panels(few)) == 6
    many = make_runs(names=names, temperatures=(900.0, 300.0, 600.0, 1200.0, 1500.0, 1800.0))
    assert panels(many) == [(name, 300.0) for name in names]
    everything = make_runs(names=tuple(QUANTITIES))
    assert len(panels(everything)) == len(QUANTITIES)
    draw_properties(everything, make_reference())


@pytest.mark.parametrize("sizes", [(10,), (0,), (0, 10, 32, 100, 320, 1000, 3200)])
def test_few_and_many_sizes(sizes):
    draw_properties(make_runs(sizes=sizes), make_reference(), methods=METHODS)


def test_no_runs():
    figure = draw_properties(make_runs().iloc[:0], make_reference())
    assert figure.axes[0].texts[0].get_text() == "no properties"


def make_table(ratios, method="copied_embedding", **extra):
    return pd.DataFrame(
        [
            dict.fromkeys(PROPERTY_COLUMNS)
            | {
                "method": method,
                "size": size,
                "property": name,
                "temperature_k": NONE,
                "n_seeds": 3,
                "n_compared": 3,
                "transfer_over_scratch": value,
                "effect": effect,
            }
            | extra
            for (name, size), (value, effect) in ratios.items()
        ]
    ).astype({"transfer_over_scratch": float})


def test_both_directions_are_coloured_and_the_certain_ones_bold():
    ratios = {
        ("c44", 10): (0.3, "helps"),
        ("c44", 50): (2.5, "hurts"),
        ("bulk_modulus", 10): (1.1, "undecided"),
        ("bulk_modulus", 50): (NONE, NONE),
    }
    figure = draw_property_effects(make_table(ratios))
    ax, bar = figure.axes
    texts = {text.get_text(): text for text in ax.texts}
    assert set(texts) == {"0.30", "2.50", "1.10"}
    assert texts["0.30"].get_fontweight() == texts["2.50"].get_fontweight() == "bold"
    assert texts["1.10"].get_fontweight() == "normal"
    image = ax.images[0]
    rgb = {
        size: image.cmap(image.norm(image.get_array()[1, column]))
        for column, size in enumerate((10, 50))
    }
    assert rgb[10][2] > rgb[10][0]  # blue helps
    assert rgb[50][0] > rgb[50][2]  # red hurts
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bulk modulus", "$C_{44}$"]
    assert (bar.get_title(), bar.get_xlabel()) == ("hurts", "helps")


def test_seeds_that_were_left_out_are_marked():
    figure = draw_property_effects(make_table({("c44", 10): (0.5, "helps")}, n_compared=2))
    assert figure.axes[0].texts[0].get_text() == "0.50†"


def test_two_methods_of_transfer_and_none():
    ratios = {("c44", 10): (0.5, "helps"), ("phonon_bands", 10): (12.3, "hurts")}
    both = pd.concat([make_table(ratios, m) for m in ("copied_embedding", "target_reference")])
    assert [ax.get_title() for ax in draw_property_effects(both).axes[:2]] == [
        "copied embedding",
        "transfer, target reference",
    ]
    nothing = draw_property_effects(make_table({("c44", 10): (NONE, NONE)}))
    assert "no method of transfer" in nothing.axes[0].texts[0].get_text()


def make_bands(methods=METHODS, sizes=(10, 50), seeds=(0, 1)):
    rows = []
    for method in methods:
        for size in sizes:
            for seed in seeds:
                for branch in range(2):
                    for x in np.linspace(0, 3, 31):
                        label = {0.0: "G", 1.0: "X", 3.0: "K,U"}.get(round(x, 6))
                        row = (seed, "phonon_bands", NONE, branch, x, branch + np.sin(x), label)
                        rows.append((method, size, *row))
    return pd.DataFrame(rows, columns=["method", "size", *COLUMNS])


def test_bands_of_each_method_on_the_references():
    reference = make_bands(("reference",), (0,), (0,))
    figure = draw_phonons(make_bands(), reference, target="germanium")
    assert len(figure.axes) == 4
    assert figure.axes[0].get_title() == "10 germanium frames"
    for ax in figure.axes:
        curves = [line for line in ax.lines if len(line.get_xdata()) == 31]
        assert len(curves) == 2 + 2 * 2  # the reference's, and two of each seed
    for ax in figure.axes[2:]:
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Γ", "X", "K,U"]
    assert figure.legends[0].get_texts()[-1].get_text() == "reference"


def test_missing_bands_are_said():
    bands = make_bands()
    bands = bands[~((bands["method"] == "scratch") & (bands["size"] == 10))]
    figure = draw_phonons(bands, bands.iloc[:0], methods=METHODS)
    assert figure.axes[0].texts[0].get_text() == "no bands"
    assert not figure.axes[1].texts
    nothing = draw_phonons(bands.iloc[:0], bands.iloc[:0], methods=METHODS)
    assert nothing.axes[0].texts[0].get_text() == "no model has phonons"
    assert some_sizes({10, 25, 50, 100, 228}) == [10, 50, 228]
    assert some_sizes({0}) == [0]


def test_energies_of_each_seed_on_the_references():
    rows = [
        (method, size, seed, "equation_of_state", NONE, 0, volume, (volume - 22) ** 2, None)
        for method in (*METHODS, "reference")
        for size in (10, 25, 50, 100)
        for seed in (0, 1)
        for volume in np.linspace(20, 24, 9)
    ]
    table = pd.DataFrame(rows, columns=["method", "size", *COLUMNS])
    models = table[table["method"] != "reference"]
    wanted = table[(table["method"] == "reference") & (table["size"] == 10) & (table["seed"] == 0)]
    figure = draw_equation_of_state(models, wanted, target="germanium")
    assert [ax.get_title().split()[0] for ax in figure.axes] == ["10", "25", "100"]
    assert [len(ax.lines) for ax in figure.axes] == [1 + 2 * 2] * 3
    nothing = draw_equation_of_state(models.iloc[:0], wanted, methods=METHODS)
    assert nothing.axes[0].texts[0].get_text() == "no model has an equation of state"


def make_curves(methods=METHODS, sizes=(10, 50), temperatures=(300.0, 600.0, 900.0)):
    rows = []
    for method in methods:
        for size in sizes:
            for temperature in temperatures:
                for start in (0, 1):
                    for kind in ("radial_distribution", "vibrational_density_of_states"):
                        for x in range(11):
                            row = (0, kind, temperature, start, x, 1.0 + start + size, None)
                            rows.append((method, size, *row))
    return pd.DataFrame(rows, columns=["method", "size", *COLUMNS])


def test_distributions_are_means_over_starts():
    reference = make_curves(("reference",), (0,))
    figure = draw_distributions(make_curves(), reference, target="germanium")
    assert len(figure.axes) == 2 * 2 * 2  # two kinds, lowest and highest temperature, two sizes
    first = figure.axes[0]
    assert [line.get_ydata()[0] for line in first.lines] == [1.5, 11.5, 11.5]
    assert first.get_title() == "10 germanium frames\n300 K"
    assert "900 K" in figure.axes[2].get_title()


def test_where_nothing_stayed_stable():
    curves = make_curves()
    lost = curves[~((curves["size"] == 10) & (curves["temperature_k"] == 900.0))]
    figure = draw_distributions(lost, lost.iloc[:0])
    assert figure.axes[2].texts[0].get_text() == "no stable simulation"
    nothing = draw_distributions(curves.iloc[:0], curves.iloc[:0], methods=METHODS)
    assert nothing.axes[0].texts[0].get_text() == "no simulation of a model stayed stable"


def test_temperatures_at_which_no_model_lasted_have_no_panels():
    curves = make_curves()
    cold = curves[curves["temperature_k"] < 900]
    reference = make_curves(("reference",), (0,))
    titles = [ax.get_title() for ax in draw_distributions(cold, reference).axes]
    assert not any("900 K" in title for title in titles)
