"""The figure of stability: what is drawn of each point, and what of the reference."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from rungs.figures.stability import draw_stability
from rungs.figures.style import GREY, MethodStyle
from rungs.scaling.answers.stability import stability_rows, survival_rows

BASELINES = dict.fromkeys(("scratch", "copied", "transfer", "target_reference"), "scratch")


def simulations(methods=("scratch", "target_reference"), sizes=(0, 10, 50, 228), reference=True):
    random = np.random.default_rng(0)
    rows = []

    def add(method, size, seed, temperature, stable_ps):
        rows.append(
            {
                "method": method,
                "size": size,
                "seed": seed,
                "temperature_k": temperature,
                "planned_ps": 5.0,
                "stable_ps": min(stable_ps, 5.0),
                "stable": stable_ps >= 5,
                "reason": "" if stable_ps >= 5 else "distance",
            }
        )

    for method in methods:
        for size in sizes:
            seeds = (0, 1, 2) if size else (0,) * (method != "scratch")
            for seed in seeds:
                for temperature in (300.0, 1200.0):
                    last = random.exponential(1 + 0.05 * size)
                    add(method, size, seed, temperature, round(last, 3))
    if reference:
        for temperature in (300.0, 1200.0):
            add("reference", 0, -1, temperature, 5.0)
    return rows


def tables(rows):
    table = pd.DataFrame([asdict(r) for r in stability_rows(rows, BASELINES)])
    return table, pd.DataFrame(survival_rows(rows))


def test_every_point_and_its_interval():
    table, curves = tables(simulations())
    figure = draw_stability(table, curves, target="germanium")
    look = MethodStyle(["scratch", "target_reference"])
    share = figure.axes[0]
    colour = look.colour("target_reference")
    markers = [
        line
        for line in share.lines
        if to_hex(line.get_color()) == colour.lower() and line.get_marker() == "D"
    ]
    shown = {y for line in markers for y in line.get_ydata()}
    expected = table[(table["method"] == "target_reference") & table["temperature_k"].isna()]
    assert shown == set(expected["stable_share"])
    bars = [c for c in share.collections if isinstance(c, LineCollection)]
    # the pretrained model stands alone and has no interval
    assert sorted(len(bar.get_segments()) for bar in bars) == [3, 3]
    assert [ax.get_title() for ax in figure.axes[2:]] == ["10 frames", "50 frames", "228 frames"]
    assert share.get_xlabel() == "germanium training frames"


def test_survival_steps_are_those_of_the_table():
    table, curves = tables(simulations())
    figure = draw_stability(table, curves)
    ax = figure.axes[-1]
    rows = curves[
        (curves["method"] == "scratch") & (curves["size"] == 228) & curves["temperature_k"].isna()
    ]
    first = ax.lines[0]
    assert np.allclose(first.get_xdata(), rows["time_ps"].astype(float))
    assert np.allclose(first.get_ydata(), rows["survival"].astype(float))
    assert first.get_drawstyle() == "steps-post"


@pytest.mark.parametrize("reference", [True, False])
def test_the_reference_is_a_dashed_line(reference):
    table, curves = tables(simulations(reference=reference))
    figure = draw_stability(table, curves)
    dashed = [
        line
        for line in figure.axes[0].lines
        if to_hex(line.get_color()) == GREY.lower() and line.get_linestyle() == "--"
    ]
    assert len(dashed) == reference
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert ("potential of the labels" in names) == reference


def test_a_study_of_one_point():
    table, curves = tables(simulations(("mine",), (10,), reference=False))
    figure = draw_stability(table, curves, methods=["scratch", "mine"])
    assert len(figure.axes) == 3
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["mine"]


def test_only_pretrained_models():
    table, curves = tables(simulations(("mine",), (0,), reference=False))
    assert draw_stability(table, curves).axes[2].get_title() == "no frames"
