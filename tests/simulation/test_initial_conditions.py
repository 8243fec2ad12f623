"""Starts: from test frames alone, the same every time, and refused with words."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from rungs.config.simulations import Simulations
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter, iter_frames
from rungs.simulation.initial_conditions import draw_starts, enlarged, shortest_in_training
from rungs.splits.files import write_split
from rungs.splits.split import SplitRow


def frame(i, part, length, group=None):
    atoms = bulk("Ge", "diamond", a=length, cubic=True)
    return Frame(
        frame_id=f"f{i}",
        material_id=f"f{i}",
        functional="SW",
        cell=atoms.cell.array,
        atomic_numbers=atoms.numbers,
        cart_coords=atoms.positions,
        energy=-30.0,
        forces=np.zeros((8, 3)),
        group=group,
        given_part=part,
    )


@pytest.fixture
def files(tmp_path):
    frames = [frame(i, "train", 5.6 + 0.05 * i) for i in range(4)]
    frames += [frame(4 + i, "test", 5.0 + 0.1 * i, ["solid", "liquid"][i % 2]) for i in range(6)]
    with FrameWriter(tmp_path / "target.parquet", {}) as writer:
        for one in frames:
            writer.write(one)
    rows = [SplitRow("target", f.material_id, f.frame_id, f.given_part) for f in frames]
    rows.append(SplitRow("source", "f0", "f0", "test"))
    write_split(tmp_path / "split.csv", rows)
    return tmp_path / "target.parquet", tmp_path / "split.csv"


def told(files, temperatures):
    """The same files, some of whose frames have temperatures."""
    frames = list(iter_frames(files[0]))
    with FrameWriter(files[0], {}) as writer:
        for one in frames:
            writer.write(
                dataclasses.replace(one, temperature=temperatures.get(int(one.frame_id[1])))
            )
    return files


def options(**of_starts):
    return Simulations(temperatures=[300.0, 900.0], starts=of_starts)


def test_test_frames_drawn_by_the_seed(files):
    drawn = draw_starts(options(number=3), *files, 5)
    assert [(s.temperature, s.number) for s in drawn] == [
        *((300.0, i) for i in range(3)),
        *((900.0, i) for i in range(3)),
    ]
    assert {s.frame_id for s in drawn} <= {f"f{i}" for i in range(4, 10)}
    assert len({s.frame_id for s in drawn[:3]}) == 3
    assert len({s.seed for s in drawn}) == 6
    again = draw_starts(options(number=3), *files, 5)
    assert [(s.frame_id, s.seed) for s in again] == [(s.frame_id, s.seed) for s in drawn]
    other = draw_starts(options(number=3), *files, 6)
    assert not {s.seed for s in other} & {s.seed for s in drawn}
    # another temperature beside it changes nothing
    (alone,) = draw_starts(Simulations(temperatures=[900.0], starts={"number": 1}), *files, 5)
    assert (alone.frame_id, alone.seed) == (drawn[3].frame_id, drawn[3].seed)


def test_few_frames_come_again_with_other_velocities(files):
    drawn = draw_starts(options(number=5, groups=["liquid"]), *files)
    assert {s.frame_id for s in drawn} == {"f5", "f7", "f9"}
    assert len({s.seed for s in drawn}) == 10
    first, again = drawn[0], drawn[3]
    assert first.frame_id == again.frame_id
    first.atoms.positions += 1
    assert not np.allclose(first.atoms.positions, again.atoms.positions)


def test_small_cells_are_repeated(files):
    (first, *_) = draw_starts(options(number=1), *files)
    assert len(first.atoms) == 32
    assert all(first.atoms.pbc)
    assert len(draw_starts(options(number=1, min_atoms=8), *files)[0].atoms) == 8
    flat = Atoms("Ge2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[3, 4, 30], pbc=True)
    assert np.allclose(enlarged(flat, 20).cell.lengths(), [12, 16, 30])


def test_frames_of_the_nearest_temperature(files):
    drawn = draw_starts(options(number=4), *told(files, {4: 300.0, 6: 290.0, 7: 1000.0, 9: 300.0}))
    assert {s.frame_id for s in drawn if s.temperature == 300} == {"f4", "f9"}
    assert {s.frame_id for s in drawn if s.temperature == 900} == {"f7"}
    any_frame = draw_starts(options(number=6, temperature="any"), *files)
    assert len({s.frame_id for s in any_frame if s.temperature == 900}) == 6


def test_a_crystal_in_place_of_frames(files):
    crystal = {"element": "Ge", "lattice_constant": 5.66}
    drawn = draw_starts(options(number=2, crystal=crystal), *files)
    assert {s.frame_id for s in drawn} == {"diamond Ge"}
    assert len(drawn[0].atoms) == 64
    assert drawn[0].atoms.cell.lengths() == pytest.approx([11.32] * 3)
    drawn[0].atoms.positions += 1
    assert not np.allclose(drawn[0].atoms.positions, drawn[1].atoms.positions)
    with pytest.raises(StudyError, match="'Gee' is no element"):
        draw_starts(options(crystal=crystal | {"element": "Gee"}), *files)


def test_the_shortest_distance_of_training_frames(files):
    # the test frames are closer, and do not count
    assert shortest_in_training(*files) == pytest.approx(5.6 * np.sqrt(3) / 4)


def test_nothing_to_start_from(files):
    with pytest.raises(StudyError, match="of the groups gas; there are liquid, solid"):
        draw_starts(options(groups=["gas"]), *files)
    write_split(files[1], [SplitRow("target", "f0", "f0", "train")])
    with pytest.raises(StudyError, match=r"no test frames .*split\.test"):
        draw_starts(options(), *files)
    write_split(files[1], [SplitRow("target", "f0", "f0", "test")])
    with pytest.raises(StudyError, match="no training frames"):
        shortest_in_training(*files)
