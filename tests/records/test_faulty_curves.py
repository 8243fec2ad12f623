"""What is wrong with a learning curve is said in words, in the figure and in the summary alike."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml

from rungs.config import load_study
from rungs.errors import StudyError
from rungs.figures.learning_curves import draw_learning_curves
from rungs.records.summary import read_table, summarize, write_summary
from rungs.scaling import (
    Law,
    data_efficiency,
    fit_learning_curves,
    learning_curve_means,
    make_plan,
    write_efficiency,
    write_laws,
    write_means,
)
from rungs.scaling.answers.checks import CheckRow, check_laws, write_checks
from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.plan import Answer, write_plan

ENERGY = "energy_mae_mev_per_atom"
LAWS = {"scratch": Law(900, 0.45), "target_reference": Law(300, 0.25)}


def runs(sizes=(10, 32, 100, 320, 1000), seeds=(0, 1, 2), laws=LAWS):
    rng = np.random.default_rng(7)
    return [
        {
            "method": method,
            "size": size,
            "seed": seed,
            ENERGY: float(law(size) * np.exp(0.05 * rng.normal())),
        }
        for method, law in laws.items()
        for size in sizes
        for seed in seeds
    ]


def spoilt(value):
    """Runs of which one, from scratch, has another error."""
    return [
        {**row, ENERGY: value} if list(row.values())[:3] == ["scratch", 100, 1] else row
        for row in runs()
    ]


def missing():
    return [row for row in runs() if list(row.values())[:3] != ["scratch", 100, 1]]


@pytest.fixture
def summary_of(request, tmp_path):
    """The summary of a study with these runs, by way of its tables and the file."""
    study = load_study(yaml.safe_load((request.config.rootpath / "config.yaml").read_text()))

    def summary(rows):
        laws = fit_learning_curves(rows)
        written = {
            "points": (learning_curve_means(rows), write_means, MeanRow),
            "laws": (laws, write_laws, LawRow),
            "efficiency": (data_efficiency(rows, laws), write_efficiency, EfficiencyRow),
            "checks": (check_laws(rows, laws), write_checks, CheckRow),
            "plan": (make_plan(rows, laws, errors={ENERGY: 60.0}, budget=100), write_plan, Answer),
        }
        tables = {}
        for name, (found, write, row) in written.items():
            write(tmp_path / name, found)
            tables[name] = read_table(tmp_path / name, row)
        write_summary(tmp_path / "summary.json", summarize(study, **tables, parts=[]))
        return json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)

    return summary


def legend_of(rows, tmp_path):
    """The legend entry of the method from scratch, drawn from the files as the workflow does."""
    tables = [tmp_path / f"{name}.csv" for name in ("curve", "means", "laws")]
    pd.DataFrame(rows).to_csv(tables[0], index=False)
    write_means(tables[1], learning_curve_means(rows))
    write_laws(tables[2], fit_learning_curves(rows))
    figure = draw_learning_curves(*map(pd.read_csv, tables), properties=("energy",))
    figure.canvas.draw()
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    return next(text for text in texts if text.startswith("from scratch"))


@pytest.mark.parametrize(
    ("rows", "in_figure", "in_summary"),
    [
        (runs(seeds=(0,)), "(one seed)", "one seed: no interval"),
        (runs(sizes=(10, 1000)), "two sizes", "two sizes: a line passes through any two"),
        (runs(sizes=(100,)), "no law fitted\none size", "one size only (100), a law needs two"),
        (missing(), "1 run missing", "no run at: size 100 seed 1"),
        (spoilt(0.0), "1 run without usable error", "error is 0, which has no logarithm"),
        (spoilt(math.nan), "1 run without usable error", "size 100 seed 1 (error is NaN)"),
        (spoilt(math.inf), "1 run without usable error", "size 100 seed 1 (error is infinite)"),
        (
            runs(laws={**LAWS, "scratch": Law(50, -0.2)}),
            "no fall with size",
            "the error does not fall with size",
        ),
        (
            [{**row, ENERGY: math.nan} if row["method"] == "scratch" else row for row in runs()],
            "no law fitted\n15 runs without usable error, no sizes",
            "no size above 0 with an error",
        ),
    ],
    ids=[
        "one seed",
        "two sizes",
        "equal sizes",
        "missing run",
        "zero",
        "NaN",
        "infinite",
        "rising",
        "nothing usable",
    ],
)
def test_figure_and_summary_say_it(rows, in_figure, in_summary, summary_of, tmp_path):
    assert in_figure in legend_of(rows, tmp_path)
    law = next(law for law in summary_of(rows)["laws"] if law["method"] == "scratch")
    assert in_summary in law["note"]


def test_a_sound_curve_has_nothing_said_against_it(tmp_path, summary_of):
    text = legend_of(runs(), tmp_path)
    assert "\n" not in text
    law = next(law for law in summary_of(runs())["laws"] if law["method"] == "scratch")
    for words in ("left out", "no run at", "one seed", "two sizes", "does not fall"):
        assert words not in law["note"]


def test_equal_errors_have_an_exponent_of_zero_and_not_of_minus_zero(tmp_path):
    assert r"$\beta$ = 0.00 [0.00, 0.00]" in legend_of(
        [{**row, ENERGY: 50.0} for row in runs()], tmp_path
    )


def test_intervals_are_left_out_and_not_invented(summary_of):
    for table in ("laws", "efficiency", "plan", "checks"):
        for row in summary_of(runs(seeds=(0,)))[table]:
            ends = [value for key, value in row.items() if "_low" in key or "_high" in key]
            assert not any(ends), row


def test_the_first_sentence_of_the_answer_says_what_it_lacks(summary_of):
    assert "one seed: no interval" in summary_of(runs(seeds=(0,)))["answer"][0]
    assert "one size only (100)" in summary_of(runs(sizes=(100,)))["answer"][0]
    rising = runs(laws={**LAWS, "scratch": Law(50, -0.2)})
    assert "does not fall between 10 and 1,000 frames" in summary_of(rising)["answer"][0]


def test_sizes_that_shrink_are_refused_in_a_configuration_and_sorted_in_a_table(
    request, tmp_path, summary_of
):
    values = yaml.safe_load((request.config.rootpath / "config.yaml").read_text())
    values["subsets"]["sizes"] = [1000, 100, 10]
    with pytest.raises(StudyError, match=r"sizes must rise and not repeat, got \[1000, 100, 10\]"):
        load_study(values)
    backwards = runs()[::-1]
    assert legend_of(backwards, tmp_path) == legend_of(runs(), tmp_path)
    assert summary_of(backwards)["answer"] == summary_of(runs())["answer"]
