"""Frames of classical molecular dynamics: runs, parts, phases and labels."""

import numpy as np
import pytest

from rungs.classical import calculator
from rungs.config.data import Level, Screening
from rungs.frames.faults import judge
from rungs.frames.frame import Frame, Rejected
from rungs.sources import provenance, read_source
from rungs.sources.label_check import examine

SHORT = {
    "kind": "classical_md",
    "potential": "stillinger_weber",
    "element": "Ge",
    "repeats": 1,
    "solid": {"temperatures": [300, 600]},
    "runs": 2,
    "test_runs": 1,
    "frames_per_run": 4,
    "interval": 0.02,
    "equilibration": 0.1,
}


def level(**options) -> Level:
    return Level.model_validate({"label": "germanium", "functional": "SW", "data": SHORT | options})


def frames(seed=0, **options) -> list[Frame | Rejected]:
    return list(read_source(level(**options), ".", seed))


@pytest.fixture(scope="module")
def short() -> list[Frame]:
    return frames()


def test_every_condition_has_its_runs_with_test_runs_of_their_own(short):
    assert len(short) == 2 * 3 * 4
    assert [f.frame_id for f in short[:5]] == [
        *(f"Ge-solid-300K-0-00{i}" for i in range(4)),
        "Ge-solid-300K-1-000",
    ]
    assert {f.material_id: f.given_part for f in short} == {
        f"Ge-solid-{t}K-{run}": "test" if run == 2 else "train"
        for t in (300, 600)
        for run in range(3)
    }
    assert {(f.group, f.temperature) for f in short} == {("solid", 300.0), ("solid", 600.0)}
    assert {f.functional for f in short} == {"SW"}


def test_labels_are_those_of_the_potential_and_pass_the_door(short):
    from ase import Atoms
    from ase.units import GPa

    frame = short[7]
    atoms = Atoms(frame.atomic_numbers, frame.cart_coords, cell=frame.cell, pbc=True)
    atoms.calc = calculator("stillinger_weber", "Ge")
    assert frame.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    assert frame.forces == pytest.approx(atoms.get_forces(), abs=1e-10)
    assert frame.stress == pytest.approx(atoms.get_stress() / GPa, abs=1e-8)
    assert all(judge(f, Screening()) is None for f in short)
    forces, _ = examine(short)
    assert forces.slope == pytest.approx(1, abs=0.05)
    assert forces.is_sound


def test_cells_differ_between_runs_only(short):
    cells = {}
    for f in short:
        cells.setdefault(f.material_id, set()).add(f.cell.tobytes())
    assert all(len(of_run) == 1 for of_run in cells.values())
    assert len(set.union(*cells.values())) == len(cells)
    strains = np.array([f.cell / 5.6537 - np.eye(3) for f in short[::4]])
    assert 0.003 < strains[:, *np.triu_indices(3)].std() < 0.03
    unstrained = frames(strain=0, runs=1, test_runs=0, solid={"temperatures": [300]})
    assert unstrained[0].cell == pytest.approx(5.6537 * np.eye(3), abs=1e-3)


def test_the_same_seed_gives_the_same_frames_and_more_runs_leave_them(short):
    again = frames(runs=3, solid={"temperatures": [600, 900]}, test_runs=0)
    kept = {f.frame_id: f for f in again}
    for f in short:
        if f.temperature == 600:
            assert (kept[f.frame_id].cart_coords == f.cart_coords).all()
            assert kept[f.frame_id].energy == f.energy
    other = frames(seed=1, runs=1, test_runs=0, solid={"temperatures": [600]})
    assert not np.allclose(other[0].cart_coords, kept[other[0].frame_id].cart_coords)


def test_without_test_runs_no_division_is_given():
    found = frames(test_runs=0, runs=1, solid={"temperatures": [300]})
    assert {f.given_part for f in found} == {None}


def test_a_liquid_has_left_its_sites_and_is_inside_its_cell():
    liquid = {"temperatures": [2000], "volume": 0.95, "melt_temperature": 6000, "melt_duration": 1}
    found = frames(element="Si", solid=None, liquid=liquid, runs=1, test_runs=0)
    assert {f.group for f in found} == {"liquid"}
    crystal_energy = -4.3366 * 8
    assert all(f.energy > crystal_energy + 8 * 0.3 for f in found)
    fractional = np.concatenate([f.cart_coords @ np.linalg.inv(f.cell) for f in found])
    assert fractional.min() > -1e-9
    assert fractional.max() < 1 + 1e-9


def test_runs_that_are_not_the_wanted_phase_are_rejected_as_a_whole():
    found = frames(element="Si", solid={"temperatures": [8000]}, runs=1, equilibration=1.0)
    assert [type(f) for f in found] == [Rejected] * 8
    assert {f.kind for f in found} == {"another phase"}
    assert found[0].frame_id == "Si-solid-8000K-0-000"
    assert "run Si-solid-8000K-0: the crystal melted at 8000 K" in found[0].reason


def test_runs_that_blow_up_are_rejected():
    found = frames(timestep=40.0, interval=4.0, runs=1, test_runs=0, relaxation_time=1.0)
    assert {f.kind for f in found} == {"unstable"}
    assert "use a shorter timestep than 40 fs" in found[0].reason


def test_provenance_names_the_potential():
    origin = provenance(level(), ".", 3)
    assert origin["labels"] == (
        "stillinger_weber, K. Ding and H. C. Andersen, Phys. Rev. B 34, 6987 (1986)"
    )
    assert origin["seed"] == 3
    assert origin["options"]["solid"]["temperatures"] == [300, 600]
    assert set(origin["versions"]) == {"ase", "matscipy", "numpy"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"solid": None}, "give the section `solid`, `liquid`, or both"),
        ({"solid": {"temperatures": [300, 300]}}, "300 K is listed twice"),
        ({"liquid": {"temperatures": [2000], "melt_temperature": 1900}}, "must be above all"),
        ({"interval": 0.001}, "shorter than a timestep"),
        ({"element": "Fe"}, "no parameters for Fe are built in"),
    ],
)
def test_options_that_do_not_fit_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        level(**options)
