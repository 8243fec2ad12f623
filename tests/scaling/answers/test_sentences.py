import re

import numpy as np
import pytest

from rungs.scaling import Law, data_efficiency, fit_learning_curves, learning_curve_means
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.sentences import best_method, pretraining_answer

SCRATCH = Law(900, 0.45)
ENERGY = "energy_mae_mev_per_atom"


def sentences(rows, pretrained=("transfer",), baseline="scratch", **options):
    laws = fit_learning_curves(rows)
    efficiency = data_efficiency(rows, laws) if baseline else []
    found = pretraining_answer(
        learning_curve_means(rows),
        laws,
        efficiency,
        pretrained=pretrained,
        baseline=baseline,
        target="r2SCAN",
        **options,
    )
    assert len(found) == 2
    for sentence in found:
        assert sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", sentence), "one sentence each"
        assert not re.search(r"None|nan|inf\b", sentence)
    return found


def test_numbers_are_those_of_the_table(learning_curve):
    rows = learning_curve(
        {"scratch": SCRATCH, "transfer": Law(300, 0.25)},
        zero={"transfer": float(SCRATCH(100))},
        scatter=0.01,
    )
    energy, force = sentences(rows)
    saved = next(
        row
        for row in data_efficiency(rows, fit_learning_curves(rows))
        if row.size == 0 and row.metric.startswith("energy")
    )
    assert f"saves about {saved.frames_transferred:.2g}".split("e")[0] in energy
    assert "Pretraining saves about" in energy
    assert "r2SCAN frames in energy (90 % interval" in energy
    assert "before any fine-tuning transfer has the error that scratch reaches with" in energy
    assert "with 1,000 frames its error is 53 meV/atom, that of scratch 40" in energy
    assert "in force" in force
    assert "meV/Å" in force


def test_references_that_know_more_frames_are_said_once(learning_curve):
    rows = learning_curve(
        {"scratch": SCRATCH, "transfer": Law(300, 0.25)}, zero={"transfer": float(SCRATCH(100))}
    )
    energy, force = sentences(rows, fitted_on_all=["transfer"], quote="``")
    assert "reference energies being fitted to all training frames, ``transfer`` has" in energy
    assert "reference energies" not in force


def test_a_method_that_was_tried_on_fewer_frames_does_not_answer():
    rows = [
        MeanRow(method, ENERGY, size, error, error, error, 3)
        for method, size, error in (
            ("transfer", 10, 30.0),
            ("transfer", 100, 20.0),
            ("frozen", 100, 25.0),
            ("aside", 10, 10.0),
        )
    ]
    assert best_method(rows, ["aside", "frozen", "transfer"], ENERGY) == "transfer"
    assert best_method(rows, ["aside", "frozen"], ENERGY) == "frozen"
    assert best_method(rows[-1:], ["aside"], ENERGY) == "aside"
    assert best_method([], ["frozen", "transfer"], ENERGY) == "frozen"


def test_the_best_method_is_taken(learning_curve):
    laws = {"scratch": SCRATCH, "poor": Law(600, 0.45), "good": Law(450, 0.45)}
    assert "good" in sentences(learning_curve(laws), pretrained=["poor", "good"])[0]


def test_the_first_size_that_decides_is_told(learning_curve):
    """Without fine-tuning the error may be that of a few frames or fewer; with ten it is clear."""
    rows = learning_curve(
        {"scratch": SCRATCH, "transfer": Law(300, 0.25)},
        zero={"transfer": float(SCRATCH(10.4))},
        scatter=0.1,
    )
    efficiency = data_efficiency(rows, fit_learning_curves(rows))
    first = next(r for r in efficiency if r.metric.startswith("energy") and r.size == 0)
    assert first.scratch_equivalent_frames is not None
    assert first.transferred_low is None
    energy, _ = sentences(rows)
    assert "Pretraining saves about" in energy
    assert "with 10 frames transfer has the error that scratch reaches with" in energy


def test_a_gain_beyond_the_curve_is_not_extrapolated(learning_curve):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(20, 0.01)})
    energy, _ = sentences(rows)
    assert "saves more than 990 r2SCAN frames in energy" in energy
    assert "with 10 frames transfer is better than scratch with all 1,000" in energy
    assert "beyond which the saving is out of range" in energy


def test_a_gain_beyond_the_curve_that_the_seeds_do_not_decide_is_open(learning_curve, at_odds):
    """Of the elements in r2SCAN a transferred model was 4 % better than one from scratch with all
    frames, and no seed agreed with the next."""
    rows = learning_curve({"scratch": Law(90, 0.02), "transfer": Law(75, 0.0)}, scatter=0.0)
    at_odds(rows, 0.3)
    energy, _ = sentences(rows)
    assert "Whether pretraining saves r2SCAN frames in energy is open" in energy
    assert "by the means, which the 90 % interval over the seeds alone does not decide" in energy


def test_of_a_gain_beyond_the_curve_the_lower_end_is_told(learning_curve, at_odds):
    # 900/n^0.45 is 40 at 1,000 frames, and 2.92·0.2/√3 above 39 at 506.
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(39, 0.0)}, scatter=0.0)
    at_odds(rows, 0.1)
    energy, _ = sentences(rows)
    assert (
        "saves r2SCAN frames in energy, by the mean more than 990 (90 % interval from 5" in energy
    )
    assert "its upper end out of range): with 10 frames transfer is better" in energy


def test_the_ratio_at_equal_frames_decides_where_few_sizes_leave_the_number_open(learning_curve):
    """As from nickel to copper: the subsets of 10 are good or bad for all methods together."""
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(600, 0.4)}, (10, 100), scatter=0.01)
    for row in rows:
        if row["size"] == 10:
            row[ENERGY] *= np.exp(0.9 * (row["seed"] - 1))
    first = next(r for r in data_efficiency(rows, fit_learning_curves(rows)) if r.metric == ENERGY)
    assert (first.equivalent_low, first.equivalent_high) == (None, None)
    assert first.scratch_ratio_high < 1
    assert first.saves is True
    energy, _ = sentences(rows)
    assert "Pretraining saves about" in energy
    assert "(both ends of the interval out of range)" in energy


def test_a_seed_of_bad_subsets_does_not_hide_what_the_ratio_says(learning_curve):
    """As from silicon to copper: one seed's ten frames are bad for both methods, which the law
    leaves aside and the mean does not."""
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(700, 0.4)}, (10, 100), scatter=0.01)
    for row in rows:
        if (row["size"], row["seed"]) == (10, 0):
            row[ENERGY] *= 4
    rows = [row for row in rows if row["method"] == "scratch" or row["size"] == 10]
    first = next(r for r in data_efficiency(rows, fit_learning_curves(rows)) if r.metric == ENERGY)
    assert "fewer than 10 frames" in first.note
    energy, _ = sentences(rows)
    assert "Pretraining saves r2SCAN frames in energy, how many is out of range: with 10" in energy
    assert re.search(
        r"is 0\.8\d* times that of scratch \(90 % interval 0\.8\d* to 0\.\d+ over", energy
    )


def test_an_interval_with_both_ends_out_of_range_decides_nothing(learning_curve, at_odds):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(700, 0.4)}, (10, 100), scatter=0.01)
    at_odds(rows, 0.9)
    energy, _ = sentences(rows)
    assert "Whether pretraining saves r2SCAN frames in energy is open, about" in energy


def test_a_loss_beyond_the_curve_that_the_seeds_do_not_decide_is_open(learning_curve, at_odds):
    rows = learning_curve({"scratch": Law(90, 0.1), "transfer": Law(110, 0.0)}, scatter=0.0)
    rows = [row for row in rows if row["method"] == "scratch" or row["size"] == 10]
    at_odds(rows, 0.4)
    energy, _ = sentences(rows)
    assert "Whether pretraining saves r2SCAN frames in energy is open: transfer is worse" in energy


def test_a_gain_at_the_largest_size_only_has_no_number(learning_curve):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(4000, 0.75)}, scatter=0.001)
    energy, _ = sentences([row for row in rows if row["method"] == "scratch" or row["size"] > 320])
    assert "frames pretraining saves in energy is out of range: only with 1,000 frames" in energy


def test_transfer_that_hurts(learning_curve):
    useless = learning_curve({"scratch": SCRATCH, "transfer": Law(1500, 0.1)})
    assert "Pretraining saves no r2SCAN frames in energy" in sentences(useless)[0]
    worse = learning_curve({"scratch": SCRATCH, "transfer": Law(1000, 0.45)}, scatter=0.003)
    energy, _ = sentences(worse)
    assert "costs r2SCAN frames in energy instead of saving them, about" in energy
    low, high = re.search(r"interval ([\d.,]+) to ([\d.,]+)", energy).groups()
    assert 0 < float(low) < float(high)
    even = learning_curve({"scratch": SCRATCH, "transfer": Law(899, 0.45)}, scatter=0.2)
    assert "is open, about" in sentences(even)[0] or "out of range" in sentences(even)[0]


def test_one_seed_has_no_interval(learning_curve):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)}, seeds=(0,))
    assert "(one seed: no interval)" in sentences(rows)[0]


@pytest.mark.parametrize(
    ("laws", "words"),
    [
        ({"scratch": Law(20, -0.1), "transfer": Law(450, 0.45)}, "does not fall between 10 and"),
        ({"scratch": SCRATCH, "transfer": Law(450, 0.45)}, "has no scaling law"),
    ],
)
def test_baselines_that_say_nothing(learning_curve, laws, words):
    rows = learning_curve(laws, scatter=0.001)
    if words.startswith("has no"):
        rows = [row for row in rows if row["method"] != "scratch" or row["size"] == 10]
    energy, force = sentences(rows)
    assert "nothing can be said" in energy
    assert words in energy
    assert words in force


def test_no_baseline_and_no_pretraining(learning_curve):
    rows = learning_curve({"scratch": SCRATCH})
    first, second = sentences(rows, pretrained=[])
    assert "as no method of it is pretrained" in first
    assert "With 1,000 r2SCAN frames the lowest mean error of energy is" in second
    first, _ = sentences(rows, pretrained=["scratch"], baseline=None)
    assert "as no method of it starts from random weights" in first


def test_no_usable_error():
    assert (
        "no run has a usable error"
        in pretraining_answer([], [], [], pretrained=["a"], baseline="b")[0]
    )


@pytest.mark.parametrize(
    ("missing", "words"),
    [("energy_mae_mev_per_atom", "energy"), ("force_mae_mev_per_angstrom", "force")],
)
def test_what_no_test_frame_is_labelled_with_is_said_not_to_be(learning_curve, missing, words):
    rows = learning_curve({"scratch": SCRATCH, "transfer": Law(450, 0.45)})
    rows = [{k: v for k, v in row.items() if k != missing} for row in rows]
    found = dict(zip(("energy", "force"), sentences(rows, fitted_on_all=["transfer"]), strict=True))
    unlabelled = found.pop(words)
    assert unlabelled == (
        f"In {words}, nothing is measured: the test frames are not labelled with it."
    )
    (labelled,) = found.values()
    assert labelled.startswith("Pretraining saves about")
    assert "reference energies being fitted to all training frames" in labelled
