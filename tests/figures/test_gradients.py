import numpy as np
import pandas as pd
import pytest

from rungs.figures.gradients import draw_gradients

LAYERS = ("whole network", "atom embedding", "bond embedding", "first layer of the MLP")
HEIGHT = {"target_reference": 0.1, "frozen_reference": 2.0, "trainable_reference": 2.0}


def made(methods=tuple(HEIGHT), seeds=(0, 1, 2), layers=LAYERS):
    rng = np.random.default_rng(0)
    rows = [
        {
            "method": method,
            "size": 1000,
            "seed": seed,
            "epoch": k / 10,
            "update": 6 * k,
            "layer": layer,
            "gradient_norm": HEIGHT[method] * 0.1**i * np.exp(0.2 * rng.normal()),
        }
        for method in methods
        for seed in seeds
        for k in range(11)
        for i, layer in enumerate(layers)
    ]
    columns = ["method", "size", "seed", "epoch", "update", "layer", "gradient_norm"]
    return pd.DataFrame(rows, columns=columns)


def test_a_panel_for_each_layer_with_seeds_and_mean():
    table = made()
    figure = draw_gradients(table, target="r2SCAN", methods=["scratch", *HEIGHT])
    axes = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in axes] == list(LAYERS)
    assert [len(ax.lines) for ax in axes] == [12] * 4  # three seeds and a mean, three methods
    mean = axes[0].lines[3]
    rows = table[(table["layer"] == "whole network") & (table["method"] == "target_reference")]
    expected = np.exp(np.log(rows["gradient_norm"]).groupby(rows["epoch"]).mean())
    assert np.allclose(mean.get_ydata(), expected)
    legend = figure.legends[0]
    assert legend.get_title().get_text() == "first epoch on 1,000 r$^2$SCAN frames"
    assert len(legend.get_texts()) == 3  # scratch does not transfer
    decades = [np.log10(high / low) for low, high in (ax.get_ylim() for ax in axes)]
    assert decades == pytest.approx([decades[0]] * 4)
    assert axes[0].get_ylim()[0] > axes[3].get_ylim()[0]


def test_one_seed_is_one_line_and_a_dead_layer_is_left_empty():
    table = made(methods=("target_reference",), seeds=(4,))
    table.loc[table["layer"] == "bond embedding", "gradient_norm"] = 0.0
    axes = [ax for ax in draw_gradients(table).axes if ax.get_visible()]
    assert [len(ax.lines) for ax in axes] == [1, 1, 0, 1]


def test_without_a_transfer_the_figure_says_so():
    ax = draw_gradients(made(methods=())).axes[0]
    assert [text.get_text() for text in ax.texts] == ["no method transfers"]
