"""Wrong units and signs are found in the data themselves, and sound data pass."""

import dataclasses
from itertools import islice

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import GPa
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources import read_source
from rungs.sources.label_check import EXAMINED, check_labels, examine
from rungs.sources.label_check.alternatives import places
from rungs.sources.label_check.pairs import ALL_PARTNERS, nearby_pairs

HARTREE, KCAL, HARTREE_BOHR = 27.211386, 0.04336411, 51.422067


def copper(count, seed=0, strain=0.01, rattle=0.02, stress=True):
    """Frames of a copper cell with exact labels of an effective-medium potential."""
    random = np.random.default_rng(seed)
    made = []
    for index in range(count):
        atoms = bulk("Cu", cubic=True)
        deformation = random.normal(scale=strain, size=(3, 3))
        atoms.set_cell(
            atoms.cell @ (np.eye(3) + (deformation + deformation.T) / 2), scale_atoms=True
        )
        atoms.positions += random.normal(scale=rattle, size=(4, 3))
        atoms.calc = EMT()
        made.append(
            Frame(
                frame_id=str(index),
                material_id="Cu",
                functional="EMT",
                cell=atoms.cell.array,
                atomic_numbers=atoms.numbers,
                cart_coords=atoms.positions,
                energy=atoms.get_potential_energy(),
                forces=atoms.get_forces(),
                stress=atoms.get_stress() / GPa if stress else None,
            )
        )
    return made


@pytest.fixture(scope="module")
def strained():
    return copper(60)


def scaled(frames, energy=1.0, forces=1.0, stress=1.0):
    return [
        dataclasses.replace(
            frame,
            energy=frame.energy * energy,
            forces=frame.forces * forces,
            stress=None if frame.stress is None else frame.stress * stress,
        )
        for frame in frames
    ]


def test_sound_labels_have_a_slope_of_one(strained):
    forces, stress = examine(strained)
    assert forces.is_clear
    assert forces.slope == pytest.approx(1, abs=0.1)
    assert stress.is_clear
    assert stress.slope == pytest.approx(1, abs=0.1)
    assert "slope of energy against work" in str(stress)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"stress": -1}, "energies and stress .* sign looks like the other"),
        ({"stress": 10}, "kbar that is read as GPa"),
        ({"stress": 0.1}, "GPa that is read as kbar"),
        ({"stress": -10}, "kbar that is read as GPa with the other sign"),
        ({"stress": 1 / 160.2}, "eV/Å³ that is read as GPa"),
        ({"stress": 160.2}, "GPa that is read as eV/Å³"),
        ({"stress": 1 / 1602}, "eV/Å³ that is read as kbar"),
        ({"forces": -1}, "energies and forces .* sign looks like the other"),
        ({"forces": 1e-3}, "eV/Å that are read as meV/Å"),
        ({"forces": 1e3}, "meV/Å that are read as eV/Å"),
        ({"forces": HARTREE_BOHR}, "eV/Å that are read as Ha/Bohr"),
        ({"forces": 1 / HARTREE_BOHR}, "Ha/Bohr that are read as eV/Å"),
        ({"forces": KCAL}, "eV/Å that are read as kcal/mol/Å"),
        ({"energy": HARTREE}, "the energies are at fault"),
        ({"energy": 0.25}, "the energies are at fault"),  # per atom
        ({"energy": 4}, "the energies are at fault"),
        ({"energy": -1}, "the energies are at fault"),
    ],
)
def test_wrong_units_and_signs_are_refused_with_the_reason(strained, factors, words):
    with pytest.raises(StudyError, match=words) as error:
        check_labels(scaled(strained, **factors), "target")
    assert "target.data" in str(error.value)
    assert "check_labels: false" in str(error.value)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    strain=st.sampled_from([0.0, 0.002, 0.02, 0.05]),
    rattle=st.sampled_from([0.0, 0.003, 0.03, 0.12]),
    noise=st.sampled_from([0.0, 1e-4, 1e-3]),
)
def test_sound_labels_are_never_refused(seed, strain, rattle, noise):
    """However the frames are spread, and with energies that are known to 1 meV/atom only."""
    random = np.random.default_rng(seed)
    frames = [
        dataclasses.replace(f, energy=f.energy + noise * 4 * random.normal())
        for f in copper(30, seed, strain, rattle)
    ]
    assert all(finding.is_sound for finding in examine(frames))


def relaxation(share, noise, jitter, seed):
    """A model crystal that relaxes along one path of cell and positions, so that the works of
    stress and forces rise together and the energy is also a multiple of either."""
    random = np.random.default_rng(seed)
    stiffness, bulk_modulus, volume = 4.0, 0.5, 64.0  # eV/Å², eV/Å³, Å³
    for index in range(40):
        along = 0.08 * (1 - index / 40)
        edge = 4 * (1 + (along + jitter * random.normal()) * share / 3)
        strain = np.log(edge / 4)
        energy = 0.5 * stiffness * along**2 + 4.5 * bulk_modulus * volume * strain**2
        pressure = 3 * bulk_modulus * volume * strain / edge**3 / GPa
        yield Frame(
            frame_id=str(index),
            material_id="m",
            functional="model",
            cell=edge * np.eye(3),
            atomic_numbers=[12, 8],
            cart_coords=edge * np.array([[0, 0, 0], [0.5, 0.5, 0.5 + along / 4]]),
            energy=energy + noise * random.normal(),
            forces=[[0, 0, 0], [0, 0, -4 * stiffness * along / edge]],
            stress=[pressure] * 3 + [0] * 3,
        )


@pytest.mark.parametrize("share", [0.2, 0.35, 0.6])
@pytest.mark.parametrize("noise", [1e-4, 1e-3])
def test_a_single_relaxation_is_never_refused(share, noise):
    for jitter in (0, 1e-4, 1e-3, 3e-3):
        for seed in range(3):
            check_labels(relaxation(share, noise, jitter, seed), "source")


def test_forces_are_checked_where_there_is_no_stress():
    frames = copper(40, strain=0.0, stress=False)
    forces, stress = examine(frames)
    assert forces.slope == pytest.approx(1, abs=0.1)
    assert stress.slope is None
    with pytest.raises(StudyError, match="energies and forces"):
        check_labels(scaled(frames, forces=-1), "source")


def test_stress_is_checked_without_any_displacement():
    frames = copper(40, rattle=0.0)
    forces, stress = examine(frames)
    assert stress.slope == pytest.approx(1, abs=0.1)
    assert not forces.is_clear
    with pytest.raises(StudyError, match="energies and stress"):
        check_labels(scaled(frames, stress=-1), "source")


def test_the_same_atoms_in_another_cell_and_unlike_materials_say_nothing():
    far = [f for seed in range(30) for f in copper(1, seed, strain=0.4, rattle=0.5)]
    few = copper(5)
    mixed = [dataclasses.replace(f, atomic_numbers=[29, 29, 29, z]) for z, f in enumerate(far, 1)]
    for frames in (far, few, mixed, []):
        findings = examine(scaled(frames, stress=-1))
        assert all(not finding.is_clear for finding in findings)
        assert "not checkable" in str(findings[0])


def test_steps_over_the_edge_of_the_cell_are_short():
    frames = [
        dataclasses.replace(f, cart_coords=f.cart_coords + (f.cell[0] if i % 2 else 0))
        for i, f in enumerate(copper(60))
    ]
    assert examine(frames)[0].slope == pytest.approx(1, abs=0.1)


def test_unconverged_and_broken_frames_do_not_count(strained):
    unconverged = [dataclasses.replace(f, converged=False) for f in scaled(strained, stress=-1)]
    nan = [dataclasses.replace(f, energy=np.nan) for f in strained]
    flat = [dataclasses.replace(f, cell=np.zeros((3, 3))) for f in strained]
    short = [dataclasses.replace(f, forces=f.forces[:2]) for f in strained]
    findings = examine([*unconverged, *nan, *flat, *short])
    assert [finding.n_pairs for finding in findings] == [0, 0]


def test_all_items_come_back_in_their_order_and_only_the_first_are_held(strained):
    taken = []

    def endless():
        for number in range(10 * EXAMINED):
            taken.append(number)
            frame = dataclasses.replace(strained[0], frame_id=str(number))
            yield Rejected(str(number), "as a test") if number % 3 == 0 else frame

    _, items = check_labels(endless(), "source")
    assert len(taken) == EXAMINED
    ids = [item.frame_id for item in islice(items, EXAMINED + 10)]
    assert ids == [str(number) for number in range(EXAMINED + 10)]


REAL = {
    "kind": "extended_xyz",
    **{"energy_key": "energy", "energy_unit": "eV", "forces_key": "forces", "forces_unit": "eV/Å"},
    **{"stress_key": "stress", "stress_unit": "eV/Å³", "stress_sign": "tension_positive"},
}


def real(shared_data, name, **changes):
    options = REAL | {"train": [f"{name}_training.extxyz"]} | changes
    level = Level.model_validate({"label": "PBE", "functional": "PBE", "data": options})
    return read_source(level, shared_data / "mlearn_extxyz", 0)


@pytest.mark.parametrize("name", ["Si", "Ge", "Mo", "Ni", "Cu", "Li"])
def test_real_calculations_pass_and_their_stress_is_checked(shared_data, name):
    checked, _ = check_labels(real(shared_data, name), "source")
    findings = checked.findings
    assert findings[1].is_clear
    assert 0.9 < findings[1].slope < 1.2


@pytest.mark.parametrize("name", ["Si", "Mo"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stress_sign": "compression_positive"}, "sign looks like the other"),
        ({"stress_unit": "GPa"}, "eV/Å³ that is read as GPa"),
        ({"stress_unit": "kbar"}, "eV/Å³ that is read as kbar"),
        ({"energy_unit": "eV/atom"}, "energies are at fault"),
        ({"energy_unit": "Ha"}, "energies are at fault"),
        ({"forces_unit": "meV/Å"}, "read as meV/Å"),
        ({"energy_unit": "kcal/mol", "forces_unit": "kcal/mol/Å"}, "energies and stress"),
    ],
)
def test_real_calculations_with_a_wrong_declaration_are_refused(shared_data, name, changes, words):
    with pytest.raises(StudyError, match=words):
        check_labels(real(shared_data, name, **changes), "source")


def test_unrelated_real_frames_are_not_judged(mptrj):
    checked, _ = check_labels(scaled(mptrj, stress=-1), "source", ask=False)
    assert all(not finding.is_clear for finding in checked.findings)


@pytest.mark.parametrize("labels", ["0.3.0", "r2scan"])
def test_the_built_in_crystals_pass(labels):
    data = {"kind": "crystals", "labels": labels, "n_crystals": 20, "frames_per_crystal": 6}
    level = Level.model_validate({"label": "a", "functional": "a", "data": data})
    checked, _ = check_labels(read_source(level, "", 0), "source")
    assert checked.findings[1].is_clear
    assert checked.warnings == []


SIX = "xx yy zz xy yz zx"


@pytest.mark.parametrize("factor", [1, -10])
def test_six_numbers_in_the_order_of_vasp_are_refused_by_its_name(factor):
    """Read as xx, yy, zz, yz, xz, xy: diagonal components fit, so that no slope is clear."""
    inverse = np.argsort(places(SIX))
    frames = [
        dataclasses.replace(f, stress=factor * f.stress[inverse]) for f in copper(80, 1, 0.03)
    ]
    with pytest.raises(StudyError, match=rf"six numbers look like the order {SIX} \(VASP's\)"):
        check_labels(frames, "source", ask=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"order": SIX}, rf"six numbers look like the order {SIX} \(VASP's\).*\(stress_order\)"),
        ({"stress": -1}, "energies and stress do not belong together.*sign looks like the other"),
        ({"stress": 10}, "a stress in kbar that is read as GPa"),
        ({"forces": -1}, "energies and forces do not belong together.*sign looks like the other"),
        ({"energy": 0.25}, "energies"),
    ],
)
def test_small_sets_of_a_pair_potential(shared_cases, changes, words):
    """Forty-eight frames, few of whose pairs are told by one kind of work alone."""
    path = shared_cases / "27_magmoms_some" / "study.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8").replace("CASES", str(shared_cases)))
    level = Level.model_validate(values["source"])
    frames = list(read_source(level, values["data_folder"], 0))
    if "order" in changes:
        inverse = np.argsort(places(changes["order"]))
        frames = [dataclasses.replace(f, stress=f.stress[inverse]) for f in frames]
    else:
        frames = scaled(frames, **changes)
    if words is None:
        checked, _ = check_labels(frames, "target", ask=False)
        assert checked.warnings == []
    else:
        with pytest.raises(StudyError, match=words):
            check_labels(frames, "target", ask=False)


def test_many_pairs_that_do_not_agree_are_said_at_the_terminal(strained):
    """Labels of other frames: no reading makes them agree."""
    forces = [f.forces for f in strained]
    stresses = [f.stress for f in strained]
    shuffled = [
        dataclasses.replace(f, forces=forces[i - 7], stress=stresses[i - 7])
        for i, f in enumerate(strained)
    ]
    checked, _ = check_labels(shuffled, "target", ask=False)
    (warning,) = checked.warnings
    assert "target.data: nothing puts unit and sign of the energies, forces and stress" in warning
    assert "nearby frames do not agree with each other (" in warning
    assert (
        "pairs for the stress), and no order, unit or sign that was tried would make them"
        in warning
    )


def test_energies_without_forces_say_so():
    bare = [dataclasses.replace(f, forces=None, stress=None) for f in copper(30)]
    checked, _ = check_labels(bare, "target", ask=False)
    (warning,) = checked.warnings
    assert "unit and sign of the energies to the test" in warning
    assert "there are no forces that energies could be held against" in warning


def test_stress_is_checked_without_forces_where_atoms_do_not_move():
    frames = [dataclasses.replace(f, forces=None) for f in copper(40, rattle=0.0)]
    assert examine(frames)[1].slope == pytest.approx(1, abs=0.1)
    with pytest.raises(StudyError, match="energies and stress"):
        check_labels(scaled_stress(frames, -1), "source", ask=False)


def scaled_stress(frames, factor):
    return [dataclasses.replace(f, stress=f.stress * factor) for f in frames]


def test_forces_without_energies_are_said_to_be_untested():
    frames = [dataclasses.replace(f, energy=None) for f in copper(30)]
    checked, items = check_labels(frames, "source", ask=False)
    assert "unit and sign of the forces and stress to the test" in checked.warnings[0]
    assert list(items) == frames


def test_neighbours_far_apart_in_the_file_are_found():
    """Ten structures, of which each comes again a little changed after all the others."""
    frames = copper(10, seed=2, strain=0.04) * 1
    again = [
        dataclasses.replace(f, frame_id=f"{i}")
        for seed in range(5)
        for i, f in enumerate(copper(10, seed=seed, strain=0.04, rattle=0.05))
    ]
    assert len(nearby_pairs(frames + again, ALL_PARTNERS)) > 4 * len(nearby_pairs(frames + again))
