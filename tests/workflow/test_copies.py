"""Copies of checkpoints in a bucket: sent, fetched, left in peace, and removed in the end."""

import dataclasses
import os
from pathlib import Path

import pytest

from rungs.errors import StudyError
from rungs.workflow import copies as module
from rungs.workflow.copies import Copies, copies, forget_finished

PATH = "results/mine/checkpoints/run.pt"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def read(path):
    return Path(path).read_text()


def there(bucket, path=PATH):
    client, key = bucket.client(), bucket.key(path)
    found = client.list_objects_v2(Bucket=bucket.name, Prefix=key).get("Contents", ())
    if key not in {item["Key"] for item in found}:
        return None
    return client.get_object(Bucket=bucket.name, Key=key)["Body"].read().decode()


def put(bucket, path, text):
    bucket.client().put_object(Bucket=bucket.name, Key=bucket.key(path), Body=text.encode())


def absent(bucket):
    return dataclasses.replace(bucket, url="s3://never-made/x")


def test_what_one_machine_sends_another_fetches(bucket):
    write(PATH, "update 7")
    Copies(bucket).send(PATH)
    Path(PATH).unlink()
    Copies(bucket).fetch(PATH)
    assert read(PATH) == "update 7"


def test_nothing_is_fetched_where_nothing_is(bucket):
    Copies(bucket).fetch(PATH)
    assert not list(Path().rglob("*.pt"))


@pytest.mark.parametrize(("age", "expected"), [(-3600, "here"), (3600, "there")])
def test_the_later_one_counts(bucket, age, expected):
    write(PATH, "here")
    put(bucket, PATH, "there")
    os.utime(PATH, (Path(PATH).stat().st_mtime - age,) * 2)
    Copies(bucket).fetch(PATH)
    assert read(PATH) == expected


def test_a_copy_that_fails_is_a_warning_and_the_next_waits(bucket, capfd, monkeypatch):
    write(PATH, "update 7")
    copier = Copies(absent(bucket))
    copier.send(PATH)
    said = capfd.readouterr().err
    assert said.startswith(f"warning: {PATH} was not copied: ")
    assert "never-made" in said
    assert "a-secret" not in said
    copier.send(PATH)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    later = Copies(absent(bucket))
    later.send(PATH)
    later.send(PATH)
    assert capfd.readouterr().err.count("warning") == 2


def test_a_bucket_that_does_not_answer_is_not_taken_for_an_empty_one(bucket):
    """To begin anew would overwrite a checkpoint of many hours."""
    silent = dataclasses.replace(bucket, endpoint="http://127.0.0.1:9")
    with pytest.raises(StudyError, match=r"could not be fetched: nothing answers"):
        Copies(silent).fetch(PATH)


def test_a_file_that_is_renamed_is_followed(bucket):
    write(PATH, "of another training")
    copier = Copies(bucket)
    copier.send(PATH)
    Path(PATH).rename(PATH + ".aside")
    copier.move(PATH, PATH + ".aside")
    assert there(bucket) is None
    assert there(bucket, PATH + ".aside") == "of another training"


def test_without_a_bucket_nothing_happens(monkeypatch):
    monkeypatch.delenv("RUNGS_BUCKET", raising=False)
    nowhere = copies()
    nowhere.send("nothing")
    nowhere.fetch("nothing")
    nowhere.move("nothing", "elsewhere")
    assert not list(Path().iterdir())


def test_the_environment_names_the_bucket(bucket, monkeypatch):
    for name, value in bucket.environment().items():
        monkeypatch.setenv(name, value)
    write(PATH, "update 7")
    copies().send(PATH)
    assert there(bucket) == "update 7"


def test_only_checkpoints_of_finished_trainings_are_forgotten(bucket):
    folder = "results/mine/checkpoints"
    put(bucket, f"{folder}/again.pt", "x")
    put(bucket, "results/mine/runs/again.pt", "x")
    put(bucket, "results/mine/runs/done.pt", "x")
    put(bucket, f"{folder}/done.pt", "x")
    for name in ("running", "done.refused"):
        put(bucket, f"{folder}/{name}.pt", "x")
    put(bucket, "results/mine/runs/done.pt", "made after its checkpoint")
    made = {
        f"{folder}/{name}.pt": f"results/mine/runs/{name}.pt"
        for name in ("done", "running", "none")
    }
    assert forget_finished(bucket, folder, made) == 1
    assert there(bucket, f"{folder}/done.pt") is None
    assert there(bucket, "results/mine/runs/done.pt") is not None
    for name in ("running", "again", "done.refused"):
        assert there(bucket, f"{folder}/{name}.pt") == "x"


def test_a_result_older_than_its_checkpoint_does_not_count(bucket, monkeypatch):
    folder = "results/mine/checkpoints"
    put(bucket, "results/mine/model.pt", "of the run before")
    put(bucket, f"{folder}/run.pt", "x")
    monkeypatch.setattr(module, "_listed", lambda *_: [(bucket.key(f"{folder}/run.pt"), 4e9)])
    made = {f"{folder}/run.pt": "results/mine/model.pt"}
    assert forget_finished(bucket, folder, made) == 0
    assert there(bucket, f"{folder}/run.pt") == "x"


def test_a_fault_while_forgetting_is_one_sentence(bucket):
    with pytest.raises(StudyError, match="checkpoints of finished jobs were left in s3://never"):
        forget_finished(absent(bucket), "results/mine/checkpoints", {})
