import numpy as np
import pandas as pd
import pytest

from rungs.figures.density import MANY_POINTS
from rungs.figures.parity import draw_parity

SIZES = {"scratch": 1000, "target_reference": 1000, "frozen_reference": 100}


def make_tables(n, labelled=("force", "stress", "magmom"), methods=tuple(SIZES)):
    rng = np.random.default_rng(0)

    def pairs(method, scale):
        true = rng.normal(0, scale, n)
        return pd.DataFrame(
            {"method": method, "seed": 0, "true": true, "predicted": true + 0.1 * scale}
        )

    energies = pd.concat([pairs(m, 0.3) for m in methods])
    components = [pairs(m, 2.0).assign(property=name) for m in methods for name in labelled]
    units = {"energy": "meV/atom", "force": "meV/Å", "stress": "GPa", "magmom": "μB"}
    evaluation = pd.DataFrame(
        [
            {
                "method": m,
                "size": SIZES[m],
                "seed": s,
                "property": p,
                "unit": units[p],
                "mae": 37.06,
            }
            for m in methods
            for s in (0, 1)
            for p in ("energy", *labelled)
        ]
    )
    return energies, pd.concat(components), evaluation


def draw(n=50, **options):
    energies, components, evaluation = make_tables(n, **options)
    sizes = {m: SIZES[m] for m in dict.fromkeys(energies["method"])}
    figure = draw_parity(energies, components, evaluation, sizes=sizes, target="r2SCAN")
    return figure, energies, components


def test_a_row_for_each_method_and_a_column_for_each_property():
    figure, energies, components = draw()
    assert len(figure.axes) == 12
    first, force = figure.axes[0], figure.axes[1]
    assert first.get_ylabel() == "from scratch\n1,000 frames\npredicted"
    assert figure.axes[8].get_ylabel() == "frozen reference\n100 frames\npredicted"
    assert figure.axes[8].get_xlabel() == "r$^2$SCAN energy\n− reference (eV/atom)"
    (points,) = [line for line in first.lines if line.get_marker() == "o"]
    own = energies[energies["method"] == "scratch"]
    assert np.array_equal(points.get_xdata(), own["true"])
    assert np.array_equal(points.get_ydata(), own["predicted"])
    (points,) = [line for line in force.lines if line.get_marker() == "o"]
    own = components[(components["method"] == "scratch") & (components["property"] == "force")]
    assert np.array_equal(points.get_xdata(), own["true"])


def test_panels_of_a_property_have_one_scale():
    figure, *_ = draw()
    for column in range(4):
        panels = figure.axes[column::4]
        assert len({ax.get_xlim() + ax.get_ylim() for ax in panels}) == 1
        assert panels[0].get_xlim() == panels[0].get_ylim()


def test_the_error_is_that_of_the_shown_seed():
    energies, components, evaluation = make_tables(20, methods=("scratch",))
    evaluation.loc[evaluation["seed"] == 1, "mae"] = 999.0
    figure = draw_parity(energies, components, evaluation, sizes={"scratch": 1000})
    texts = [ax.texts[0].get_text() for ax in figure.axes]
    assert texts[:2] == ["MAE\n37.1 meV/atom", "MAE\n37.1 meV/Å"]


def test_properties_without_labels_have_no_column():
    figure, *_ = draw(labelled=("force",))
    assert len(figure.axes) == 6


def test_more_panels_than_letters():
    methods = [f"method_{i}" for i in range(17)]
    energies, components, evaluation = make_tables(3, methods=("scratch",))
    tables = [
        pd.concat([table.assign(method=m) for m in methods])
        for table in (energies, components, evaluation)
    ]
    figure = draw_parity(*tables, sizes=dict.fromkeys(methods, 1000))
    assert [ax.get_title(loc="left") for ax in figure.axes[:8]] == ["a", *[""] * 3, "b", *[""] * 3]
    assert len(figure.axes) == 4 * 17


def test_one_method():
    figure, *_ = draw(methods=("scratch",))
    assert len(figure.axes) == 4


def test_many_points_become_counts():
    figure, *_ = draw(n=MANY_POINTS, methods=("scratch", "target_reference"))
    *panels, bar = figure.axes
    counts = [ax.collections[0] for ax in panels]
    assert [int(c.get_array().sum()) for c in counts] == [MANY_POINTS] * 8
    assert len({(c.norm.vmin, c.norm.vmax) for c in counts}) == 1
    assert bar.get_xlabel() == "frames, components or atoms per hexagon"


@pytest.mark.parametrize("n", [1, 400])
def test_few_and_more_points(n):
    assert draw(n=n)[0].axes
