import pandas as pd
import pytest

from rungs.figures.forgetting import draw_forgetting


def make_errors(sizes=(0, 10, 100), methods=("scratch", "target_reference"), seeds=(0, 1)):
    return pd.DataFrame(
        [
            {
                "method": method,
                "size": size,
                "seed": seed,
                "property": name,
                "mae": 50.0 + size + 10 * seed,
                "pretrained_mae": 40.0,
            }
            for method in methods
            for size in sizes
            for seed in seeds
            for name in ("energy", "force", "stress")
        ],
        columns=["method", "size", "seed", "property", "mae", "pretrained_mae"],
    )


def test_seeds_means_and_the_pretrained_model():
    figure = draw_forgetting(make_errors(), source="GGA", target="r2SCAN")
    energy, force = figure.axes
    assert energy.get_ylabel() == "GGA energy MAE (meV/atom)"
    assert force.get_ylabel() == "GGA force MAE (meV/Å)"
    assert energy.get_xlabel() == "r$^2$SCAN training frames"
    before, mean, seeds, *_ = energy.lines
    assert list(before.get_ydata()) == [40.0, 40.0]
    assert list(mean.get_xdata()) == [10, 100]  # on 0 frames it is the pretrained model itself
    assert list(mean.get_ydata()) == [65.0, 155.0]
    assert sorted(seeds.get_ydata()) == [60, 70, 150, 160]
    assert figure.legends[0].get_texts()[-1].get_text() == "the pretrained model, before"


@pytest.mark.parametrize("sizes", [(10,), (10, 32, 100, 320, 1000, 3200)])
def test_few_and_many_sizes(sizes):
    assert len(draw_forgetting(make_errors(sizes)).axes[0].lines) == 5


def test_what_is_missing_is_said():
    nothing = draw_forgetting(make_errors(methods=()))
    assert [ax.texts[0].get_text() for ax in nothing.axes] == ["no test frames of the source"] * 2
    untuned = draw_forgetting(make_errors(sizes=(0,)))
    assert untuned.axes[0].texts[0].get_text() == "no fine-tuned model"


def test_a_source_without_forces_has_one_panel():
    errors = make_errors()
    figure = draw_forgetting(errors[errors["property"] != "force"], source="GGA")
    assert [ax.get_ylabel() for ax in figure.axes] == ["GGA energy MAE (meV/atom)"]
