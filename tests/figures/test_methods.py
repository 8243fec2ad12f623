import numpy as np

from rungs.figures.methods import draw_methods


def tick_labels(ax):
    return [text.get_text() for text in ax.get_xticklabels()]


def bars(ax):
    """Mean markers: two points at the same height."""
    return [
        line for line in ax.lines if len(line.get_xdata()) == 2 and len(set(line.get_ydata())) == 1
    ]


def test_common_sizes_only_with_a_dot_per_seed(study, tables):
    curve, _, _ = study()
    few = curve["method"].isin(["trainable_reference", "frozen_reference"])
    curve = curve[~few | curve["size"].isin([0, 32, 1000])]
    curve, means, _ = tables(curve)
    figure = draw_methods(curve, means, target="r2SCAN")
    energy, force = figure.axes
    assert energy.get_yscale() == force.get_yscale() == "log"
    assert energy.get_ylabel() == "energy MAE (meV/atom)"
    assert energy.get_xlabel() == "r$^2$SCAN training frames"
    assert tick_labels(energy) == ["0\n(initial)", "32", "1,000"]
    shown = curve[curve["size"].isin([32, 1000])]
    dots = [line for line in energy.lines if len(line.get_xdata()) == 3]
    assert len(dots) == 8
    heights = np.concatenate([line.get_ydata() for line in dots])
    assert sorted(heights) == sorted(shown["energy_mae_mev_per_atom"])
    in_table = means[
        (means["metric"] == "energy_mae_mev_per_atom") & means["size"].isin([32, 1000])
    ]
    assert sorted(line.get_ydata()[0] for line in bars(energy)) == sorted(in_table["mean"])
    assert len(figure.legends[0].get_texts()) == 4


def test_pretrained_models_stand_apart_in_open_markers(study):
    curve, means, _ = study()
    ax = draw_methods(curve, means).axes[0]
    white = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sorted(line.get_ydata()[0] for line in white) == [142.0, 9800.0, 9800.0]
    assert all(-0.5 < line.get_xdata()[0] < 0.5 for line in white)
    assert all(line.get_xdata()[0] > 0.5 for line in bars(ax))


def test_without_zero_frames(study):
    curve, means, _ = study(zero=False)
    assert tick_labels(draw_methods(curve, means).axes[0])[0] == "10"


def test_no_common_size_is_said(study, tables):
    curve, _, _ = study(methods=("scratch", "target_reference"), zero=False)
    curve = curve[(curve["method"] == "scratch") == (curve["size"] < 100)]
    curve, means, _ = tables(curve)
    ax = draw_methods(curve, means).axes[0]
    assert "no size is common to all methods" in ax.get_xlabel()
    assert len(tick_labels(ax)) == 5


def test_one_seed_one_method_one_size(study):
    curve, means, _ = study(methods=("scratch",), seeds=(3,), sizes=(32,))
    ax = draw_methods(curve, means).axes[0]
    assert tick_labels(ax) == ["32"]
    assert len(bars(ax)) == 0
    assert len(ax.lines) == 1


def test_nan_and_missing_labels(study, tables):
    curve, _, _ = study()
    curve.loc[(curve["method"] == "scratch") & (curve["size"] == 32), "stress_mae_gpa"] = np.nan
    curve, means, _ = tables(curve)
    figure = draw_methods(curve, means, properties=("stress", "magmom"))
    assert "32" not in tick_labels(figure.axes[0])
    assert len(figure.axes) == 1  # magnetic moments are not labelled


def test_energies_alone_have_a_figure_of_their_own(study, tables):
    curve, _, _ = study()
    curve["force_mae_mev_per_angstrom"] = np.nan
    curve, means, _ = tables(curve)
    (ax,) = draw_methods(curve, means).axes
    assert ax.get_ylabel() == "energy MAE (meV/atom)"
    assert ax.get_title(loc="left") == ""
    assert ax.lines
