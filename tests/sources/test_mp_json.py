"""JSON nested by material: labels, units, signs, and documents with faults."""

import gzip
import json

import numpy as np
import pytest

from rungs.config.bulk import MaterialsJSON
from rungs.config.data import Level, Screening
from rungs.errors import StudyError
from rungs.frames.frame import Rejected
from rungs.frames.screening import ScreenedFrames
from rungs.sources import provenance, read_source


def level(**options) -> Level:
    data = {"kind": "mp_json", "train": ["x.json"]} | options
    return Level(label="GGA", functional="GGA", data=MaterialsJSON.model_validate(data))


@pytest.fixture
def read(tmp_path):
    """A function that writes an object (or text) as x.json and reads it as a source."""

    def make(value, pack=False, **options):
        text = value if isinstance(value, str) else json.dumps(value)
        (tmp_path / "x.json").write_bytes(gzip.compress(text.encode()) if pack else text.encode())
        return list(read_source(level(**options), tmp_path, 0))

    return make


def nested(frames, document):
    made = {}
    for frame in frames:
        made.setdefault(frame.material_id, {})[frame.frame_id] = document(frame)
    return made


@pytest.mark.parametrize("pack", [False, True])
def test_labels_units_and_signs(read, two_atoms, document, same, pack):
    (frame,) = read(nested([two_atoms], document), pack)
    same(frame, two_atoms, energy=two_atoms.energy - 0.2)
    assert frame.relaxed_energy == pytest.approx(two_atoms.energy / 2 - 0.11)


def test_uncorrected_energies(read, two_atoms, document, same):
    (frame,) = read(nested([two_atoms], document), energy="uncorrected")
    same(frame, two_atoms)
    assert frame.relaxed_energy is None


def test_real_frames_come_back_equal(read, mptrj, document, same):
    found = read(nested(mptrj, document), energy="uncorrected")
    wanted = {frame.frame_id: frame for frame in mptrj}
    assert len(found) == len(wanted)
    for frame in found:
        same(frame, wanted[frame.frame_id])


def test_r2scan_documents_have_one_energy_only(read, two_atoms, document, same):
    """As MP-r2SCAN has them: energy_per_atom is the uncorrected one."""
    fields = {"corrected_total_energy": ..., "e_per_atom_relaxed": ...}
    value = {"mp-1": {"mp-1-0-3": document(two_atoms, energy_per_atom=-6.0, **fields)}}
    same(*read(value, energy="uncorrected"), two_atoms)
    with pytest.raises(StudyError, match="has no 'corrected_total_energy'") as error:
        read(value)
    assert "uncorrected_total_energy, energy_per_atom" in str(error.value)
    assert "`energy: uncorrected`" in str(error.value)
    value["mp-1"]["mp-1-0-3"]["energy_per_atom"] = -6.1
    good = document(two_atoms, energy_per_atom=-6.0, **fields)
    (refused, _) = read({"mp-1": {**value["mp-1"], "b": good}}, energy="uncorrected")
    assert "energy_per_atom is -6.1 eV/atom" in refused.reason


def test_a_corrected_total_must_agree(read, two_atoms, document):
    bad = document(two_atoms, corrected_total_energy=-13.0)
    refused, _ = read({"mp-1": {"bad": bad, "good": document(two_atoms)}})
    assert "corrected_total_energy over 2 atoms is -6.5 eV/atom" in refused.reason


def test_bare_numbers_are_told_apart_by_their_material(read, two_atoms, document):
    one = document(two_atoms)
    frames = read({"mp-1": {"0": one, "1": one}, "mp-2": {"0": one}})
    assert [f.frame_id for f in frames] == ["mp-1:0", "mp-1:1", "mp-2:0"]
    assert [f.material_id for f in frames] == ["mp-1", "mp-1", "mp-2"]


SET_ASIDE = {
    "no structure": ({"structure": ...}, "has no 'structure'"),
    "ragged forces": ({"force": [[1, 2, 3], [4]]}, "cannot be read"),
    "stress of five": ({"stress": [1, 2, 3, 4, 5]}, "has 5 numbers, not 6 or 9"),
    "energy in words": ({"energy_per_atom": "low"}, "cannot be read"),
    "structure in words": ({"structure": "Si2"}, "no lattice matrix"),
    "magmoms in words": ({"magmom": ["up", "down"]}, "cannot be read"),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_a_bad_document_is_set_aside_and_the_others_kept(read, two_atoms, document, name):
    fields, words = SET_ASIDE[name]
    good = document(two_atoms)
    value = {"mp-1": {"a": good, "b": document(two_atoms, **fields), "c": good}}
    first, bad, last = read(value)
    assert (first.frame_id, last.frame_id) == ("a", "c")
    assert isinstance(bad, Rejected)
    assert bad.frame_id == "b"
    assert words in bad.reason


def test_partly_occupied_sites_are_set_aside(read, two_atoms, document):
    bad = document(two_atoms)
    bad["structure"]["sites"][0]["species"][0]["occu"] = 0.9
    refused, _ = read({"mp-1": {"a": bad, "b": document(two_atoms)}})
    assert "site 0 is occupied to 0.9 by Mg" in refused.reason


def test_what_is_no_object_and_what_is_no_json_is_set_aside(read, two_atoms, document):
    good = json.dumps(document(two_atoms))
    found = read(f'{{"m": {{"a": null, "b": {{"x": [1 2]}}, "c": {good}}}, "n": 5}}')
    assert [item.frame_id for item in found] == ["m.a", "m.b", "c", "n"]
    assert "null stands where an object is expected" in found[0].reason
    assert "no valid JSON" in found[1].reason
    assert isinstance(found[3], Rejected)


def test_null_stress_and_magmoms_are_not_labelled(read, two_atoms, document):
    value = {"m": {"a": document(two_atoms, stress=None, magmom=None)}}
    (frame,) = read(value)
    assert frame.stress is None
    assert frame.magmoms is None


def test_nan_and_repeated_ids_reach_the_door(read, two_atoms, document, tmp_path):
    good = json.dumps(document(two_atoms))
    nan = json.dumps(document(two_atoms, force=[[np.nan, 0, 0], [0, 0, 0]]))
    text = f'{{"m": {{"a": {good}, "b": {nan}, "a": {good}}}, "m": {{"c": {good}, "b": {good}}}}}'
    screened = ScreenedFrames(read(text), Screening(), tmp_path / "rejects.csv")
    assert [frame.frame_id for frame in screened] == ["a", "b", "c"]
    assert screened.counts == {"duplicate id": 2}
    assert screened.labels.not_finite == {"forces": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "holds no frames"),
        ('{"m": {}}', "holds no frames"),
        ("[{}]", "a list at its outside"),
        ('{"m": [{}]}', "a list at m"),
        ('{"m": {"f": {}}', "cut short"),
    ],
)
def test_files_of_another_kind_are_refused(read, text, words):
    with pytest.raises(StudyError, match=words):
        read(text)


def test_a_file_with_other_documents_is_refused_early(read):
    """Before millions of rejects have piled up: {name: document} as MatPES has it."""
    value = {f"id-{i}": {"energy": 1.0, "matpes_id": "x", "forces": []} for i in range(500)}
    with pytest.raises(StudyError, match=r"none of the first 200 documents .* kind mp_json"):
        read(value)


def test_a_field_that_all_lack_is_named_with_those_there_are(read, two_atoms, document):
    with pytest.raises(StudyError, match="has no 'force'") as error:
        read({"m": {str(i): document(two_atoms, force=..., f=[]) for i in range(3)}})
    assert "bandgap, mp_id, f" in str(error.value)
    assert "source.data.forces_key, which is null where documents have none" in str(error.value)


def test_a_published_test_part_is_marked(tmp_path, two_atoms, document):
    for name in ("x", "y"):
        value = {"m": {name: document(two_atoms)}}
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    frames = read_source(level(test=["y.json"]), tmp_path, 0)
    assert [(f.frame_id, f.given_part) for f in frames] == [("x", "train"), ("y", "test")]


def test_frames_come_one_by_one(tmp_path, two_atoms, document):
    """Nothing is read ahead but a block: damage at the end does not hide the first frame."""
    text = json.dumps({"m": {str(i): document(two_atoms) for i in range(2000)}})
    (tmp_path / "x.json").write_text(text[:-10])
    assert next(read_source(level(), tmp_path, 0)).frame_id == "m:0"


def test_provenance_has_the_digest_and_the_options(tmp_path):
    (tmp_path / "x.json").write_bytes(b"abc")
    found = provenance(level(), tmp_path, 0)
    assert found["files"][0]["sha256"].startswith("ba7816bf")
    assert found["kind"] == "mp_json"
    assert found["options"]["energy"] == "corrected"
    assert "orjson" in found["versions"]


def test_a_file_listed_twice_is_refused():
    with pytest.raises(ValueError, match=r"x\.json is listed more than once"):
        level(test=["x.json"])
