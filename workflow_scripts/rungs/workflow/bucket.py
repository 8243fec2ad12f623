"""A place in a bucket, of Amazon S3 or of any service that speaks its protocol."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from rungs.errors import StudyError
from rungs.workflow.packages import require

VARIABLES = {
    "url": "RUNGS_BUCKET",
    "endpoint": "RUNGS_BUCKET_ENDPOINT",
    "region": "RUNGS_BUCKET_REGION",
    "access_key": "RUNGS_BUCKET_ACCESS_KEY",
    "secret_key": "RUNGS_BUCKET_SECRET_KEY",
    "token": "RUNGS_BUCKET_TOKEN",
}
"""Environment variables that tell a job where its study's bucket is."""
MAKE_IT = "make it (aws s3 mb s3://{name}), or mend --default-storage-prefix"


@dataclass(frozen=True)
class Bucket:
    """A folder in a bucket, and how to get there."""

    url: str
    """``s3://NAME/FOLDER``; the folder may be left out."""
    endpoint: str | None = None
    """Address of the service; None is Amazon's."""
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    """This and the next two, where None, come from where boto3 finds them: the variables
    ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, the file ``~/.aws/credentials``, or the
    role of the machine."""
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The bucket's name."""
        return urlparse(self.url).netloc

    @property
    def where(self) -> str:
        """The bucket and its service, as messages name them."""
        return f"bucket {self.name} at {self.endpoint or 'Amazon S3'}"

    def key(self, path: str | os.PathLike) -> str:
        """Return the key of the object that belongs to the file ``path`` of the working directory.

        Raises:
            StudyError: when the file lies elsewhere.
        """
        local = os.path.relpath(path)
        if local.startswith(".."):
            raise StudyError(
                f"{path}: lies outside of the working directory, so it has no place in {self.url}"
            )
        folder = urlparse(self.url).path.strip("/")
        return "/".join(part for part in (folder, Path(local).as_posix()) if part)

    @functools.cache  # noqa: B019  a process has one or two buckets, and clients are dear
    def client(self, attempts: int = 5) -> Any:
        """Return boto3's client, which gives up after ``attempts`` of half a minute at most.

        Raises:
            StudyError: when boto3 is missing.
        """
        require("s3", f"the {self.where}")
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            aws_session_token=self.token,
            config=Config(
                connect_timeout=10,
                read_timeout=20,
                retries={"mode": "standard", "total_max_attempts": attempts},
                # Services other than Amazon's do not all know its newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables that :func:`bucket_of_environment` reads."""
        values = {variable: getattr(self, name) for name, variable in VARIABLES.items()}
        return {variable: value for variable, value in values.items() if value is not None}


def bucket_of_environment(environment: Mapping[str, str] = os.environ) -> Bucket | None:
    """Return the bucket that the variables :data:`VARIABLES` name; None where there is none."""
    values = {name: environment.get(variable) or None for name, variable in VARIABLES.items()}
    return Bucket(**values) if values["url"] else None


def fault(bucket: Bucket) -> str | None:
    """Ask the service for the bucket; return what is wrong in one sentence, or None."""
    try:
        bucket.client(attempts=2).head_bucket(Bucket=bucket.name)
    except Exception as error:
        return in_words(error, bucket)
    return None


def is_missing(error: Exception) -> bool:
    """Whether the service said that there is no such object."""
    return _status(error) == "404"


def in_words(error: Exception, bucket: Bucket) -> str:
    """Return one sentence on what ``error`` of boto3 means and what to do; it holds no secret."""
    if isinstance(error, StudyError):  # boto3 is missing
        return str(error)
    from botocore import exceptions

    status = _status(error)
    if status == "404":
        return f"there is no {bucket.where}: {MAKE_IT.format(name=bucket.name)}"
    if status in ("401", "403"):
        return (
            f"the {bucket.where} does not let these credentials in (status {status}): they need "
            "leave to list, read, write and delete its objects"
        )
    if status in ("301", "307", "400"):
        return (
            f"the {bucket.where} does not take requests sent this way (status {status}): most "
            "often it lies in another region, which --storage-s3-region tells, or the "
            "credentials have run out"
        )
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return (
            f"there are no whole credentials for the {bucket.where}: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or write them to ~/.aws/credentials with `aws configure`"
        )
    unreachable = (exceptions.HTTPClientError, exceptions.ConnectionError)
    if isinstance(error, unreachable):
        return (
            f"nothing answers for the {bucket.where} ({type(error).__name__}): does the service "
            "run, and is --storage-s3-endpoint-url right?"
        )
    return f"the {bucket.where} cannot be used: {type(error).__name__}: {error}"


def _status(error: Exception) -> str | None:
    """Return the status of the answer that boto3 made an error of; None of other errors."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping) or "Error" not in response:
        return None
    return str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
