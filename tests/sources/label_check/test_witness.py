"""What the published network says of labels, held against those of another published network."""

import dataclasses
import math

import numpy as np
import pytest

from rungs.config.data import Level
from rungs.frames.frame import Frame
from rungs.sources import read_source
from rungs.sources.label_check.alternatives import VASP, places
from rungs.sources.label_check.check import _distances
from rungs.sources.label_check.witness import MAX_ATOMS, Statement, _sample, ask_network


@pytest.fixture(scope="module")
def frames():
    """Strained and rattled crystals at r2SCAN level."""
    data = {"kind": "crystals", "labels": "r2scan", "n_crystals": 12, "frames_per_crystal": 4}
    level = Level.model_validate({"label": "a", "functional": "a", "data": data})
    return [item for item in read_source(level, "", 0) if isinstance(item, Frame)]


def ask(frames):
    return ask_network(frames, _distances(frames))


def changed(frames, **factors):
    return [
        dataclasses.replace(f, **{name: getattr(f, name) * x for name, x in factors.items()})
        for f in frames
    ]


def test_another_level_of_theory_is_confirmed(frames):
    witness = ask(frames)
    for label in ("forces", "stress"):
        found = witness.of(label)
        assert found.confirms
        assert not found.contradicts
        assert found.correlation > 0.9
        assert 0.5 < found.size < 2
    assert witness.stress_order is None


@pytest.mark.parametrize("label", ["forces", "stress"])
@pytest.mark.parametrize("factor", [-1, 10, 0.1, -23, 1 / 51])
def test_wrong_signs_and_units_are_contradicted(frames, label, factor):
    found = ask(changed(frames[:24], **{label: factor})).of(label)
    assert found.contradicts
    assert math.copysign(1, found.correlation) == math.copysign(1, factor)
    assert found.size == pytest.approx(abs(factor), rel=0.7)
    assert f"{found.size:.2g}" in str(found)


def test_the_order_of_the_stress_is_known(frames):
    inverse = np.argsort(places(VASP))
    shuffled = [dataclasses.replace(f, stress=f.stress[inverse]) for f in frames]
    found = ask(shuffled).stress_order
    assert found.order == VASP
    assert found.correlation > 0.9 > found.declared
    flipped = ask(changed(shuffled, stress=-1)).stress_order
    assert flipped.order == VASP


def test_unrelated_labels_are_neither_confirmed_nor_contradicted(frames):
    random = np.random.default_rng(0)
    noise = [
        dataclasses.replace(
            f, forces=random.normal(size=f.forces.shape), stress=random.normal(size=6)
        )
        for f in frames
    ]
    for label in ("forces", "stress"):
        found = ask(noise).of(label)
        assert not found.confirms
        assert not found.contradicts


def test_missing_labels_and_broken_frames_are_left_out(frames):
    some = [
        dataclasses.replace(frames[0], cart_coords=np.zeros_like(frames[0].cart_coords)),
        dataclasses.replace(frames[1], energy=np.nan),
        *(dataclasses.replace(f, stress=None, energy=None) for f in frames[2:]),
    ]
    witness = ask(some)
    assert [t.label for t in witness.statements] == ["forces"]
    assert witness.of("forces").confirms
    assert witness.of("stress") is None
    assert ask([]).statements == []


def test_little_is_predicted_of_much(frames):
    many = [dataclasses.replace(f, frame_id=f"{i}") for i in range(200) for f in frames]
    chosen = _sample(many, MAX_ATOMS)
    assert sum(many[i].n_atoms for i in chosen) <= MAX_ATOMS
    assert chosen[0] < 200
    assert chosen[-1] > len(many) - 200


def test_a_size_within_the_networks_own_errors_is_no_contradiction():
    assert Statement("stress", 50, 0.9, 0.4).confirms
    assert Statement("stress", 50, 0.9, 4.9).contradicts
    assert not Statement("stress", 50, 0.5, 4.9).contradicts
    assert Statement("stress", 50, -0.9, 1.0).contradicts
