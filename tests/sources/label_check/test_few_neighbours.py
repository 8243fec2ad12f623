"""Sources whose frames are hardly near each other: what is caught, and what is said."""

import dataclasses

import numpy as np
import pytest

from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.sources import read_source
from rungs.sources.label_check import check_labels
from rungs.sources.label_check.alternatives import VASP, places
from rungs.sources.label_check.check import _distances
from rungs.sources.label_check.units import HARTREE, HARTREE_BOHR, KCAL
from rungs.sources.label_check.witness import ask_network


def changed(frames, energy=1.0, forces=1.0, stress=1.0, per_atom=0, order=None):
    """The frames with labels as a wrong declaration leaves them."""
    for frame in frames:
        read = frame.stress
        if read is not None:
            read = stress * (read[np.argsort(places(order))] if order else read)
        yield dataclasses.replace(
            frame,
            energy=frame.energy * energy * frame.n_atoms**per_atom,
            forces=frame.forces * forces,
            stress=read,
        )


@pytest.fixture(scope="module")
def read(shared_data):
    """A function that reads real frames once."""
    known = {}

    def frames(folder, name, stress=True):
        if name not in known:
            path = shared_data / folder
            if not path.is_dir():
                pytest.skip(f"needs the frames in {path}, absent here")
            data = {"kind": "extended_xyz", "train": [name], "stress_key": None}
            data |= {"energy_key": "energy", "energy_unit": "eV"}
            data |= {"forces_key": "forces", "forces_unit": "eV/Å"}
            if stress:
                data |= {"stress_key": "stress", "stress_unit": "eV/Å³"}
                data |= {"stress_sign": "tension_positive"}
            level = Level.model_validate({"label": "a", "functional": "PBE", "data": data})
            known[name] = list(read_source(level, path, 0))
        return known[name]

    return frames


WRONG = {
    "per atom": ({"per_atom": -1}, "energies per atom that are read as totals"),
    "totals": ({"per_atom": 1}, "totals that are read as energies per atom"),
    "Ha": ({"energy": 1 / HARTREE}, "the energies correlate by .* in Ha that are read as eV"),
    "flipped energies": ({"energy": -1}, r"the energies correlate by -0\.7.* the sign looks"),
    "flipped forces": ({"forces": -1}, r"the forces correlate by -0\.9.* the sign looks like"),
    "meV": ({"forces": 1e3}, "forces in meV/Å that are read as eV/Å"),
    "Ha/Bohr": ({"forces": 1 / HARTREE_BOHR}, "forces in Ha/Bohr that are read as eV/Å"),
    "kcal": ({"forces": 1 / KCAL}, "forces in kcal/mol/Å that are read as eV/Å"),
    "flipped stress": ({"stress": -1}, r"the stress correlates by -0\.9.* the sign looks like"),
    "kbar": ({"stress": -10}, "a stress in kbar that is read as GPa with the other sign"),
    "GPa": ({"stress": 0.1}, "a stress in GPa that is read as kbar"),
    "eV/Å³": ({"stress": 1 / 160.2}, "a stress in eV/Å³ that is read as GPa"),
}


@pytest.mark.parametrize("name", WRONG)
def test_unrelated_real_frames_in_a_wrong_declaration_are_refused(mptrj, name):
    """MPtrj over the whole periodic table: two pairs of nearby frames among a thousand."""
    factors, words = WRONG[name]
    with pytest.raises(StudyError, match=words) as error:
        check_labels(changed(mptrj, **factors), "target")
    assert "check_labels: false" in str(error.value)


def test_unrelated_real_frames_pass(mptrj):
    checked, _ = check_labels(iter(mptrj), "target")
    assert checked.warnings == []
    assert any(line.startswith("stress: correlation with") for line in checked.lines)


def test_without_the_network_it_is_said_that_nothing_tests_them(mptrj):
    checked, _ = check_labels(changed(mptrj, stress=-1), "target", ask=False)
    (warning,) = checked.warnings
    assert warning.startswith(
        "target.data: nothing puts unit and sign of the energies, forces and stress to the test: "
    )
    assert "pairs of frames are near each other, and 20 that tell are needed" in warning


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({}, None),
        ({"stress": -1}, r"the stress correlates by -0\.9"),
        ({"stress": 10}, "kbar that is read as GPa"),
        ({"forces": -1}, "energies and forces do not belong together"),
        ({"per_atom": -1}, "do not belong together|energies per atom that are read as totals"),
    ],
)
def test_distorted_crystals(read, factors, words):
    frames = read("ag_au_pbe", "target_Au.xyz")
    if words is None:
        checked, _ = check_labels(iter(frames), "source")
        assert checked.warnings == []
    else:
        with pytest.raises(StudyError, match=words):
            check_labels(changed(frames, **factors), "source")


def test_the_order_of_the_stress_of_distorted_crystals(read):
    """No pair of frames tells; the network does, and so it is a warning."""
    frames = read("ag_au_pbe", "source_Ag.xyz")
    checked, _ = check_labels(changed(frames, order=VASP), "source")
    (warning,) = checked.warnings
    assert f"as if its components stood in the order {VASP}" in warning


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({}, None),
        ({"forces": -1}, r"the forces correlate by -0\.9"),
        ({"per_atom": -1}, "energies per atom that are read as totals"),
        ({"per_atom": 1}, "totals that are read as energies per atom"),
    ],
)
def test_salt_water_without_a_pair(read, factors, words):
    frames = read("nacl_water", "target_r2SCAN.xyz", stress=False)
    if words is None:
        checked, _ = check_labels(iter(frames), "source")
        (warning,) = checked.warnings
        assert "nothing puts unit and sign of the energies to the test: 0 pairs" in warning
    else:
        with pytest.raises(StudyError, match=words):
            check_labels(changed(frames, **factors), "source")


@pytest.mark.parametrize("functional", ["PBE", "r2SCAN"])
def test_calculations_of_the_elements_are_not_refused(shared_data, functional):
    folder = shared_data / "matcalc_elemental_refs"
    if not folder.is_dir():
        pytest.skip(f"needs the documents in {folder}, absent here")
    data = {"kind": "matpes_json", "train": [f"MatPES-{functional}-Element-Refs.json.gz"]}
    level = Level.model_validate({"label": "a", "functional": functional, "data": data})
    checked, items = check_labels(read_source(level, folder, 0), "source")
    assert "nothing puts unit and sign of the energies" in checked.warnings[0]
    assert sum(isinstance(item, Frame) for item in items) == 89


def test_exchanged_shears_of_published_frames_are_noticed(read):
    """The stresses of this set have yz and xz exchanged, which no pair of frames tells."""
    frames = read("mlearn_extxyz", "Ni_training.extxyz")
    sheared = [f for f in frames if np.abs(f.stress[3:]).max() > 0.5]
    found = ask_network(sheared, _distances(sheared)).stress_order
    assert found.order == "xx yy zz xz yz xy"
    assert found.correlation > 0.95
