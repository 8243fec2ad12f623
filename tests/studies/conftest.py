"""Running Snakemake on small studies, as a person would."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rungs.workflow.locks import FileLock

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds to wait for anything on a busy machine."""


@pytest.fixture(scope="session")
def tiny_config() -> str:
    return str(REPOSITORY / "tests/studies/tiny.yaml")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory, snakemake, tiny_config) -> Iterator[Path]:
    """The results of the tiny study, run once for all tests that ask for them."""
    here = tmp_path_factory.getbasetemp()
    lock = FileLock((here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / "tiny_study")
    holder = lock.take()
    assert not holder, (
        f"tests of the tiny study in two processes, see tests/scheduling.py: {holder}"
    )
    folder = tmp_path_factory.mktemp("tiny")
    snakemake(folder, "--cores", "2", "--configfile", tiny_config)
    yield folder / "results" / "tiny"
    lock.release()


class Running:
    """A Snakemake in the background, in a session of its own, so that none of it outlives a test.

    Args:
        folder: its working directory.
        arguments: of the command.
        terminal: file for what it prints; ``terminal.txt`` in ``folder`` if not given.
    """

    def __init__(self, folder: Path, *arguments: str, terminal: Path | None = None) -> None:
        self.terminal = terminal or folder / "terminal.txt"
        with open(self.terminal, "w") as handle:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", "--directory", str(folder)),
                    *("--snakefile", str(REPOSITORY / "Snakefile"), *arguments),
                ],
                cwd=REPOSITORY,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, file: Path, text: str = "") -> None:
        """Return when ``file`` is there and holds ``text``."""
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and text in file.read_text(errors="replace")):
            assert self.process.poll() is None, self.terminal.read_text()
            assert time.monotonic() < deadline, f"no {text!r} in {file}"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9 Snakemake, and nothing else."""
        assert self.process.poll() is None, self.terminal.read_text()
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Kill whatever is left of it, jobs included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start():
    """Start a Snakemake in the background: ``start(folder, *arguments)``."""
    running = []

    def start_snakemake(folder, *arguments, **options):
        running.append(Running(folder, *arguments, **options))
        return running[-1]

    yield start_snakemake
    for one in running:
        one.end()
