"""The heat map of temperature transfer."""

import pandas as pd
import pytest

from rungs.figures.temperature_transfer import draw_temperature_transfer, pairings

METHODS = {
    "scratch": ("", (10, 50), "300 900"),
    "copied": ("", (0, 10, 50), "300 900"),
    "scratch_cold": ("cold", (10, 50), "300"),
    "copied_cold": ("cold", (10, 50), "300"),
}
SCRATCH, TRANSFER = ["scratch", "scratch_cold"], ["copied", "copied_cold"]


@pytest.fixture
def table():
    rows = []
    for method, (pool, sizes, trained) in METHODS.items():
        for size in sizes:
            for kelvin in (300.0, 900.0, 3500.0):
                for name in ("energy", "force", "stress"):
                    mae = kelvin / (2 if method.startswith("copied") else 1) / max(size, 1)
                    rows.append(
                        {
                            "method": method,
                            "size": size,
                            "pool": pool,
                            "train_temperatures_k": trained,
                            "test_temperature_k": kelvin,
                            "trained_there": f"{kelvin:g}" in trained.split(),
                            "property": name,
                            "mae": mae if method != "copied_cold" or kelvin < 3000 else 4 * mae,
                        }
                    )
    return pd.DataFrame(rows)


def draw(table, scratch=SCRATCH, transfer=TRANSFER):
    return draw_temperature_transfer(table, scratch=scratch, transfer=transfer)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_pairs_draw_from_the_same_frames(table):
    whole, cold = pairings(table, SCRATCH, TRANSFER)
    assert (whole.scratch, whole.transfer, whole.sizes) == ("scratch", "copied", [10, 50])
    assert (cold.pool, cold.scratch, cold.transfer) == ("cold", "scratch_cold", "copied_cold")
    assert pairings(table, ["scratch"], ["copied_cold"]) == []
    # of several transfers the first is taken
    more = pd.concat([table, table[table["method"] == "copied"].assign(method="frozen")])
    assert pairings(more, SCRATCH, ["frozen", *TRANSFER])[0].transfer == "frozen"


def test_numbers_and_ratios_stand_in_their_cells(table):
    figure = draw(table)
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert len(panels) == 12
    scratch, transfer, ratio = panels[6:9]  # forces at the largest sizes
    assert texts(scratch) == ["6", "18", "70"] * 2
    assert texts(transfer) == ["3", "9", "35", "3", "9", "140"]
    assert texts(ratio) == ["2.00", "2.00", "2.00", "2.00", "2.00", "0.50"]
    assert texts(panels[0]) == ["30", "90", "350"] * 2


def test_rows_say_what_was_trained_on_and_columns_what_was_tested(table):
    panels = [ax for ax in draw(table).axes if ax.get_label() != "<colorbar>"]
    labels = [t.get_text() for t in panels[6].get_yticklabels()]
    assert labels == ["all: 300, 900 K\n50 frames", "cold: 300 K\n50 frames"]
    assert [t.get_text() for t in panels[9].get_xticklabels()] == ["300", "900", "3500"]
    # a frame round each temperature that was trained on
    assert [len(ax.patches) for ax in panels[6:9]] == [3, 3, 3]


def test_one_size_is_drawn_once_and_missing_cells_stay_empty(table):
    table = table[table["size"] == 10]
    table = table[(table["method"] != "copied_cold") | (table["test_temperature_k"] != 900)]
    panels = [ax for ax in draw(table).axes if ax.get_label() != "<colorbar>"]
    assert len(panels) == 6
    assert [len(ax.texts) for ax in panels[:3]] == [6, 5, 5]


def test_rows_have_a_size_in_common_or_each_its_own_largest(table):
    def sizes_shown(shown):
        panels = [ax for ax in draw(shown).axes if ax.get_label() != "<colorbar>"]
        labels = [[t.get_text().split("\n")[1] for t in ax.get_yticklabels()] for ax in panels[::6]]
        return labels

    cold = table["method"].isin(["scratch_cold", "copied_cold"])
    assert sizes_shown(table[~cold | (table["size"] == 10)]) == [["10 frames"] * 2]
    apart = table[(cold & (table["size"] == 10)) | (~cold & (table["size"] != 10))]
    assert sizes_shown(apart) == [["50 frames", "10 frames"]]
    assert sizes_shown(table) == [["10 frames"] * 2, ["50 frames"] * 2]


def test_nothing_to_compare_is_said(table):
    for empty in (table[table["method"] == "scratch"], table[:0]):
        (ax,) = draw(empty).axes
        assert "no test frame has a temperature" in ax.texts[0].get_text()


def test_the_figure_is_as_wide_as_a_page(table):
    assert draw(table).get_size_inches()[0] == 7.0


def test_energies_alone_have_lines_of_their_own(table):
    figure = draw(table[table["property"] == "energy"])
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert len(panels) == 6  # the smallest and the largest size, three panels each
    assert all(ax.images for ax in panels)
