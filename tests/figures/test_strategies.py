"""The figure of strategies: kept against gained, ratios, equivalent frames."""

import numpy as np
import pandas as pd

from rungs.figures.strategies import draw_strategies
from rungs.scaling.answers.strategies import COLUMNS


def table(**changes) -> pd.DataFrame:
    rows = []
    for metric in ("energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"):
        for i, method in enumerate(("scratch", "plain", "replay")):
            for size in (10, 100):
                row = dict.fromkeys(COLUMNS) | {
                    "method": method,
                    "metric": metric,
                    "size": size,
                    "plain": "plain",
                    "error": 100.0 / (i + 1) / size**0.2,
                    "source_error": 50.0 + 10 * i,
                    "pretrained_error": 40.0,
                }
                if method != "plain":
                    row |= {"error_ratio": 1.3, "error_ratio_low": 1.1, "error_ratio_high": 1.5}
                    row |= {"new_chemistry_ratio": 0.9}
                if method != "scratch" and size == 10:
                    row |= {"scratch_equivalent_frames": 60.0, "equivalent_low": 30.0}
                rows.append(row | changes)
    frame = pd.DataFrame(rows)
    return frame.astype(
        {c: float for c in COLUMNS if c not in ("method", "metric", "plain", "note")}
    )


def test_a_row_of_panels_for_each_property():
    figure = draw_strategies(table(), source="GGA", target="r2SCAN")
    assert len(figure.axes) == 6
    kept, ratios, equivalents, *_ = figure.axes
    assert kept.get_ylabel() == "GGA energy MAE (meV/atom)"
    assert "100 frames" in ratios.get_xlabel()
    # that at which two of the three are in range
    assert equivalents.get_xlabel().endswith("frames, of 10")
    assert [t.get_text() for t in ratios.get_yticklabels()] == ["from scratch", "plain", "replay"]


def test_values_are_where_they_belong():
    _, ratios, *_ = draw_strategies(table()).axes
    points = {
        (round(float(line.get_xdata()[0]), 3), round(float(line.get_ydata()[0]), 2))
        for line in ratios.lines
        if line.get_marker() in "os" and len(np.atleast_1d(line.get_xdata())) == 1
    }
    assert points == {(1.3, -0.16), (0.9, 0.16), (1.3, 1.84), (0.9, 2.16)}


def test_without_a_source_or_a_baseline_panels_say_so():
    figure = draw_strategies(table(source_error=np.nan, scratch_equivalent_frames=np.nan))
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert any("were not measured" in word for word in words)
    assert any("out of range" in word for word in words)


def test_no_usable_error_at_all():
    figure = draw_strategies(table(metric="stress_mae_gpa"))
    assert any("no usable error" in text.get_text() for text in figure.axes[0].texts)
