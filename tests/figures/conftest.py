"""Synthetic tables of a study, with errors as a real one has them."""

from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from rungs.frames.elements import SYMBOLS
from rungs.scaling import Law, fit_learning_curves, learning_curve_means

ENERGY = {
    "scratch": Law(760, 0.42),
    "trainable_reference": Law(5200, 0.6),
    "frozen_reference": Law(6500, 0.55),
    "target_reference": Law(165, 0.3),
}
ZERO = {"trainable_reference": 9800.0, "frozen_reference": 9800.0, "target_reference": 142.0}


def make_study(methods=tuple(ENERGY), seeds=(0, 1, 2), sizes=(10, 32, 100, 320, 1000), zero=True):
    """Learning curve, means and laws of a study; stress is labelled, magnetic moments are not."""
    rng = np.random.default_rng(0)
    rows = []
    for method in methods:
        runs = [(size, seed) for size in sizes for seed in seeds]
        if zero and method in ZERO:
            runs.append((0, seeds[0]))
        for size, seed in runs:
            energy = ENERGY.get(method, Law(300, 0.3))(size) if size else ZERO[method]
            scatter = np.exp(0.07 * rng.normal(size=3)) if size else np.ones(3)
            rows.append(
                {
                    "method": method,
                    "size": size,
                    "seed": seed,
                    "energy_mae_mev_per_atom": float(energy * scatter[0]),
                    "force_mae_mev_per_angstrom": float(60 + energy**0.5 * scatter[1]),
                    "stress_mae_gpa": float(0.2 + 0.01 * energy**0.5 * scatter[2]),
                    "magmom_mae_mu_b": np.nan,
                }
            )
    return tables_of(pd.DataFrame(rows))


def tables_of(curve):
    means = pd.DataFrame([asdict(row) for row in learning_curve_means(curve)])
    laws = pd.DataFrame([asdict(row) for row in fit_learning_curves(curve)])
    return curve, means, laws


def make_reference(energies, present):
    return pd.DataFrame(
        {
            "element": SYMBOLS,
            "atomic_number": np.arange(1, 95),
            "energy_ev_per_atom": energies,
            "n_frames": np.isin(np.arange(1, 95), list(present)) * 12,
        }
    )


def make_history(start, end, n=800, rows=10, validated=True):
    update = np.linspace(n / rows, n, rows).astype(int)
    error = end + (start - end) * np.exp(-4 * update / n)
    return pd.DataFrame(
        {
            "update": update,
            "epoch": update / 10,
            "learning_rate": 1e-3,
            "train_loss": 0.1,
            "validation_loss": 0.1 if validated else np.nan,
            "validation_energy_mae_mev_per_atom": error if validated else np.nan,
            "validation_force_mae_mev_per_angstrom": 0.4 * error if validated else np.nan,
        }
    )


@pytest.fixture
def study():
    return make_study


@pytest.fixture
def tables():
    return tables_of


@pytest.fixture
def reference():
    return make_reference


@pytest.fixture
def history():
    return make_history


@pytest.fixture(autouse=True)
def drawable(monkeypatch):
    """Every figure that a test makes must also render, without a warning and with its text inside
    the page and not over other text of the same panel."""
    from rungs.figures import style

    made = []
    original = style.new_figure

    def new_figure(*args):
        made.append(original(*args))
        return made[-1]

    for name in (
        "learning_curves",
        "methods",
        "histories",
        "levels",
        "level_shifts",
        "reference_shift",
        "references",
        "gradients",
        "parity",
        "element_errors",
        "forgetting",
        "property_errors",
        "property_effects",
        "equation_of_state",
        "phonons",
        "distributions",
        "stability",
    ):
        module = pytest.importorskip(f"rungs.figures.{name}")
        monkeypatch.setattr(module, "new_figure", new_figure)
    yield
    for figure in made:
        check_layout(figure)


def check_layout(figure):
    figure.draw_without_rendering()
    page = figure.bbox
    for ax in figure.axes:
        if not ax.get_visible() or not ax.axison:
            continue
        for axis in (ax.xaxis, ax.yaxis):
            labels = [t for t in axis.get_ticklabels() if t.get_text() and t.get_visible()]
            low, high = sorted(axis.get_view_interval())
            places = dict(zip(labels, axis.get_ticklocs(), strict=False))
            boxes = [
                t.get_window_extent()
                for t in labels
                if low * (1 - 1e-9) - 1e-12 <= places[t] <= high * (1 + 1e-9) + 1e-12
            ]
            for one, other in pairwise(boxes):
                assert not one.shrunk(0.9, 0.9).overlaps(other.shrunk(0.9, 0.9)), "labels overlap"
            assert axis.label.get_text() == "" or axis.label.get_window_extent().width > 0
            extent = axis.label.get_window_extent()
            assert page.x0 - 1 <= extent.x0 <= extent.x1 <= page.x1 + 1, axis.label.get_text()
            assert page.y0 - 1 <= extent.y0 <= extent.y1 <= page.y1 + 1, axis.label.get_text()
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    for legend in legends:
        extent = legend.get_window_extent()
        assert page.x0 - 1 <= extent.x0, "legend runs off the page"
        assert extent.x1 <= page.x1 + 1, "legend runs off the page"
        assert page.y0 - 1 <= extent.y0, "legend runs off the page"
        assert extent.y1 <= page.y1 + 1, "legend runs off the page"
        for ax in figure.axes:
            if ax.get_visible():
                assert not ax.get_window_extent().overlaps(extent), "legend covers a panel"
