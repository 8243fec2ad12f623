"""Running Snakemake on small studies, as a person would."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def run_snakemake(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run Snakemake with its working directory in ``folder``; output and errors in ``stdout``."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake"),
            *("--snakefile", str(REPOSITORY / "Snakefile")),
            *("--directory", str(folder)),
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"snakemake ended with {done.returncode}:\n{done.stdout}")
    return done


@pytest.fixture(scope="session")
def snakemake() -> Callable[..., subprocess.CompletedProcess]:
    return run_snakemake


@pytest.fixture(scope="session")
def tiny_config() -> str:
    return str(REPOSITORY / "tests/workflow/tiny.yaml")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory, tiny_config) -> Path:
    """The results of the tiny study, run once for all tests."""
    folder = tmp_path_factory.mktemp("tiny")
    run_snakemake(folder, "--cores", "2", "--configfile", tiny_config)
    return folder / "results" / "tiny"
