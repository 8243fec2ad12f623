"""The figure of the search for recipes."""

import math

import numpy as np
import pandas as pd
import pytest

from rungs.figures.tuning import draw_tuning

RATES = [1e-3, 3e-3, 1e-2]


@pytest.fixture
def trials() -> pd.DataFrame:
    rows = []
    for method in ("scratch", "target_reference"):
        for size in (10, 100):
            for i, rate in enumerate(RATES):
                lost = method == "scratch" and size == 10 and i == 2
                loss = math.inf if lost else 1.0 + 0.2 * abs(i - 1) + 0.01 * size
                rows.append(
                    {
                        "method": method,
                        "size": size,
                        "seed": 0,
                        "recipe": f"learning_rate-{rate:g}",
                        "learning_rate": rate,
                        "validation_loss": loss,
                        "validation_energy_mae_mev_per_atom": np.nan if lost else 30 * loss,
                        "validation_force_mae_mev_per_angstrom": np.nan,
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def recipes() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"method": m, "size": n, "searched_size": n, "recipe": "learning_rate-0.003"}
            for m in ("scratch", "target_reference")
            for n in (10, 100)
        ]
    )


def of_marker(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_a_line_for_each_size_and_a_star_where_the_choice_is(trials, recipes):
    figure = draw_tuning(trials, recipes, methods=["scratch", "target_reference"])
    # no frame is labelled with forces, so they have no row
    assert len(figure.axes) == 4
    of_transfer = figure.axes[1]
    curve = of_marker(of_transfer, "o")[0]
    assert list(curve.get_xdata()) == RATES
    assert list(curve.get_ydata()) == pytest.approx([1.3, 1.1, 1.3])
    stars = of_marker(of_transfer, "*")
    assert [float(s.get_xdata()[0]) for s in stars] == [3e-3, 3e-3]
    assert [float(s.get_ydata()[0]) for s in stars] == pytest.approx([1.1, 2.0])


def test_what_diverged_is_a_cross_and_no_point(trials, recipes):
    figure = draw_tuning(trials, recipes, methods=["scratch", "target_reference"])
    (cross,) = of_marker(figure.axes[0], "x")
    assert float(cross.get_xdata()[0]) == 1e-2
    assert len(of_marker(figure.axes[0], "o")[0].get_xdata()) == 2
    assert not of_marker(figure.axes[1], "x")


def test_what_fell_apart_does_not_squeeze_the_rest(trials, recipes):
    trials.loc[trials["learning_rate"] == 1e-2, "validation_loss"] = 1e12
    figure = draw_tuning(trials, recipes, methods=["scratch", "target_reference"])
    low, high = figure.axes[0].get_ylim()
    assert 0.5 < low < 1.1
    assert high < 10


def test_of_several_keys_the_best_at_each_rate_is_on_the_line(trials, recipes):
    worse = trials.assign(
        recipe=trials["recipe"] + "_warmup-0.2", validation_loss=2 * trials["validation_loss"]
    )
    figure = draw_tuning(
        pd.concat([trials, worse]), recipes, methods=["scratch", "target_reference"]
    )
    curve = of_marker(figure.axes[1], "o")[0]
    assert list(curve.get_ydata()) == pytest.approx([1.3, 1.1, 1.3])
    assert sum(len(line.get_xdata()) for line in of_marker(figure.axes[1], ".")) == 6
