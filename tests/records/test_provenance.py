"""What made a study, from the records of its jobs."""

import json
import tomllib

import pytest
from packaging.requirements import Requirement

from rungs.config.loading import read_study
from rungs.errors import StudyError
from rungs.frames.table import FrameWriter
from rungs.records.provenance import PACKAGES, gather_provenance, write_provenance

RECORD = {
    "started": "2026-01-02T00:00:00+00:00",
    "finished": "2026-01-02T01:00:00+00:00",
    "wall_seconds": 3600.0,
    "device": "a processor",
    "python": "3.11.7",
    "torch": "2.13.0",
    "chgnet": "0.4.2",
    "numpy": "2.4.6",
    "revision": "a" * 40,
    "modified": False,
    "code": "c" * 16,
}


@pytest.fixture
def gathered(tmp_path, repository):
    """A function from records by name to what is gathered of them."""
    origin = {"kind": "extended_xyz", "files": [{"file": "x.xyz", "sha256": "0"}]}

    def gather(records, origin=origin, made_by=None):
        paths, frames = {}, {}
        for name, record in records.items():
            paths[name] = tmp_path / f"{name.replace('/', '-')}.json"
            paths[name].write_text(json.dumps(record))
        for level in ("source", "target"):
            frames[level] = tmp_path / f"{level}.parquet"
            with FrameWriter(frames[level], origin | ({"made_by": made_by} if made_by else {})):
                pass
        study = read_study(repository / "tests/studies/tiny.yaml")
        return gather_provenance(study, files=["tiny.yaml"], trainings=paths, frames=frames)

    return gather


def test_a_seed_that_was_added_later_has_its_own_revision(gathered):
    later = RECORD | {
        "revision": "b" * 40,
        "code": "d" * 16,
        "started": "2026-02-01T00:00:00+00:00",
        "finished": "2026-02-01T03:00:00+00:00",
    }
    facts = gathered(
        {"pretrained": RECORD, "scratch/10/seed_0": RECORD, "scratch/10/seed_1": later}
    )
    first, second = facts["trainings"]
    assert (first["revision"], first["names"]) == ("a" * 40, ["pretrained", "scratch/10/seed_0"])
    assert (second["revision"], second["names"]) == ("b" * 40, ["scratch/10/seed_1"])
    assert facts["first_job"] == RECORD["started"]
    assert facts["last_training_ended"] == later["finished"]


def test_a_training_that_another_revision_went_on_with_is_named(gathered):
    goes = [
        {"after_update": 0, "started": "2026-01-01T00:00:00+00:00", "code": "x", "revision": None},
        {"after_update": 70, "started": RECORD["started"], "code": "y", "revision": None},
    ]
    facts = gathered({"a/1/seed_0": RECORD | {"goes": goes}, "a/1/seed_1": RECORD})
    assert facts["resumed_by_another_revision"] == {"a/1/seed_0": goes}
    assert facts["first_job"] == goes[0]["started"]
    alike = [goes[0], goes[1] | {"code": "x"}]
    facts = gathered({"a/1/seed_0": RECORD | {"goes": alike}})
    assert facts["resumed_by_another_revision"] == {}


def test_the_frames_may_be_the_first_job(gathered):
    made = {"at": "2025-12-31T00:00:00+00:00", "revision": "e" * 40}
    facts = gathered({"pretrained": RECORD}, made_by=made)
    assert facts["first_job"] == made["at"]
    assert facts["data"]["source"]["made_by"] == made


def test_the_data_are_told_by_their_manifest_alone(gathered):
    """The date of a conversion is no property of the data."""

    def digest_of(**given):
        return gathered({"pretrained": RECORD}, **given)["data"]["source"]["manifest_sha256"]

    plain = digest_of()
    assert digest_of(made_by={"at": "2026-01-01T00:00:00+00:00"}) == plain
    assert digest_of(origin={"kind": "extended_xyz", "files": [{"sha256": "1"}]}) != plain


def test_old_records_say_less_and_are_not_made_to_say_more(gathered, tmp_path):
    keys = ("started", "wall_seconds", "device", "python", "torch", "chgnet")
    facts = gathered({"pretrained": {key: RECORD[key] for key in keys}})
    assert facts["trainings"][0]["revision"] is None
    assert facts["last_training_ended"] == "2026-01-02T01:00:00+00:00"
    write_provenance(facts, tmp_path / "p.json", tmp_path / "p.csv")
    assert "by a revision that was not recorded" in (tmp_path / "p.csv").read_text()
    assert json.loads((tmp_path / "p.json").read_text()) == facts


def test_a_damaged_record_is_named(gathered):
    with pytest.raises(StudyError, match=r"a-1-seed_0.json: is no record of a training"):
        gathered({"a/1/seed_0": {"device": "x"}})


def test_versions_are_of_all_that_the_project_asks_for(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    texts = list(project["dependencies"])
    for extra in ("diverse", "mace", "materials-project", "properties"):  # numbers come from these
        texts += project["optional-dependencies"][extra]
    assert {name.lower() for name in PACKAGES} == {Requirement(text).name.lower() for text in texts}
