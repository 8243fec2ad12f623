"""Energies are judged by their distance from what their compositions let expect."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import Screening
from rungs.frames.energy_fit import EnergyFit
from rungs.frames.frame import Frame, Rejected
from rungs.frames.screening import ScreenedFrames
from rungs.frames.spool import Spool

ALL_ELECTRON = {29: -45_000.0, 47: -144_000.0, 79: -535_650.0, 8: -2_040.0, 1: -13.6}


def fit_of(numbers, energies):
    fit = EnergyFit()
    for z, energy in zip(numbers, energies, strict=True):
        fit.add(np.array(z), energy)
    return fit.distances()


def drawn(count, seed=0, elements=ALL_ELECTRON, noise=1.0):
    """Frames of several sizes and compositions, with exact sums and noise in eV/atom."""
    random = np.random.default_rng(seed)
    numbers = [
        random.choice(list(elements), size=random.integers(1, 20)).tolist() for _ in range(count)
    ]
    scatter = random.normal(scale=noise, size=count)
    energies = [
        sum(elements[z] for z in zs) + shift * len(zs)
        for zs, shift in zip(numbers, scatter, strict=True)
    ]
    return numbers, np.array(energies), scatter


def test_large_energies_are_no_fault():
    numbers, energies, scatter = drawn(300)
    found = fit_of(numbers, energies)
    assert np.abs(found - scatter).max() < 1.0
    assert np.abs(found).max() < 6


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    share=st.floats(0.0, 0.3),
    size=st.sampled_from([60.0, 1e3, 1e6, 1e12]),
    sign=st.sampled_from([-1, 1]),
)
def test_up_to_a_third_of_broken_energies_move_the_fit_little(seed, share, size, sign):
    numbers, energies, _ = drawn(200, seed)
    broken = np.random.default_rng(seed).permutation(200)[: int(200 * share)]
    energies = energies.copy()
    energies[broken] += sign * size * np.array([len(numbers[i]) for i in broken])
    far = np.flatnonzero(np.abs(fit_of(numbers, energies)) > 50)
    assert set(far) == set(broken)


def test_compositions_that_do_not_determine_the_elements_do():
    """Salt water: as much sodium as chlorine, twice as much hydrogen as oxygen."""
    random = np.random.default_rng(1)
    numbers, energies = [], []
    for salt in random.integers(1, 9, size=60):
        water = 60 - salt
        numbers.append([11, 17] * salt + [1, 1, 8] * water)
        energies.append(salt * -1695.7 + water * -469.4 + random.normal())
    energies[7] += 60.0 * len(numbers[7])
    found = fit_of(numbers, energies)
    assert np.flatnonzero(np.abs(found) > 50).tolist() == [7]
    assert np.abs(np.delete(found, 7)).max() < 0.1


def test_few_frames():
    assert fit_of([], []).tolist() == []
    assert fit_of([[79]], [-535_650.0]).tolist() == [0.0]
    # each with an element of its own: nothing can be said
    assert np.abs(fit_of([[1], [8], [79]], [-13.0, -2_040.0, -535_650.0])).max() < 1e-6
    found = fit_of([[79]] * 3, [-535_650.0, -535_649.0, -3.2])
    assert np.flatnonzero(np.abs(found) > 50).tolist() == [2]


def test_the_largest_numbers_there_are():
    found = fit_of([[79]] * 5, [-3.0, -3.1, -3.2, 1e308, -1e308])
    assert np.flatnonzero(np.abs(found) > 50).tolist() == [3, 4]


def gold(number, energy=-535_650.0, **fields):
    return Frame(
        frame_id=f"gold:{number}",
        material_id="gold",
        functional="all-electron",
        cell=2.9 * np.eye(3),
        atomic_numbers=[79],
        cart_coords=[[0, 0, 0]],
        energy=energy,
        **fields,
    )


def test_outliers_are_refused_by_name_with_distance_and_limit(tmp_path):
    items = [gold(i, -535_650.0 - 0.1 * i) for i in range(8)]
    items[3:3] = [Rejected("x", "cut short"), gold(9, -19_000.0)]
    screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
    assert [frame.frame_id for frame in screened] == [f"gold:{i}" for i in range(8)]
    assert [reject.frame_id for reject in screened.rejects] == ["x", "gold:9"]
    assert screened.counts == {"unreadable": 1, "energy": 1}
    assert screened.rejects[1].reason == (
        "energy is -19000 eV/atom, 516650 eV/atom above what the other frames let expect of its "
        "composition, beyond screening.max_energy_distance = 50 eV/atom"
    )


def test_the_limit_is_the_configurations(tmp_path):
    items = [gold(i) for i in range(5)] + [gold(9, -535_641.0)]
    for limit, passed in ((10.0, 6), (8.0, 5)):
        limits = Screening(max_energy_distance=limit)
        assert len(list(ScreenedFrames(items, limits, tmp_path / "rejects.csv"))) == passed


def test_frames_without_an_energy_are_not_judged(tmp_path):
    bare = gold(7, None, forces=np.zeros((1, 3)))
    nan = gold(8, np.nan, forces=np.zeros((1, 3)))
    items = [gold(0), bare, gold(1), nan, gold(2, -1.0), gold(3)]
    screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
    assert [frame.frame_id for frame in screened] == [f"gold:{i}" for i in (0, 7, 1, 8, 3)]
    assert screened.counts == {"energy": 1}


def test_many_frames_wait_on_disk_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("rungs.frames.spool._IN_MEMORY", 1000)
    items = [dataclasses.replace(gold(i), group=f"number {i}") for i in range(200)]
    screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
    assert [frame.group for frame in screened] == [f"number {i}" for i in range(200)]
    assert [path.name for path in tmp_path.iterdir()] == ["rejects.csv"]


def test_what_was_put_aside_is_found_again_in_any_order(tmp_path):
    with Spool(tmp_path) as spool:
        places = [spool.add({"number": i}) for i in range(5)]
        assert [item["number"] for item in spool.items()] == list(range(5))
        assert [spool.at(places[i])["number"] for i in (3, 0, 4)] == [3, 0, 4]
        assert [item["number"] for item in spool.items()] == list(range(5))


@pytest.mark.parametrize(
    ("folder", "names", "n_frames", "largest"),
    [
        ("mptrj_random_1k", ["mptrj-random-1k.xyz"], 1000, 6.0),
        ("mlearn_extxyz", ["Mo_training.extxyz", "Li_training.extxyz"], 435, 1.5),
        ("nacl_water", ["source_revPBE0-D3.xyz"], 647, 0.1),
        ("nacl_water", ["source_revPBE0-D3.xyz", "target_r2SCAN.xyz"], 985, 1.0),
        ("ag_au_pbe", ["source_Ag.xyz", "target_Au.xyz"], 1276, 1.0),
    ],
)
def test_real_energies_lie_far_within_the_limit(shared_data, folder, names, n_frames, largest):
    """Salt water of CP2K among them, at -850 eV an atom of chlorine."""
    from ase.io import iread

    if not (shared_data / folder).is_dir():
        pytest.skip(f"needs the frames in {shared_data / folder}, absent here")
    fit = EnergyFit()
    for name in names:
        for atoms in iread(shared_data / folder / name, format="extxyz"):
            fit.add(atoms.numbers, atoms.get_potential_energy())
    assert len(fit) == n_frames
    assert np.abs(fit.distances()).max() < largest
