import numpy as np
import pandas as pd
import pytest

from rungs.figures.density import MANY_POINTS
from rungs.figures.levels import draw_levels


def make_tables(n, n_forces=300, shared=True):
    rng = np.random.default_rng(0)
    bonding, source_part = rng.normal(-0.6, 0.5, n), rng.normal(-5, 1.5, n)
    shift = rng.normal(-8, 3, n)
    energies = pd.DataFrame(
        {
            "frame_id": [f"f{i}" for i in range(n)],
            "n_atoms": 4,
            "source_energy": source_part + bonding,
            "target_energy": source_part + bonding + shift,
            "source_minus_source_ref": bonding,
            "target_minus_source_ref": bonding + shift,
            "target_minus_target_ref": bonding + 0.03 * rng.normal(size=n),
        }
    )
    force = rng.normal(size=n_forces)
    forces = pd.DataFrame({"frame_id": "f0", "source": force, "target": 1.1 * force})
    if not shared:
        energies.loc[: n // 2, ["target_energy", "target_minus_source_ref"]] = np.nan
        energies.loc[: n // 2, "target_minus_target_ref"] = np.nan
        energies.loc[n // 2 + 1 :, ["source_energy", "source_minus_source_ref"]] = np.nan
        forces = forces.iloc[:0]
    number = 1.0 if shared else np.nan
    correlations = pd.DataFrame(
        {
            "comparison": ["raw", "source_reference", "own_reference", "forces"],
            "pearson_r": [0.096 * number, 0.27 * number, 0.958 * number, 0.99 * number],
            "mean_shift": [-8.123 * number, -8.1 * number, 0.01 * number, 0.0 * number],
            "mae": [8.123 * number, 8.1 * number, 0.034 * number, 0.2 * number],
            "unit": ["eV/atom"] * 3 + ["eV/Å"],
            "n": [n if shared else 0] * 3 + [len(forces)],
        }
    )
    return energies, forces, correlations


def test_four_panels_of_pairs():
    energies, forces, correlations = make_tables(400)
    figure = draw_levels(energies, forces, correlations, source="GGA", target="r2SCAN")
    panels = figure.axes
    assert len(panels) == 4
    assert [ax.get_title(loc="left") for ax in panels] == ["a", "b", "c", "d"]
    assert [ax.get_title() for ax in panels] == [
        "raw energies",
        "minus the GGA reference on both",
        "minus each level's own reference",
        "force components",
    ]
    assert panels[0].get_xlabel() == "GGA energy (eV/atom)"
    assert panels[2].get_ylabel() == "r$^2$SCAN energy − reference (eV/atom)"
    assert panels[3].get_xlabel() == "GGA force component (eV/Å)"
    columns = [
        ("source_energy", "target_energy"),
        ("source_minus_source_ref", "target_minus_source_ref"),
        ("source_minus_source_ref", "target_minus_target_ref"),
    ]
    for ax, (x, y) in zip(panels, columns, strict=False):
        (points,) = [line for line in ax.lines if line.get_marker() == "o"]
        assert np.array_equal(points.get_xdata(), energies[x])
        assert np.array_equal(points.get_ydata(), energies[y])
    assert panels[2].get_xlim() == panels[2].get_ylim()


def test_numbers_are_those_of_the_table():
    figure = draw_levels(*make_tables(400))
    texts = [ax.texts[0].get_text() for ax in figure.axes]
    assert texts[0] == "$r$ = 0.096\nshift −8.12 eV/atom\nMAE 8.12 eV/atom\n$n$ = 400"
    assert "$r$ = 0.958" in texts[2]
    assert "shift +0.01 eV/atom" in texts[2]
    assert texts[3] == "$r$ = 0.990\nMAE 0.2 eV/Å\n$n$ = 300"


def test_numbers_stand_in_the_emptiest_corner():
    figure = draw_levels(*make_tables(400))
    own = figure.axes[2].texts[0]
    # The points run along the rising diagonal: the text must be off it.
    assert (own.get_position()[0] < 0.5) != (own.get_position()[1] < 0.5)


def test_many_points_become_counts_with_one_colour_scale():
    figure = draw_levels(*make_tables(MANY_POINTS, n_forces=5000))
    *panels, bar = figure.axes
    cells = [ax.collections[0] for ax in panels]
    assert [int(c.get_array().sum()) for c in cells] == [MANY_POINTS] * 3 + [5000]
    assert all(c.get_rasterized() for c in cells)
    assert len({(c.norm.vmin, c.norm.vmax) for c in cells}) == 1
    assert bar.get_xlabel() == "frames (a–c) or force components (d) per hexagon"


def test_only_forces_are_many():
    figure = draw_levels(*make_tables(100, n_forces=5000))
    assert figure.axes[-1].get_xlabel() == "force components per hexagon"


def test_levels_that_share_no_frames_are_histograms():
    energies, forces, correlations = make_tables(200, shared=False)
    figure = draw_levels(energies, forces, correlations, source="silicon", target="germanium")
    before, after = figure.axes
    legend = figure.legends[0]
    assert legend.get_title().get_text() == "the two levels share no frames"
    assert [t.get_text() for t in legend.get_texts()] == [
        "silicon, 101 frames",
        "germanium, 99 frames",
    ]
    assert before.get_xlabel() == "energy (eV/atom)"
    assert after.get_xlabel() == "energy − reference (eV/atom)"
    for ax in (before, after):
        assert len(ax.patches) == 2
        for patch in ax.patches:
            x, y = patch.get_xy().T
            area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
            width = np.diff(np.unique(x)).min()
            assert area / width == pytest.approx(1.0)


def test_frames_without_forces_at_both_levels_have_three_panels():
    energies, forces, correlations = make_tables(50)
    correlations.loc[3, ["pearson_r", "mean_shift", "mae"]] = np.nan
    panels = draw_levels(energies, forces.iloc[:0], correlations).axes
    assert [ax.get_title(loc="left") for ax in panels] == ["a", "b", "c"]
    assert all(ax.get_ylabel().endswith("(eV/atom)") for ax in panels)


def test_predicted_values_are_marked_as_such():
    energies, forces, correlations = make_tables(50)
    assert draw_levels(energies, forces, correlations).get_suptitle() == ""
    correlations["source_values"] = "predicted by the pretrained model"
    figure = draw_levels(energies, forces, correlations, source="GGA", target="CCSD")
    assert figure.get_suptitle() == (
        "the levels share no frames: GGA values are predicted by the pretrained model"
    )
    assert figure.axes[0].get_xlabel() == "predicted GGA energy (eV/atom)"
    assert figure.axes[3].get_xlabel() == "predicted GGA force component (eV/Å)"
    assert figure.axes[0].get_ylabel() == "CCSD energy (eV/atom)"


def test_one_shared_frame_and_unshared_ones():
    energies, forces, correlations = make_tables(10)
    energies.loc[1:, "target_energy"] = np.nan
    correlations.loc[:2, ["pearson_r", "mean_shift", "mae"]] = np.nan
    ax = draw_levels(energies, forces, correlations).axes[0]
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(points.get_xdata()) == 1
    assert not ax.texts
