"""MatPES documents: labels, units, the order of the stress, and documents with faults."""

import dataclasses
import gzip
import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from rungs.config.bulk import MatPESJSON
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources import read_source

REFERENCES = "MatPES-{}-Element-Refs.json.gz"


def level(**options) -> Level:
    data = {"kind": "matpes_json", "train": ["x.json"]} | options
    return Level(label="r2SCAN", functional="r2SCAN", data=MatPESJSON.model_validate(data))


def matpes(frame: Frame, **fields) -> dict:
    structure = Structure(
        Lattice(frame.cell),
        frame.atomic_numbers,
        frame.cart_coords,
        coords_are_cartesian=True,
        site_properties=None if frame.magmoms is None else {"magmom": (-frame.magmoms).tolist()},
    )
    whole = {
        "structure": structure.as_dict(),
        "energy": frame.energy,
        "forces": frame.forces.tolist(),
        "stress": None if frame.stress is None else (-10 * frame.stress).tolist(),
        "matpes_id": frame.frame_id,
        "functional": frame.functional,
        "provenance": {"original_mp_id": frame.material_id},
    } | fields
    return {key: value for key, value in whole.items() if value is not ...}


@pytest.fixture
def read(tmp_path):
    def make(value, pack=False, **options):
        text = json.dumps(value).encode()
        (tmp_path / "x.json").write_bytes(gzip.compress(text) if pack else text)
        return list(read_source(level(**options), tmp_path, 0))

    return make


@pytest.fixture
def frame(two_atoms):
    return dataclasses.replace(two_atoms, functional="r2SCAN")


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("shape", [lambda d: [d], lambda d: {"Mg": d}])
def test_labels_units_and_signs(read, frame, same, pack, shape):
    """A list or an object by name, compressed or not under a plain name."""
    (found,) = read(shape(matpes(frame)), pack)
    same(found, frame)


def test_real_frames_come_back_equal(read, mptrj, same):
    found = read([matpes(frame) for frame in mptrj])
    for one, wanted in zip(found, mptrj, strict=True):
        assert one.functional == "r2SCAN"  # the level's, whatever the file calls it
        same(dataclasses.replace(one, functional=wanted.functional), wanted)


def test_ids_where_the_configuration_says(read, frame):
    document = matpes(frame, name="run-7")
    (found,) = read([document], frame_key="name", material_key=None)
    assert (found.frame_id, found.material_id) == ("run-7", "run-7")
    with pytest.raises(StudyError, match=r"none has 'provenance\.task_id', declared"):
        read([document], material_key="provenance.task_id")


def test_other_functionals_are_set_aside(read, frame):
    found = read([matpes(frame), matpes(frame, functional="PBE")], functional="r2SCAN")
    assert isinstance(found[0], Frame)
    assert found[1].kind == "other functional"
    assert "is of functional PBE, not r2SCAN" in found[1].reason


def test_bader_magmoms_and_none(read, frame):
    document = matpes(frame, bader_magmoms=[-0.4, 0.1])
    assert read([document], magmoms="bader")[0].magmoms.tolist() == [0.4, 0.1]
    assert read([document], magmoms=None)[0].magmoms is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"energy": "low"}, "cannot be read"),
        ({"matpes_id": ["a"]}, "a list stands where the id 'matpes_id' is expected"),
        ({"stress": "tension"}, "cannot be read"),
        ({"structure": {}}, "no lattice matrix"),
    ],
)
def test_a_bad_document_is_set_aside(read, frame, fields, words):
    good, bad = read([matpes(frame), matpes(frame, **fields)])
    assert isinstance(good, Frame)
    assert isinstance(bad, Rejected)
    assert words in bad.reason


@pytest.fixture
def elements(shared_data):
    """The elements' real calculations, by functional."""
    folder = shared_data / "matcalc_elemental_refs"
    if not folder.is_dir():
        pytest.skip(f"needs the elements' calculations in {folder}, absent here")
    return {
        functional: list(
            read_source(
                level(train=[REFERENCES.format(functional)], functional=functional), folder, 0
            )
        )
        for functional in ("PBE", "r2SCAN")
    }


def test_real_elements_make_63_pairs(elements):
    assert [len(frames) for frames in elements.values()] == [89, 89]
    pbe = {frame.frame_id: frame for frame in elements["PBE"]}
    pairs = [(pbe[f.frame_id], f) for f in elements["r2SCAN"] if f.frame_id in pbe]
    assert len(pairs) == 63
    for one, other in pairs:
        assert one.material_id == other.material_id
        assert one.atomic_numbers.tolist() == other.atomic_numbers.tolist()
        np.testing.assert_allclose(one.cart_coords, other.cart_coords, atol=1e-6)
        assert one.magmoms is not None


def test_real_stress_has_the_symmetry_of_the_structure(elements):
    """Which decides the order of its six numbers: read as xy, yz, zx, eight of 89 are off by more
    than 0.5 kbar."""
    vasp_order = [0, 1, 2, 4, 5, 3]
    faults = {"voigt": 0, "vasp": 0}
    for frame in elements["r2SCAN"]:
        structure = Structure(
            Lattice(frame.cell), frame.atomic_numbers, frame.cart_coords, coords_are_cartesian=True
        )
        operations = SpacegroupAnalyzer(structure, symprec=1e-3).get_point_group_operations(
            cartesian=True
        )
        for name, order in (("voigt", range(6)), ("vasp", vasp_order)):
            stress = np.empty((3, 3))
            places = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
            for (i, j), value in zip(places, frame.stress[list(order)], strict=True):
                stress[i, j] = stress[j, i] = value
            turned = [o.rotation_matrix @ stress @ o.rotation_matrix.T for o in operations]
            faults[name] += np.abs(np.mean(turned, axis=0) - stress).max() > 0.05  # GPa
    assert faults == {"voigt": 0, "vasp": 8}


def test_real_stress_has_the_sign_and_size_that_a_published_model_predicts(elements):
    """CHGNet 0.3.0 learned other PBE calculations: its stresses of these cells are independent."""
    from rungs.sources.labelling import Geometry, Labeller

    frames = elements["PBE"]
    labels = Labeller("0.3.0").label(
        [Geometry(f.cell, f.atomic_numbers, f.cart_coords) for f in frames]
    )
    predicted = np.array([label.stress[:3].mean() for label in labels])
    found = np.array([frame.stress[:3].mean() for frame in frames])
    assert np.corrcoef(predicted, found)[0, 1] > 0.85
    assert (predicted @ found) / (found @ found) == pytest.approx(1, abs=0.15)
