"""Distributions in the target's own frames, which those of simulations are compared with."""

import numpy as np
import pytest
from ase import Atoms

from rungs.config.properties import Properties
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter
from rungs.properties.distributions import radial_distribution
from rungs.properties.of_frames import distributions_of_frames
from rungs.simulation.initial_conditions import Start

OPTIONS = Properties(
    calculate=["radial_distribution", "angular_distribution"],
    pairs=["O-O", "H-O"],
    bond=1.6,
    largest_distance=6.0,
    reference_frames=True,
)


def water(seed, n=8, length=7.0, temperature=None):
    """Molecules of water about the points of a grid, oxygen first or last."""
    rng = np.random.default_rng(seed)
    molecule = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    grid = np.stack(np.meshgrid(*[np.arange(2) * length / 2] * 3), axis=-1).reshape(-1, 1, 3)
    positions = (grid + rng.uniform(0, 0.8, (n, 1, 3)) + molecule).reshape(-1, 3)
    numbers = np.tile([8, 1, 1], n)
    if seed % 2:
        positions, numbers = positions[::-1], numbers[::-1]
    return Frame(
        frame_id=f"water{seed}n{n}",
        material_id=f"water{seed}n{n}",
        functional="r2SCAN",
        cell=np.eye(3) * length,
        atomic_numbers=numbers.copy(),
        cart_coords=positions.copy(),
        energy=-1.0,
        forces=None,
        stress=None,
        magmoms=None,
        temperature=temperature,
    )


def salt():
    frame = water(0)
    numbers = frame.atomic_numbers.copy()
    numbers[:2] = 11, 17
    return Frame(
        **{
            name: getattr(frame, name)
            for name in Frame.__slots__
            if name not in ("atomic_numbers", "frame_id")
        },
        frame_id="salt",
        atomic_numbers=numbers,
    )


def start(frame, number=0, temperature=300.0, repeat=1):
    atoms = Atoms(frame.atomic_numbers, frame.cart_coords, cell=frame.cell, pbc=True)
    return Start(temperature, number, frame.frame_id, atoms * (repeat, 1, 1), 0)


def write(path, frames):
    with FrameWriter(path, {}) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def test_the_mean_over_the_frames_of_a_starts_composition(tmp_path):
    frames = [water(seed) for seed in range(6)]
    path = write(tmp_path / "frames.parquet", [*frames, salt()])
    found, chance = distributions_of_frames(path, [start(frames[0], repeat=2)], 1.6, OPTIONS)
    by_kind = {curve.kind: curve for curve in found.curves}
    assert list(by_kind) == [
        "radial_distribution O-O",
        "radial_distribution H-O",
        "angular_distribution",
    ]
    wanted = []
    for frame in frames:  # whatever the order of their atoms
        oxygen = frame.atomic_numbers == 8
        wanted.append(
            radial_distribution(
                frame.cart_coords[None], frame.cell, r_max=6.0, between=(oxygen, oxygen)
            )[1]
        )
    assert by_kind["radial_distribution O-O"].y == pytest.approx(np.mean(wanted, axis=0))
    # each hydrogen has its oxygen at 0.96 Å: one neighbour
    bonds = by_kind["radial_distribution H-O"]
    near = bonds.x < 1.3
    shells = 4 * np.pi * bonds.x[near] ** 2 * (bonds.x[1] - bonds.x[0])
    assert (bonds.y[near] * shells).sum() * 8 / 7**3 == pytest.approx(1.0, abs=0.02)
    assert [value.note for value in found.values] == ["6 frames of H2 O1"] * 3
    assert not any(value.failed for value in found.values)
    assert 0 < chance["radial_distribution O-O", 300.0] < 200


def test_frames_that_tell_their_temperature_serve_the_nearest(tmp_path):
    frames = [water(seed, temperature=300.0 + 300 * (seed > 1)) for seed in range(5)]
    path = write(tmp_path / "frames.parquet", frames)
    starts = [start(frames[0], 0, 310.0), start(frames[0], 0, 620.0)]
    found, _ = distributions_of_frames(path, starts, 1.6, OPTIONS)
    notes = {value.temperature_k: value.note for value in found.values}
    assert notes == {310.0: "2 frames of H2 O1", 620.0: "3 frames of H2 O1"}


def test_a_pair_that_is_not_there_has_no_curve(tmp_path):
    path = write(tmp_path / "frames.parquet", [water(0), water(1)])
    options = OPTIONS.model_copy(update={"pairs": ["Na-Cl"]})
    found, chance = distributions_of_frames(path, [start(water(0))], 1.6, options)
    failed = {value.property: value.failed for value in found.values}
    assert failed == {"radial_distribution Na-Cl": True, "angular_distribution": False}
    assert list(chance) == [("angular_distribution", 300.0)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pairs": ["O-O", "O-O"]}, "one is named more than once"),
        ({"pairs": ["O-H", "H-O"]}, "one is named more than once"),
        ({"pairs": ["O-Xx"]}, "Xx: no such element"),
        ({"pairs": ["OO"]}, "pattern"),
        ({"calculate": ["phonons"], "pairs": ["O-O"]}, "which calculate lacks"),
        ({"calculate": ["phonons"], "reference_frames": True}, "radial or angular"),
    ],
)
def test_what_does_not_go_together_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Properties.model_validate({"calculate": ["radial_distribution"], **change})
