"""Running Snakemake on small studies, as a person would."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rungs.workflow.packages import EXTRAS

from ..made_once import made_once

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds to wait for anything on a busy machine."""


@pytest.fixture(scope="session")
def tiny_config() -> str:
    return str(REPOSITORY / "tests/studies/tiny.yaml")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory, snakemake, tiny_config) -> Path:
    """The results of the tiny study, run once for all tests that ask for them."""

    def run(folder: Path) -> None:
        snakemake(folder, "--cores", "2", "--configfile", tiny_config)

    return made_once(tmp_path_factory, "tiny", run) / "results" / "tiny"


@pytest.fixture(scope="session")
def tiny_report(tiny_study, snakemake, tiny_config, tmp_path_factory) -> Path:
    """The report of the tiny study."""
    report = tmp_path_factory.mktemp("report") / "report.html"
    arguments = ("--cores", "1", "--configfile", tiny_config, "--report", str(report))
    snakemake(tiny_study.parents[1], *arguments)
    return report


@pytest.fixture(scope="session")
def browser() -> str:
    """A browser of the Chromium family."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"needs a browser on the PATH, one of {', '.join(names)}; none here")
    return found


@pytest.fixture(scope="session")
def fresh_snakemake() -> Callable[..., subprocess.CompletedProcess]:
    """As ``snakemake``, in a new process: for tests of what its environment lacks."""

    def run(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        done = subprocess.run(
            [*command, "--directory", str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"snakemake ended with {done.returncode}:\n{done.stdout}")
        return done

    return run


@pytest.fixture
def without_packages(monkeypatch) -> Callable[..., None]:
    """Make the packages of extras absent in every process that the test starts."""

    def hide(*extras: str) -> None:
        modules = [module for extra in extras for module in EXTRAS[extra].values()]
        path = [str(REPOSITORY / "tests/studies/absent"), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("RUNGS_TEST_ABSENT", ",".join(modules))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))

    return hide


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
