"""One Snakemake at a time works on a study."""

import atexit
import os
from pathlib import Path

from rungs.errors import StudyError
from rungs.files import write_fault
from rungs.workflow.locks import FileLock

NAME = ".lock"
"""In the study's folder, whatever working directory it is reached from."""


def hold_study(results: str | os.PathLike) -> None:
    """Take the study in the folder ``results`` for this process, until it ends.

    Raises:
        StudyError: when another living process has it, or when the folder cannot be written.
    """
    results = Path(results)
    lock = FileLock(results / NAME)
    try:
        holder = lock.take()
    except OSError as error:
        raise StudyError(str(write_fault(results, error) or error)) from error
    if holder is not None:
        raise StudyError(
            f"{results}: another Snakemake is at work on this study ({holder}); wait for its end, "
            "or end it, then give the command again"
        )
    # Notes an end in order; the kernel sees to all others.
    atexit.register(lock.release)
