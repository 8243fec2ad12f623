"""What a split reads of a file of frames."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition

from rungs.frames.columns import Geometries
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter
from rungs.splits.composition import Compositions, chemical_system, elements
from rungs.splits.members import read_members


def frame(**changes) -> Frame:
    fields = {
        "frame_id": "x",
        "material_id": "m",
        "functional": "f",
        "cell": 4 * np.eye(3),
        "atomic_numbers": [3, 9],
        "cart_coords": [[0, 0, 0], [2, 2, 2]],
        "energy": 0.0,
        "forces": np.zeros((2, 3)),
    }
    return Frame(**fields | changes)


def members(tmp_path, frames):
    with FrameWriter(tmp_path / "frames.parquet", {}) as writer:
        for number, one in enumerate(frames):
            writer.write(frame(**one, frame_id=str(number)))
    return read_members(tmp_path / "frames.parquet")


def test_members_keep_ids_parts_and_order(tmp_path):
    found = members(
        tmp_path,
        [{"material_id": "b", "given_part": "test"}, {"material_id": "a"}, {"material_id": "b"}],
    )
    assert [(m.frame_id, m.material_id, m.given_part) for m in found] == [
        ("0", "b", "test"),
        ("1", "a", None),
        ("2", "b", None),
    ]


def test_geometry_is_seen_and_nothing_else(tmp_path):
    same = [
        {},
        {"material_id": "n", "energy": 5.0, "forces": np.ones((2, 3)), "functional": "g"},
        {"cart_coords": [[-0.0, 0, 1e-9], [2, 2, 2]]},
    ]
    other = [
        {"atomic_numbers": [9, 3]},
        {"cell": 4.001 * np.eye(3)},
        {"cart_coords": [[0, 0, 0.001], [2, 2, 2]]},
        # one atom more: neighbours in the file do not run into each other
        {
            "atomic_numbers": [3, 9, 9],
            "cart_coords": [[0, 0, 0], [2, 2, 2], [2, 0, 0]],
            "forces": np.zeros((3, 3)),
        },
        {
            "atomic_numbers": [3],
            "cart_coords": [[0, 0, 0]],
            "forces": np.zeros((1, 3)),
        },
    ]
    digests = [m.geometry for m in members(tmp_path, same + other)]
    assert len(set(digests[: len(same)])) == 1
    assert len(set(digests)) == 1 + len(other)


def test_frames_beyond_one_batch(tmp_path):
    """A file has batches of 1,000 rows; sizes and geometries stay with their frames."""
    sizes = [1 + number % 3 for number in range(2500)]
    found = members(
        tmp_path,
        [
            {
                "atomic_numbers": [8] * n,
                "cart_coords": np.full((n, 3), 0.001 * number),
                "forces": np.zeros((n, 3)),
            }
            for number, n in enumerate(sizes)
        ],
    )
    assert [m.frame_id for m in found] == [str(n) for n in range(2500)]
    assert len({m.geometry for m in found}) == 2500


@given(st.lists(st.lists(st.integers(1, 94), min_size=1, max_size=12), min_size=1, max_size=4))
@settings(deadline=None)
def test_compositions_are_reduced(cells):
    batch = Geometries(
        *([str(i) for i in range(len(cells))],) * 2,
        [None] * len(cells),
        np.zeros((len(cells), 3, 3)),
        np.cumsum([len(cell) for cell in cells]),
        np.concatenate(cells),
        np.zeros((sum(map(len, cells)), 3)),
    )
    for text, cell in zip(Compositions()(batch), cells, strict=True):
        expected = Composition.from_dict({})
        for z in cell:
            expected += Composition(SYMBOLS[z - 1])
        # diatomic gases are reduced to one atom here, to two by pymatgen
        reduced = Composition(text.replace(" ", ""))
        assert reduced.fractional_composition.almost_equals(expected.fractional_composition)
        counts = [int(n) for n in reduced.values()]
        assert np.gcd.reduce(counts) == 1
        assert elements(text) == {SYMBOLS[z - 1] for z in cell}
        assert chemical_system(text) == expected.chemical_system
