import numpy as np
import pandas as pd
import pytest

from rungs.figures.learning_curves import draw_learning_curves
from rungs.figures.style import MethodStyle


def lines(ax, colour, solid=None):
    return [
        line
        for line in ax.lines
        if line.get_color() == colour and (solid is None or (line.get_linestyle() == "-") == solid)
    ]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_panels_show_all_runs_means_and_laws(study):
    curve, means, laws = study()
    figure = draw_learning_curves(curve, means, laws, target="r2SCAN")
    energy, force = figure.axes
    assert energy.get_ylabel() == "energy MAE (meV/atom)"
    assert force.get_ylabel() == "force MAE (meV/Å)"
    assert energy.get_xlabel() == "r$^2$SCAN training frames"
    look = MethodStyle(list(curve["method"].unique()))
    for ax, metric in (
        (energy, "energy_mae_mev_per_atom"),
        (force, "force_mae_mev_per_angstrom"),
    ):
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        for method in curve["method"].unique():
            mine = lines(ax, look.colour(method))
            runs = curve[(curve["method"] == method) & (curve["size"] > 0)]
            dots = next(line for line in mine if len(line.get_xdata()) == len(runs))
            assert sorted(dots.get_ydata()) == sorted(runs[metric])
            (law,) = [line for line in mine if line.get_linestyle() == "-"]
            row = laws[(laws["method"] == method) & (laws["metric"] == metric)].iloc[0]
            x = np.asarray(law.get_xdata())
            assert (x[0], x[-1]) == pytest.approx((10, 1000))
            floor = 0 if np.isnan(row["floor"] or np.nan) else row["floor"]
            assert law.get_ydata() == pytest.approx(
                floor + row["prefactor"] * x ** -row["exponent"]
            )
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["a", "b"]


def test_legend_gives_exponents_with_intervals(study):
    curve, means, laws = study()
    laws["floor"] = np.nan
    figure = draw_learning_curves(curve, means, laws)
    row = laws[(laws["method"] == "scratch") & (laws["metric"] == "energy_mae_mev_per_atom")].iloc[
        0
    ]
    assert legend(figure.axes[0])[0] == (
        rf"from scratch: $\beta$ = {row['exponent']:.2f} "
        f"[{row['exponent_low']:.2f}, {row['exponent_high']:.2f}]"
    )
    assert len(legend(figure.axes[0])) == 4


def test_legend_prefers_intervals_that_hold_the_test_materials(study):
    curve, means, laws = study()
    laws["floor"] = np.nan
    laws["exponent_low_with_materials"], laws["exponent_high_with_materials"] = 0.11, 0.99
    figure = draw_learning_curves(curve, means, laws)
    assert all(text.endswith("[0.11, 0.99]") for text in legend(figure.axes[0]))


def test_zero_frames_stand_left_of_a_break(study):
    curve, means, laws = study()
    ax = draw_learning_curves(curve, means, laws).axes[0]
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels == ["0", "10", "32", "100", "320", "1,000"]
    zero = ax.get_xticks()[0]
    assert zero < 10
    open_markers = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    open_markers = [line for line in open_markers if line.get_marker() != "None"]
    assert sorted(line.get_ydata()[0] for line in open_markers) == [142.0, 9800.0, 9800.0]
    places = [line.get_xdata()[0] for line in open_markers]
    assert len(set(places)) == 3
    assert all(ax.get_xlim()[0] < x < (zero * 10) ** 0.5 for x in places)


def test_without_zero_frames_there_is_no_break(study):
    ax = draw_learning_curves(*study(zero=False)).axes[0]
    assert ax.get_xticklabels()[0].get_text() == "10"
    assert ax.get_xlim()[0] > 5


def test_one_seed_is_said(study):
    ax = draw_learning_curves(*study(seeds=(0,))).axes[0]
    assert all(text.endswith("(one seed)") for text in legend(ax))


def test_one_size_has_points_and_no_law(study):
    ax = draw_learning_curves(*study(sizes=(32,))).axes[0]
    assert all(text.endswith("no law fitted\none size") for text in legend(ax))
    assert not any(len(line.get_xdata()) == 100 for line in ax.lines)


def test_only_zero_frames(study, tables):
    curve, _, _ = study(methods=("target_reference",))
    ax = draw_learning_curves(*tables(curve[curve["size"] == 0])).axes[0]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0"]


def test_a_run_with_nan_is_not_drawn(study, tables):
    curve, _, _ = study(methods=("scratch",))
    curve.loc[0, "energy_mae_mev_per_atom"] = np.nan
    ax = draw_learning_curves(*tables(curve)).axes[0]
    assert max(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "o") == 14


def test_floor_is_in_the_legend_on_a_line_of_its_own(study):
    curve, means, laws = study()
    laws["floor"] = 12.34
    for text in legend(draw_learning_curves(curve, means, laws).axes[0]):
        label, law = text.split("\n")
        assert law.endswith("floor 12")
        assert "beta" not in label


def test_other_properties_and_missing_labels(study):
    figure = draw_learning_curves(*study(), properties=("energy", "force", "stress", "magmom"))
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_ylabel() for ax in shown[2:]] == ["stress MAE (GPa)"]
    single = draw_learning_curves(*study(), properties=("force",))
    assert single.get_size_inches()[0] == pytest.approx(3.4)


def test_methods_without_runs_are_left_away(study):
    curve, means, laws = study(methods=("scratch", "target_reference"))
    ax = draw_learning_curves(
        curve, means, laws, methods=["scratch", "frozen_reference", "target_reference"]
    ).axes[0]
    assert len(legend(ax)) == 2


def test_many_methods_have_a_colour_each(study):
    names = ("scratch", "target_reference", "replay", "shrunken", "frozen_layers")
    ax = draw_learning_curves(*study(methods=names)).axes[0]
    solid = [line.get_color() for line in ax.lines if len(line.get_xdata()) == 100]
    assert len(set(solid)) == 5


def test_tables_from_files_give_the_same_figure(study, tmp_path):
    tables = study(sizes=(10, 100, 1000))
    paths = [tmp_path / f"{name}.csv" for name in ("curve", "means", "laws")]
    for table, path in zip(tables, paths, strict=True):
        table.to_csv(path, index=False)
    one, other = (
        draw_learning_curves(*given).axes[0] for given in (tables, map(pd.read_csv, paths))
    )
    assert legend(one) == legend(other)
    for a, b in zip(one.lines, other.lines, strict=True):
        assert np.array_equal(np.asarray(a.get_ydata()), np.asarray(b.get_ydata()))


@pytest.mark.parametrize(
    ("missing", "shown"),
    [
        (["force_mae_mev_per_angstrom"], ["energy MAE (meV/atom)"]),
        (["energy_mae_mev_per_atom"], ["force MAE (meV/Å)"]),
        (["energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"], ["stress MAE (GPa)"]),
    ],
)
def test_what_is_not_labelled_has_no_panel(study, tables, missing, shown):
    curve, _, _ = study()
    curve[missing] = np.nan
    figure = draw_learning_curves(*tables(curve))
    assert [ax.get_ylabel() for ax in figure.axes] == shown
    assert all(ax.lines and ax.get_legend() for ax in figure.axes)
