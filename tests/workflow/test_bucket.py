"""A place in a bucket: where files belong in it, and what is wrong where it cannot be used."""

import dataclasses
import socket

import pytest

from rungs.errors import StudyError
from rungs.workflow.bucket import Bucket, bucket_of_environment, fault, in_words


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("s3://mine", "results/a.pt"),
        ("s3://mine/", "results/a.pt"),
        ("s3://mine/some/place/", "some/place/results/a.pt"),
    ],
)
def test_a_file_has_the_key_that_snakemake_gives_it(url, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Bucket(url).key("results/a.pt") == key
    assert Bucket(url).key(tmp_path / "results" / "a.pt") == key
    assert Bucket(url).name == "mine"


def test_a_file_elsewhere_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="outside of the working directory"):
        Bucket("s3://mine").key("../a.pt")


def test_the_environment_carries_it_whole(bucket):
    assert bucket_of_environment(bucket.environment()) == bucket
    assert bucket_of_environment({}) is None
    assert bucket_of_environment({"RUNGS_BUCKET": ""}) is None


def test_no_secret_is_shown(bucket):
    assert "a-secret" not in repr(bucket)
    assert "a-key" not in repr(bucket)


def test_a_bucket_that_is_there_has_no_fault(bucket):
    assert fault(bucket) is None


def test_a_missing_bucket_is_named(bucket):
    found = fault(dataclasses.replace(bucket, url="s3://never-made/x"))
    assert found.startswith("there is no bucket never-made at http://127.0.0.1")
    assert "aws s3 mb s3://never-made" in found
    assert "--default-storage-prefix" in found


def test_a_service_that_does_not_answer(bucket):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    found = fault(dataclasses.replace(bucket, endpoint=f"http://127.0.0.1:{port}"))
    assert "nothing answers" in found
    assert f"127.0.0.1:{port}" in found
    assert "--storage-s3-endpoint-url" in found


def test_missing_credentials_are_said(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = fault(dataclasses.replace(bucket, access_key=None, secret_key=None))
    assert "no whole credentials" in found
    assert "AWS_ACCESS_KEY_ID" in found


@pytest.mark.parametrize(
    ("status", "words"), [(403, "does not let these credentials in"), (301, "--storage-s3-region")]
)
def test_an_answer_that_refuses_is_put_into_words(bucket, status, words):
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    found = in_words(ClientError(answer, "HeadBucket"), bucket)
    assert words in found
    assert "a-key" not in found
