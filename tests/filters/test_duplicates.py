"""Near-duplicates: by energy, by structure, looser where many frames are kept."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from rungs.config.filters import NearDuplicates
from rungs.filters.duplicates import _Comparison, _Structure, without_near_duplicates
from rungs.frames.frame import Frame


def kept(frames, **options):
    out = without_near_duplicates(frames, NearDuplicates.model_validate(options))
    return [item.frame_id for item in out if isinstance(item, Frame)]


def test_close_in_energy_and_structure(frame):
    caesium_chloride = {"cell": 2.6 * np.eye(3), "cart_coords": [[0, 0, 0], [1.3, 1.3, 1.3]]}
    frames = [
        frame(0, -5.0),
        frame(1, -5.0019),  # 1.9 meV/atom away
        frame(2, -5.0021),
        frame(3, -5.0001, **caesium_chloride),  # same energy, another structure
        frame(4, -5.0002, **caesium_chloride),
        frame(5, -5.0001, atomic_numbers=[12, 9]),  # another composition
    ]
    assert kept(frames) == ["MgO-0", "MgO-2", "MgO-3", "MgO-5"]
    assert kept(frames, structures=False) == ["MgO-0", "MgO-2"]
    assert kept(frames, energy=0.003) == ["MgO-0", "MgO-3", "MgO-5"]


def test_the_reason_names_frame_and_numbers(frame):
    _, refused = without_near_duplicates([frame(0, -5.0), frame(1, -4.9985)], NearDuplicates())
    assert refused.kind == "near_duplicates"
    assert refused.reason == (
        "differs from the kept frame MgO-0 by 1.5 meV/atom, less than 2 meV/atom with 1 frames of "
        "the material kept, and has a matching structure"
    )


def test_tolerance_grows_with_the_frames_kept(frame):
    options = NearDuplicates()
    assert [options.tolerance(n) for n in (0, 10, 11, 30, 31, 50, 51, 999)] == [
        *(0.002, 0.002, 0.005, 0.005, 0.010, 0.010, 0.020, 0.020)
    ]
    # 3 meV/atom apart: beyond 2, within 5
    frames = [frame(i, -5 + 0.003 * i) for i in range(30)]
    assert kept(frames) == [f"MgO-{i}" for i in (*range(11), 12, 14, 16, 18, 20, 22, 24, 26, 28)]
    assert kept(frames, looser=[]) == [f"MgO-{i}" for i in range(30)]


def test_a_volume_scan_is_kept_where_volumes_are_compared(frame):
    small, large = (frame(i, -4.9, cell=frame().cell * a) for i, a in enumerate((0.95, 1.05)))
    assert kept([small, large]) == ["MgO-0"]
    assert kept([small, large], scale=False, length_tolerance=0.05) == ["MgO-0", "MgO-1"]


def test_another_choice_of_cell_is_found(frame):
    """Not atom by atom, but by StructureMatcher."""
    primitive = frame(0)
    cubic = Structure.from_spacegroup(
        "Fm-3m", 4.2 * np.eye(3), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    conventional = frame(
        1,
        cell=cubic.lattice.matrix,
        atomic_numbers=cubic.atomic_numbers,
        cart_coords=cubic.cart_coords,
        forces=np.zeros((8, 3)),
    )
    assert kept([primitive, conventional]) == ["MgO-0"]


def test_the_slow_comparison_is_the_last_resort(frame, monkeypatch):
    """Atoms that hardly moved, and other compositions, are told apart without StructureMatcher."""

    def fail(*_):
        raise AssertionError("StructureMatcher was asked")

    monkeypatch.setattr(_Comparison, "_match", fail)
    moved = frame(1, cart_coords=[[4.2, 0, 0.1], [2.1, 2.2, 2.1]])
    assert kept([frame(0), moved, frame(2, atomic_numbers=[12, 9])]) == ["MgO-0", "MgO-2"]


coordinate = st.floats(-1, 1)
small_matrix = st.lists(coordinate, min_size=9, max_size=9).map(lambda v: np.reshape(v, (3, 3)))


@given(
    strain=small_matrix,
    moves=st.lists(small_matrix, min_size=2, max_size=2),
    width=st.sampled_from([0.02, 0.1, 0.3, 0.6, 1.0]),
    scale=st.booleans(),
)
@settings(deadline=None, max_examples=80)
def test_alike_atom_by_atom_is_alike_to_pymatgen(strain, moves, width, scale):
    """The short cut never says yes where StructureMatcher would say no."""
    cell = np.diag([4.0, 4.4, 5.0])
    numbers = [22, 8, 8, 8, 56, 22]
    places = np.array([[0, 0, 0], [2, 2.2, 0], [2, 0, 2.5], [0, 2.2, 2.5], [2, 2, 2.6], [1, 1, 4]])
    a = Frame(
        "a", "m", "f", cell, numbers, places + width * np.vstack(moves), 0.0, np.zeros((6, 3))
    )
    b = dataclasses.replace(a, cell=cell @ (np.eye(3) + 0.03 * strain), cart_coords=places)
    compare = _Comparison(NearDuplicates(scale=scale))
    alike = compare._atom_by_atom(_Structure(a), _Structure(b))
    event(f"moved by up to {width} Å: {'alike' if alike else 'not seen'}")
    if not alike:
        return
    matcher = StructureMatcher(primitive_cell=False, scale=scale)
    assert matcher.fit(*(Structure(f.cell, numbers, _Structure(f).fractional) for f in (a, b)))


@given(st.lists(st.integers(0, 60), max_size=40))
@settings(deadline=None, max_examples=60)
def test_what_is_kept_differs_and_what_is_removed_does_not(steps):
    """By energy alone: every removed frame is within the largest tolerance of a kept one, and no
    two kept frames are within the smallest."""
    base = Frame("x", "m", "f", 4 * np.eye(3), [3], np.zeros((1, 3)), 0.0, np.zeros((1, 3)))
    frames = [
        dataclasses.replace(base, frame_id=str(i), energy=step / 1000)
        for i, step in enumerate(steps)
    ]
    names = set(kept(frames, structures=False))
    energies = sorted(f.energy for f in frames if f.frame_id in names)
    assert all(b - a > 0.002 - 1e-9 for a, b in itertools.pairwise(energies))
    for one in frames:
        assert one.frame_id in names or min(abs(one.energy - e) for e in energies) < 0.005 + 1e-9


@pytest.mark.parametrize("field", ["energy", "beyond"])
def test_tolerances_that_do_not_rise_are_refused(field):
    step = {"beyond": 10, "energy": 0.005}
    bad = [step, step | {"beyond": 20, "energy": 0.004} if field == "energy" else step]
    with pytest.raises(ValueError, match="looser must rise"):
        NearDuplicates.model_validate({"looser": bad})
