"""Copies, in the study's bucket, of files that are no outputs but must outlive a machine.

Where results are in a bucket, a job's machine may go with its disk, and checkpoints are no outputs
that Snakemake would store. So each is copied to the bucket when it is written, and fetched before
a training starts. Without a bucket nothing here does anything.

The copy of a finished training stays until its outputs are in the bucket, which is after its job:
:func:`forget_finished` takes it away.
"""

import functools
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.workflow.bucket import Bucket, bucket_of_environment, in_words, is_missing

PAUSE_SECONDS = 300.0
"""After a copy that failed, how long none is tried, so that a training does not wait for each."""

HASTE = 2
"""How often the service is asked while a training waits."""


class Copies:
    """The copies that this process makes.

    Args:
        bucket: where they are; None for nowhere.
    """

    def __init__(self, bucket: Bucket | None) -> None:
        self._bucket = bucket
        self._not_before = 0.0

    def send(self, path: str | os.PathLike) -> bool:
        """Copy the file ``path`` to the bucket; return whether it is there now.

        A failure is a line of warning and nothing more.
        """
        if self._bucket is None or time.monotonic() < self._not_before:
            return False
        try:
            with open(path, "rb") as handle:
                self._bucket.client(HASTE).upload_fileobj(
                    handle, self._bucket.name, self._bucket.key(path)
                )
        except Exception as error:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            _warn(f"{path} was not copied: {in_words(error, self._bucket)}")
            return False
        return True

    def fetch(self, path: str | os.PathLike) -> None:
        """Put the bucket's copy of ``path`` there, unless the file there was written later.

        Raises:
            StudyError: when the bucket does not answer. To begin anew instead would overwrite
                what is there.
        """
        if self._bucket is None:
            return
        path = Path(path)
        there = {"Bucket": self._bucket.name, "Key": self._bucket.key(path)}
        try:
            written = self._bucket.client().head_object(**there)["LastModified"].timestamp()
            if path.exists() and path.stat().st_mtime >= written:
                return
            with whole_file(path) as partial, open(partial, "wb") as handle:
                self._bucket.client().download_fileobj(*there.values(), handle)
        except Exception as error:
            if is_missing(error):
                return
            if getattr(error, "errno", None) is not None:
                raise  # of this machine's disk
            raise StudyError(
                f"the copy of {path} could not be fetched: {in_words(error, self._bucket)}"
            ) from None

    def move(self, path: str | os.PathLike, to: str | os.PathLike) -> None:
        """Follow a file that was renamed; a failure is a line of warning and nothing more."""
        if self._bucket is None or not self.send(to):
            return
        try:
            self._bucket.client(HASTE).delete_object(
                Bucket=self._bucket.name, Key=self._bucket.key(path)
            )
        except Exception as error:
            _warn(f"the copy of {path} was not removed: {in_words(error, self._bucket)}")


def copies() -> Copies:
    """Return the copies of the bucket that the environment names."""
    return _copies_in(bucket_of_environment())


@functools.cache
def _copies_in(bucket: Bucket | None) -> Copies:
    return Copies(bucket)


def forget_finished(bucket: Bucket, folder: str | os.PathLike, made: Mapping[str, str]) -> int:
    """Remove the copies of checkpoints whose job has its results in the bucket; return how many.

    Args:
        bucket: where the copies and the results are.
        folder: that all checkpoints are in.
        made: the path of a result by the path of the checkpoint that it came from. A result that
            is older than the checkpoint does not count.

    Raises:
        StudyError: when the bucket cannot be used.
    """
    client = bucket.client()
    try:
        written = dict(_listed(client, bucket, folder))
        wanted = {path: bucket.key(path) for path in made}
        finished = [
            key
            for path, key in wanted.items()
            if key in written and _is_there(client, bucket, made[path], since=written[key])
        ]
        for key in finished:
            client.delete_object(Bucket=bucket.name, Key=key)
    except Exception as error:
        raise StudyError(
            f"checkpoints of finished jobs were left in {bucket.url}: {in_words(error, bucket)}"
        ) from None
    return len(finished)


def _listed(client, bucket: Bucket, folder: str | os.PathLike) -> Iterator[tuple[str, float]]:
    pages = client.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket.name, Prefix=f"{bucket.key(folder)}/"):
        for item in page.get("Contents", ()):
            yield item["Key"], item["LastModified"].timestamp()


def _is_there(client, bucket: Bucket, path: str, since: float) -> bool:
    try:
        found = client.head_object(Bucket=bucket.name, Key=bucket.key(path))
    except Exception as error:
        if is_missing(error):
            return False
        raise
    return found["LastModified"].timestamp() >= since


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr, flush=True)
