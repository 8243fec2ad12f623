import pandas as pd
import pytest

from rungs.figures.histories import draw_histories, stack_histories
from rungs.figures.style import BLACK, BLUE


@pytest.fixture
def runs(history):
    return stack_histories(
        {
            (method, 1000, seed): history(start, end)
            for method, start, end in (("scratch", 700, 45), ("target_reference", 90, 24))
            for seed in (0, 1, 2)
        }
    )


def test_one_line_per_run_and_panel(history, runs):
    figure = draw_histories(history(900, 30, n=1500), runs, source="GGA", target="r2SCAN")
    panels = figure.axes
    assert [ax.get_title(loc="left") for ax in panels] == ["a", "b", "c", "d"]
    assert [ax.get_ylabel() for ax in panels[::2]] == [
        "energy MAE (meV/atom)",
        "force MAE (meV/Å)",
    ]
    assert panels[0].get_title() == "pretraining on GGA"
    assert panels[1].get_title() == "runs on r$^2$SCAN, 1,000 frames"
    assert [len(ax.lines) for ax in panels] == [1, 6, 1, 6]
    assert [line.get_color() for line in panels[1].lines] == [BLACK] * 3 + [BLUE] * 3
    assert all(ax.get_yscale() == "log" for ax in panels)
    table = history(900, 30, n=1500)
    column = "validation_force_mae_mev_per_angstrom"
    assert panels[2].lines[0].get_ydata() == pytest.approx(table[column])
    assert panels[2].lines[0].get_xdata() == pytest.approx(table["update"])
    assert panels[2].get_xlabel() == "optimiser update"
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 2
    assert "validation" in legend.get_title().get_text()


@pytest.mark.parametrize("pretraining", [None, pd.DataFrame()])
def test_published_models_have_no_pretraining(runs, pretraining):
    figure = draw_histories(pretraining, runs)
    assert len(figure.axes) == 2
    assert [len(ax.lines) for ax in figure.axes] == [6, 6]
    assert figure.get_size_inches()[0] == pytest.approx(3.4)


def test_runs_without_validation_frames(history):
    runs = stack_histories({("scratch", 10, 0): history(9, 3, validated=False)})
    ax = draw_histories(history(9, 3), runs).axes[1]
    assert ax.texts[0].get_text() == "nothing recorded"


def test_where_nothing_was_validated_training_losses_are_drawn(history):
    without = history(9, 3, validated=False).assign(
        train_energy_loss=[0.5, 0.2] * (len(history(9, 3, validated=False)) // 2),
        train_force_loss=0.1,
    )
    figure = draw_histories(without, stack_histories({("scratch", 10, 0): without}))
    assert all(ax.lines for ax in figure.axes)
    assert figure.axes[0].get_ylabel() == "energy loss, training"
    assert "losses on training frames" in figure.legends[0].get_title().get_text()


def test_no_runs_at_all(history):
    ax = draw_histories(history(9, 3), stack_histories({})).axes[1]
    assert ax.texts[0].get_text() == "no runs"


def test_sizes_differ_by_their_dashes(history):
    runs = stack_histories({("scratch", size, 0): history(700, 45) for size in (10, 100, 1000)})
    figure = draw_histories(history(9, 3), runs)
    assert len({str(line._dash_pattern) for line in figure.axes[1].lines}) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "from scratch",
        "1,000 frames",
        "100 frames",
        "10 frames",
    ]


def test_rows_between_validations_are_skipped(history):
    table = history(700, 45)
    table.loc[::2, "validation_energy_mae_mev_per_atom"] = float("nan")
    figure = draw_histories(table, stack_histories({("scratch", 10, 0): table}))
    assert len(figure.axes[0].lines[0].get_xdata()) == 5


def test_runs_without_forces_have_one_panel_beside_the_two_of_the_pretraining(history):
    energies = history(700, 45).assign(validation_force_mae_mev_per_angstrom=float("nan"))
    runs = stack_histories({("scratch", 10, 0): energies})
    figure = draw_histories(history(9, 3), runs)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["a", "b", "c"]
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "energy MAE (meV/atom)",
        "energy MAE (meV/atom)",
        "force MAE (meV/Å)",
    ]
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "optimiser update", "optimiser update"]
    assert all(ax.lines for ax in figure.axes)
    figure = draw_histories(None, runs)
    assert [ax.get_ylabel() for ax in figure.axes] == ["energy MAE (meV/atom)"]


def test_each_of_several_models_has_its_pretraining(history):
    runs = stack_histories({("scratch_a", 10, 0): history(90, 30)})
    figure = draw_histories({"a": history(9, 3), "b": history(8, 2)}, runs)
    (left, *_) = figure.axes
    assert len(left.lines) == 2
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[1:] == ["pretraining of a", "pretraining of b"]
    # one alone looks as without a name
    alone, plain = (draw_histories(x, runs).axes[0] for x in ({None: history(9, 3)}, history(9, 3)))
    assert len(alone.figure.legends[0].get_texts()) == 1
    assert alone.lines[0].get_color() == plain.lines[0].get_color()
    assert (
        draw_histories({"a": history(9, 3).iloc[:0]}, runs).axes[0].get_title().startswith("runs")
    )
