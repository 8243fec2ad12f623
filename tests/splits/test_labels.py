"""Which labels there are to learn from: refusals before any training, and words for the report."""

import pytest

from rungs.config.training import LossWeights
from rungs.errors import StudyError
from rungs.splits.labels import check_subset, check_weights, label_sentences
from rungs.splits.summary import PartSummary


def part(level="target", name="train", frames=10, **labelled):
    counts = dict.fromkeys(("energy", "forces", "stress", "magmoms"), 0) | labelled
    return PartSummary(level, name, frames, frames, 2, 0, 0, *counts.values())


def test_weights_of_what_no_frame_has_are_said_to_do_nothing():
    energies = part(energy=10)
    assert list(check_weights(energies, LossWeights(stress=0), "fine_tuning")) == [
        "fine_tuning.weights.force = 1 does nothing: no training frame of the target has forces",
        "fine_tuning.weights.magmom = 1 does nothing: no training frame of the target has magnetic "
        "moments",
    ]
    everything = part(energy=10, forces=1, stress=1, magmoms=1)
    assert list(check_weights(everything, LossWeights(), "fine_tuning")) == []


def test_nothing_to_learn_from_is_refused():
    weights = LossWeights(energy=0)
    with pytest.raises(StudyError, match=r"fine_tuning.weights: none of the target's 10 .* energy"):
        list(check_weights(part(energy=10), weights, "fine_tuning"))
    with pytest.raises(StudyError, match=r"none of the source's 10 training frames has an energy"):
        list(check_weights(part("source", forces=10), weights, "pretraining.training"))


def test_a_subset_without_an_energy_is_named():
    order = list("abcdef")
    check_subset(order, [0, 3, 6], {"c"}, "the subsets, random, seed 0")
    check_subset(order, [0], set(), "none is drawn")
    with pytest.raises(StudyError) as error:
        check_subset(order, [6, 2, 0], {"c", "e", "elsewhere"}, "the subsets, random, seed 0")
    assert str(error.value).startswith(
        "subsets.sizes: of the first 2 frames of the subsets, random, seed 0 none has an energy, "
        "2 of all 6 have"
    )


NAMES = {"source": "GGA", "target": "CCSD(T)"}


def sentences(train, test, source=None, published=False):
    parts = [source or part("source", energy=10, forces=10, magmoms=10), train, test]
    return label_sentences(parts, NAMES, published=published)


def test_a_whole_target_of_energies():
    found = sentences(part(energy=10), part(name="test", energy=10, forces=10))
    assert found[:2] == [
        "GGA: 10 frames, energy, forces, no stress, magnetic moments.",
        "CCSD(T): 20 frames, energy, forces on 10 of 20, no stress, no magnetic moments.",
    ]
    assert found[2].startswith("No CCSD(T) training frame has forces: models are fine-tuned on ")
    assert "energies alone, and the force errors on all test frames say what" in found[2]
    assert "keeps its pretrained weights (random ones from scratch)" in found[3]
    unmeasured = sentences(part(energy=10), part(name="test", energy=10))
    assert "is not measured, as no test frame has forces" in unmeasured[2]
    mixed = sentences(part(energy=10, stress=9), part(name="test", energy=10, forces=4))
    assert "energies and stresses, and the force errors on 4 of 10 test frames" in mixed[2]


def test_moments_that_are_trained_nowhere():
    source = part("source", energy=10, forces=10)
    train = part(energy=10, forces=10)
    (moments,) = sentences(train, part(name="test", energy=10, forces=10), source)[2:]
    assert moments.startswith("Magnetic moments are trained at neither level")
    (moments,) = sentences(train, part(name="test"), source, published=True)[2:]
    assert "keeps its pretrained weights" in moments


def test_whole_labels_need_no_word():
    whole = {"energy": 10, "forces": 10, "stress": 10, "magmoms": 10}
    assert len(sentences(part(**whole), part(name="test", **whole))) == 2
