import pandas as pd
import pytest

from rungs.figures.element_errors import draw_element_errors
from rungs.frames.elements import SYMBOLS


def make_errors(elements, methods=("scratch", "target_reference"), sizes=(10, 1000)):
    return pd.DataFrame(
        [
            {
                "method": method,
                "size": size,
                "element": element,
                "n_frames": 5,
                "energy_mae_mev_per_atom": 20.0 + i,
                "n_atoms": 9,
                "force_mae_mev_per_angstrom": 100.0 / (1 + i),
            }
            for method in methods
            for size in sizes
            for i, element in enumerate(elements)
        ]
    )


def test_elements_stand_by_atomic_number_at_the_largest_size():
    errors = make_errors(["O", "Na", "Li"])
    errors.loc[errors["size"] == 10, "energy_mae_mev_per_atom"] = 9e5
    energy, force = draw_element_errors(errors).axes
    assert [t.get_text() for t in force.get_xticklabels()] == ["Li", "O", "Na"]
    assert [line.get_ydata().tolist() for line in energy.lines] == [[20, 21, 22]] * 2
    first = energy.lines[0].get_xdata()
    assert [round(x) for x in first] == [1, 2, 0]  # O, Na, Li
    assert energy.get_ylabel() == "energy MAE (meV/atom)"


@pytest.mark.parametrize("n", [1, 30, 89])
def test_few_and_many_elements(n):
    figure = draw_element_errors(make_errors(SYMBOLS[:n]))
    labels = [t.get_text() for t in figure.axes[1].get_xticklabels()]
    assert labels == list(SYMBOLS[:n])


def test_legend_tells_the_size():
    figure = draw_element_errors(make_errors(["Ge"]), methods=["target_reference", "scratch"])
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "transfer, target reference, 1,000 frames",
        "from scratch, 1,000 frames",
    ]


def test_energies_alone_have_one_panel():
    errors = make_errors(["O", "Na"]).assign(force_mae_mev_per_angstrom=float("nan"), n_atoms=0)
    (ax,) = draw_element_errors(errors).axes
    assert ax.get_ylabel() == "energy MAE (meV/atom)"
    assert ax.get_xlabel() == "element"
