import numpy as np
import pandas as pd
import pytest

from rungs.figures.level_shifts import draw_level_shifts


def made(n=400, properties=("stress", "magmom"), shared=True):
    rng = np.random.default_rng(0)
    bonding = rng.normal(-0.6, 0.5, n)
    energies = pd.DataFrame(
        {
            "source_energy": bonding - 5,
            "target_energy": bonding - 5 + rng.normal(-8, 3, n),
            "source_minus_source_ref": bonding,
            "target_minus_target_ref": bonding + 0.03 * rng.normal(size=n),
        }
    )
    if not shared:
        energies["target_energy"] = energies["target_minus_target_ref"] = np.nan
    values = np.abs(rng.normal(size=(len(properties), n)))
    others = pd.DataFrame(
        {
            "property": np.repeat(properties, n).astype(str),
            "source": values.ravel(),
            "target": 1.1 * values.ravel(),
        }
    )
    correlations = pd.DataFrame(
        {
            "comparison": list(properties),
            "pearson_r": 0.9,
            "mean_shift": 0.1,
            "mae": 0.25,
            "unit": "GPa",
            "n": n,
        }
    )
    return energies, others, correlations


def test_the_shift_before_and_after_referencing():
    energies, others, correlations = made()
    figure = draw_level_shifts(energies, others, correlations, source="GGA", target="r2SCAN")
    before, after, stress, magmom = figure.axes
    shift = energies["target_energy"] - energies["source_energy"]
    assert f"mean −{abs(shift.mean()):.3g} eV/atom" in before.texts[0].get_text()
    assert f"= {shift.std(ddof=0):.3g} eV/atom" in before.texts[0].get_text()
    assert sum(bar.get_height() for bar in before.patches) == 400
    assert sum(bar.get_height() for bar in after.patches) == 400
    rest = energies["target_minus_target_ref"] - energies["source_minus_source_ref"]
    assert f"= {rest.std(ddof=0):.3g} eV/atom" in after.texts[0].get_text()
    assert before.get_xlabel() == "r$^2$SCAN − GGA energy (eV/atom)"
    assert stress.get_title() == "stress components"
    assert "MAE 0.25 GPa" in stress.texts[0].get_text()
    (points,) = [line for line in magmom.lines if line.get_marker() == "o"]
    assert len(points.get_xdata()) == 400


def test_many_values_are_counted():
    stress = draw_level_shifts(*made(n=2000)).axes[2]
    assert stress.collections[0].get_array().sum() == 2000


def test_labels_and_frames_that_are_not_there_have_no_panels():
    (stress,) = draw_level_shifts(*made(properties=("stress",), shared=False)).axes
    assert stress.get_title() == "stress components"
    before, after = draw_level_shifts(*made(properties=())).axes
    assert before.patches
    assert after.patches


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "no shared frames"),
        ("labelled", "no shared frames"),
        (
            "none: the levels share no frames, and the pretrained model was not trained on Cu",
            "the levels share no frames,\nand the pretrained model was not trained on Cu",
        ),
    ],
)
def test_where_there_is_nothing_to_compare_the_figure_says_why(values, words):
    energies, others, correlations = made(properties=(), shared=False)
    correlations = correlations.reindex(range(3))
    if values is not None:
        correlations["source_values"] = values
    (ax,) = draw_level_shifts(energies, others, correlations).axes
    assert [text.get_text() for text in ax.texts] == [words]


def test_predicted_values_are_marked_as_such():
    energies, others, correlations = made()
    correlations["source_values"] = "predicted by the pretrained model"
    figure = draw_level_shifts(energies, others, correlations, source="GGA", target="CCSD")
    assert "GGA values are predicted by the pretrained model" in figure.get_suptitle()
    assert figure.axes[0].get_xlabel() == "CCSD − predicted GGA energy (eV/atom)"
    assert figure.axes[2].get_xlabel() == "predicted GGA stress component (GPa)"
