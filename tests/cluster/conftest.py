"""A cluster of one node for the tests here, and Snakemake on its login node."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .one_node import OneNode, install, why_not

REPOSITORY = Path(__file__).resolve().parents[2]
# What a cluster of one node without accounting needs besides the profile, and what saves time.
ON_ONE_NODE = [
    *("--slurm-no-account", "--slurm-init-seconds-before-status-checks", "1"),
    *("--latency-wait", "10"),
]


@pytest.fixture(scope="session")
def cluster() -> Iterator[OneNode]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    try:
        install()
    except RuntimeError as error:
        pytest.skip(str(error))
    # A short name: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rungs-slurm-"))
    try:
        with OneNode(folder) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Submitting:
    """Snakemake as it runs on a login node; its results, its log, and what SLURM knows."""

    def __init__(self, cluster: OneNode, folder: Path, config: Path, *arguments: str) -> None:
        self.cluster, self.folder = cluster, folder
        self.log = folder / "snakemake.log"
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
            *("--directory", str(folder), "--configfile", str(config)),
            *("--workflow-profile", str(REPOSITORY / "profiles/slurm"), *ON_ONE_NODE, *arguments),
        ]
        # Jobs find the library and the interpreter's tools as this process does.
        environment = {
            **cluster.environment,
            "PATH": f"{cluster.folder}/bin:{Path(sys.executable).parent}:"
            + cluster.environment["PATH"],
            "OMP_NUM_THREADS": "1",
            "RUNGS_CHECKPOINT_SECONDS": "0.5",
        }
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until(self, condition: Callable[[], object], seconds: float, what: str):
        """Return what ``condition`` gives once it gives something."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, f"Snakemake ended before {what}:\n{self.words()}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.words()}"
            time.sleep(0.2)
        return found

    def wait(self, seconds: float) -> None:
        """Wait for the end of a successful run."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not ready within {seconds} s:\n{self.words()}")
        assert code == 0, self.words()

    def training_processes(self) -> list[int]:
        """Return the processes that run the script of a fine-tuning of this study."""
        scripts = f"{self.folder}/.snakemake/scripts/"
        return [
            process
            for process, words in _processes()
            if any(w.startswith(scripts) and w.endswith("fine_tune.py") for w in words)
        ]

    def fine_tunings(self) -> dict[str, str]:
        """Return the runs in training and the numbers of their jobs, as processes name them."""
        found = {}
        for process, words in _processes():
            target = next((w for w in words if w.startswith("fine_tune:")), None)
            # of those, the one that runs the script
            if target and "slurm-jobstep" not in words:
                wildcards = dict(part.split("=") for part in target.split(":")[1].split(","))
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{process}/cwd").readlink() == self.folder:
                        environment = Path(f"/proc/{process}/environ").read_text()
                        run = "{method}-{size}-seed_{seed}".format(**wildcards)
                        found[run] = re.search(r"\bSLURM_JOB_ID=(\d+)", environment).group(1)
        return found

    def words(self) -> str:
        jobs = "\n".join(map(str, self.cluster.jobs()))
        return f"{self.log.read_text()[-6000:]}\n{jobs}\n{self.cluster.log()[-4000:]}"

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.cluster.run("scancel", "--user", "root", check=False)


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Yield all processes and the words of their commands."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(process.name), (process / "cmdline").read_text().split("\0")


@pytest.fixture
def submit(cluster, tmp_path) -> Iterator[Callable[..., Submitting]]:
    """Call it with a study's file and targets: it starts Snakemake through the slurm profile."""
    running = []

    def start(config: Path, *arguments: str) -> Submitting:
        running.append(Submitting(cluster, tmp_path, config, *arguments))
        return running[-1]

    yield start
    for one in running:
        one.stop()
