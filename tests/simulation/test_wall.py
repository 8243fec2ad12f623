"""Walls between atoms that are closer than in any training frame."""

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter
from rungs.simulation.calculator import Forces, UnphysicalError
from rungs.simulation.wall import Walled, shortest_by_pair
from rungs.splits.files import write_split
from rungs.splits.split import SplitRow

FROM = {(1, 1): 1.4, (1, 8): 0.9}
CELL = np.eye(3) * 6.0


def nothing(configurations):
    return [Forces(2.0, np.zeros((len(atoms), 3)), None) for atoms in configurations]


def pair(distance, symbols="HH", shift=0.0):
    positions = np.array([[shift, 1.0, 1.0], [shift + distance, 1.0, 1.0]])
    return Atoms(symbols, positions, cell=CELL, pbc=True)


def test_a_pair_within_its_distance_is_pushed_apart():
    (answer,) = Walled(nothing, FROM, 50.0)([pair(1.2)])
    assert answer.energy == pytest.approx(2.0 + 0.5 * 50 * 0.2**2)
    assert answer.forces == pytest.approx(np.array([[-10.0, 0, 0], [10.0, 0, 0]]))
    # through the side of the cell
    (wrapped,) = Walled(nothing, FROM, 50.0)([pair(1.2, shift=5.5)])
    assert wrapped.forces == pytest.approx(answer.forces)


@pytest.mark.parametrize(
    ("distance", "symbols"), [(1.41, "HH"), (0.91, "OH"), (1.0, "OO"), (0.5, "HNa"), (0.5, "NaCl")]
)
def test_beyond_it_and_between_others_nothing_changes(distance, symbols):
    (answer,) = Walled(nothing, FROM, 50.0)([pair(distance, symbols)])
    assert answer.energy == 2.0
    assert not answer.forces.any()


def test_what_has_no_forces_stays_so():
    fault = UnphysicalError("overlap", "two atoms")
    assert Walled(lambda _: [fault], FROM, 50.0)([pair(1.2)]) == [fault]
    (answer,) = Walled(nothing, {}, 50.0)([pair(0.3)])
    assert answer.energy == 2.0


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_forces_are_the_slope_of_the_energy_and_add_up_to_nothing(seed):
    rng = np.random.default_rng(seed)
    atoms = Atoms("OHHOHH", rng.uniform(0, 3.0, (6, 3)), cell=np.eye(3) * 3.2, pbc=True)
    walled = Walled(nothing, FROM, 30.0)
    (answer,) = walled([atoms])
    assert answer.forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    step, direction = 1e-5, rng.normal(size=(6, 3))
    ends = []
    for sign in (-1, 1):
        moved = atoms.copy()
        moved.positions += sign * step * direction
        ends.append(walled([moved])[0].energy)
    slope = (ends[1] - ends[0]) / (2 * step)
    assert slope == pytest.approx(-(answer.forces * direction).sum(), abs=1e-3)


def test_walls_begin_at_the_shortest_distances_of_the_training_frames(tmp_path):
    def frame(name, distance, symbols=(1, 1)):
        return Frame(
            *(name, name, "r2SCAN", CELL, np.array(symbols)),
            np.array([[0.2, 0, 0], [0.2 - distance, 0, 0]]),
            *(-1.0, None),
        )

    frames = [
        frame("a", 1.5),
        frame("b", 1.4),
        frame("tested", 0.9),
        frame("c", 1.0, (8, 1)),
        frame("far", 2.99, (11, 17)),
        frame("farther", 3.0, (11, 11)),
    ]
    with FrameWriter(tmp_path / "frames.parquet", {}) as writer:
        for one in frames:
            writer.write(one)
    rows = [
        SplitRow("target", f.frame_id, f.frame_id, "test" if f.frame_id == "tested" else "train")
        for f in frames
    ]
    write_split(tmp_path / "split.csv", rows)
    found = shortest_by_pair(tmp_path / "frames.parquet", tmp_path / "split.csv")
    assert list(found) == [(1, 1), (1, 8), (11, 17)]
    assert list(found.values()) == pytest.approx([1.4, 1.0, 2.99])
