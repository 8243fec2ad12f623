"""Energies of frames of different size: totals, or not."""

import dataclasses

import numpy as np
import pytest

from rungs.frames.frame import Frame
from rungs.sources.label_check.sizes import not_totals

ENERGIES = {14: -5.4, 8: -5.0, 12: -1.5}
ALL_ELECTRON = {14: -7_870.0, 8: -2_040.0, 12: -5_440.0}


def made(count=60, energies=ENERGIES, scatter=0.1, sizes=(2, 60), seed=0):
    random = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        numbers = random.choice(list(energies), size=random.integers(sizes[0], sizes[1] + 1))
        total = sum(energies[z] for z in numbers) + len(numbers) * scatter * random.normal()
        coords = np.zeros((len(numbers), 3))
        frames.append(Frame(str(index), "m", "PBE", 9 * np.eye(3), numbers, coords, float(total)))
    return frames


def with_energies(frames, power):
    return [dataclasses.replace(f, energy=f.energy * f.n_atoms**power) for f in frames]


@pytest.mark.parametrize("energies", [ENERGIES, ALL_ELECTRON])
def test_totals_pass(energies):
    assert not_totals(made(energies=energies)) is None


@pytest.mark.parametrize("energies", [ENERGIES, ALL_ELECTRON])
@pytest.mark.parametrize(
    ("power", "words"),
    [
        (-1, "energies per atom that are read as totals"),
        (1, "totals that are read as energies per"),
    ],
)
def test_others_are_named(energies, power, words):
    found = not_totals(with_energies(made(energies=energies), power))
    assert words in found.words
    assert found.other < found.as_totals / 3


def test_a_few_broken_energies_change_nothing():
    frames = made()
    frames[3] = dataclasses.replace(frames[3], energy=1e9)
    frames[8] = dataclasses.replace(frames[8], energy=None, forces=np.zeros((frames[8].n_atoms, 3)))
    frames[9] = dataclasses.replace(frames[9], energy=np.nan)
    assert not_totals(frames) is None
    assert "per atom" in not_totals(with_energies([f for f in frames if f.energy], -1)).words


def test_frames_of_one_size_or_few_or_of_energies_about_zero_say_nothing():
    assert not_totals(with_energies(made(sizes=(8, 8)), -1)) is None
    assert not_totals(with_energies(made(15), -1)) is None
    assert not_totals(with_energies(made(energies=dict.fromkeys(ENERGIES, 0.0)), -1)) is None
    assert not_totals([]) is None


@pytest.mark.parametrize("power", [0, -1, 1])
def test_real_energies(mptrj, power):
    found = not_totals(with_energies(mptrj, power))
    assert (found is None) == (power == 0)
