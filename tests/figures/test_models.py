"""The figure of several models: a point for each training, a frontier for each size."""

import pandas as pd
import pytest

from rungs.figures.models import draw_models

ENERGY, FORCE = "energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"


def table(metrics=(ENERGY, FORCE), sizes=(0, 10, 100)):
    rows = []
    for metric in metrics:
        for size in sizes:
            for model, parameters, factor in (("small", 900, 2.0), ("mace_16", 24000, 1.0)):
                for strategy, before in (("scratch", 0.0), ("transfer", 40.0)):
                    if size == 0 and strategy == "scratch":
                        continue
                    rows.append(
                        {
                            "model": model,
                            "kind": "chgnet",
                            "parameters": parameters,
                            "strategy": strategy,
                            "metric": metric,
                            "size": size,
                            "mean_error": factor * 100 / (1 + size) ** 0.3,
                            "fine_tuning_seconds": size * (3 - factor),
                            "pretraining_seconds": before,
                            "on_frontier": model == "small" or strategy == "transfer",
                        }
                    )
    return pd.DataFrame(rows)


def drawn(ax):
    """Points of trainings: x and y."""
    lines = [x for x in ax.get_lines() if x.get_marker() not in ("None", "")]
    return sorted((x.get_xdata()[0], x.get_ydata()[0]) for x in lines)


def test_every_training_is_a_point():
    figure = draw_models(table(), target="gold")
    assert len(figure.axes) == 2
    rows = table()
    for ax, metric in zip(figure.axes, (ENERGY, FORCE), strict=True):
        own = rows[(rows["metric"] == metric) & (rows["size"] > 0)]
        cost = own["fine_tuning_seconds"] + own["pretraining_seconds"]
        assert drawn(ax) == sorted(zip(cost, own["mean_error"], strict=True))
        assert ax.get_xscale() == ax.get_yscale() == "log"


def test_each_size_has_a_frontier_that_falls():
    (ax, _) = draw_models(table()).axes
    steps = [x for x in ax.get_lines() if x.get_marker() in ("None", "")]
    assert len(steps) == 2
    for step in steps:
        assert list(step.get_xdata()) == sorted(step.get_xdata())
    assert {text.get_text() for text in ax.texts} == {"10", "100"}


def test_the_legend_names_models_with_their_parameters():
    (legend,) = draw_models(table(), target="gold").legends
    words = [text.get_text() for text in legend.get_texts()]
    assert "small (900)" in words
    assert "mace 16 (24,000)" in words
    assert {"scratch", "transfer"} <= set(words)
    assert words[-1].endswith("gold frames")


@pytest.mark.parametrize("metrics", [(ENERGY,), ()])
def test_what_is_missing_has_no_panel(metrics):
    frame = table(metrics) if metrics else table().iloc[:0]
    assert len(draw_models(frame).axes) == 1
