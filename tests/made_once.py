"""Folders that are expensive to fill, filled once for all processes of tests."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rungs.workflow.locks import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a new folder with what ``make(folder)`` puts into it.

    Where tests run in several processes, the first that comes calls ``make``, and each gets a copy
    of its own. What fails, fails in all of them, at once and with the same words; where the first
    one is killed, the next one begins anew.
    """
    mine = factory.mktemp(name)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(mine)
        return mine
    first = factory.getbasetemp().parent / name
    outcome = first.with_suffix(".json")
    lock = FileLock(first.with_suffix(".lock"))
    while lock.take():
        time.sleep(0.5)
    try:
        if not outcome.exists():
            outcome.write_text(json.dumps(_fault_of(make, first)))
    finally:
        lock.release()
    if fault := json.loads(outcome.read_text()):
        pytest.fail(fault)
    shutil.copytree(first, mine, dirs_exist_ok=True)
    return mine


def _fault_of(make: Callable[[Path], object], folder: Path) -> str | None:
    """Make ``folder`` anew; return what went wrong, None if nothing did."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        make(folder)
    except (Exception, pytest.fail.Exception) as error:
        return str(error) or type(error).__name__
    return None
