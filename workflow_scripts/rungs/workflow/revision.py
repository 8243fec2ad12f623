"""Which code made a result: the repository's revision, a digest of the library's files, versions.

The digest is the truth where there is no repository, and where files were changed without a commit.
"""

import datetime
import functools
import hashlib
import os
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

VARIABLE = "RUNGS_REVISION"
"""Environment variable that says the revision to jobs on machines without the repository."""
_PACKAGE = Path(__file__).resolve().parents[1]
_CODE = ("*.py", "*.cpp", "*.hpp", "*.csv")
_WORKFLOW = ("Snakefile", "rules", "workflow_scripts", "envs", "report")
_MODIFIED = "+modified"


class Revision(NamedTuple):
    """What a piece of work was done with."""

    revision: str | None
    """The commit; None where that is not known: no repository, or no git."""
    modified: bool | None
    """Whether tracked files differed from that commit, or the workflow had further files."""
    code: str
    """First 16 digits of the SHA-256 over the files of the library `rungs`, as they were used."""


def revision() -> Revision:
    """Return the revision of the code that is running, as the workflow or else git has it."""
    said = os.environ.get(VARIABLE) or describe(_PACKAGE.parents[1])
    commit = said.removesuffix(_MODIFIED)
    return Revision(commit or None, said != commit if commit else None, code_digest())


def made_by() -> dict[str, object]:
    """Return when and by which revision something is made, to be kept with it."""
    return {"at": now(), **revision()._asdict()}


def now() -> str:
    """Return the date and time, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those of ``packages`` that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def describe(root: Path) -> str:
    """Return the commit that is checked out in ``root``, with ``+modified`` where files differ.

    Empty where ``root`` is not the top of a repository, or git is missing or refuses: the library
    may be installed inside somebody else's repository.
    """
    top = _git(root, "rev-parse", "--show-toplevel", "HEAD")
    if top is None or len(top.splitlines()) != 2:
        return ""
    folder, commit = top.splitlines()
    if Path(folder).resolve() != root.resolve():
        return ""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "--", *_WORKFLOW)
    return commit + (_MODIFIED if changed or new else "")


@functools.cache
def code_digest() -> str:
    """Return the digest over names and contents of the library's files."""
    digest = hashlib.sha256()
    files = {path for pattern in _CODE for path in _PACKAGE.rglob(pattern)}
    for path in sorted(files, key=lambda file: file.relative_to(_PACKAGE).as_posix()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def _git(root: Path, *arguments: str) -> str | None:
    """Return what a git command prints; None where it fails."""
    # Without optional locks: a look at the repository must not disturb a person's own git.
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
