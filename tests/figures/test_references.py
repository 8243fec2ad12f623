import numpy as np
import pandas as pd

from rungs.figures.references import LOOKS, draw_references

COLUMNS = ("reference_mae_mev_per_atom", "pretrained_mae_mev_per_atom")


def made(sizes=(10, 32, 100), seeds=(0, 1, 2), rules=tuple(LOOKS)):
    rng = np.random.default_rng(0)

    def row(rule, kind, size, seed=None):
        errors = 60 + 3000 / (size + 1) * np.exp(0.2 * rng.normal(size=2))
        about = {"rule": rule, "fitted_on": kind, "size": size, "seed": seed}
        return about | dict(zip(COLUMNS, errors, strict=True))

    rows = [row("source", "source", 0)]
    rows += [row(rule, "training", 3000) for rule in rules]
    rows += [row(r, "subset", size, seed) for seed in seeds for size in sizes for r in rules]
    return pd.DataFrame(rows)


def test_each_rule_has_its_runs_and_their_mean():
    table = made()
    figure = draw_references(table, source="GGA", target="r2SCAN")
    for ax, column in zip(figure.axes, COLUMNS, strict=True):
        clouds = [line for line in ax.lines if len(line.get_xdata()) == 9]
        means = [line for line in ax.lines if len(line.get_xdata()) == 3]
        assert len(clouds) == len(means) == 4
        runs = table[(table["rule"] == "shrunken") & (table["fitted_on"] == "subset")]
        assert sorted(clouds[1].get_ydata()) == sorted(runs[column])
        expected = np.exp(np.log(runs[column]).groupby(runs["size"]).mean())
        assert np.allclose(means[1].get_ydata(), expected)
        levels = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
        source, training = table[column].iloc[:2]
        assert levels == [source, training]
    assert len(figure.legends[0].get_texts()) == 6


def test_one_seed_one_size():
    ax = draw_references(made(sizes=(32,), seeds=(1,))).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["32"]


def test_without_subsets_it_says_so():
    figure = draw_references(made(sizes=()))
    assert [ax.texts[0].get_text() for ax in figure.axes] == ["no subset has frames"] * 2


def test_isolated_atoms_have_lines_of_their_own():
    table = made()
    kinds = ("isolated atoms of the target", "isolated atoms of both levels")
    for kind, error in zip(kinds, (4000.0, 90.0), strict=True):
        row = {"rule": "isolated_atoms", "fitted_on": kind, "size": 0}
        table.loc[len(table)] = row | dict.fromkeys(COLUMNS, error)
    figure = draw_references(table, target="r2SCAN")
    for ax in figure.axes:
        levels = [line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1]]
        assert levels[2:] == [4000.0, 90.0]
        assert ax.get_ylim()[1] > 4000
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[-2:] == ["isolated atoms of r$^2$SCAN", "isolated atoms of both levels"]
