"""What all tests share."""

import contextlib
import itertools
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .snakemake_server import SnakemakeServer

# One thread: the tests run beside each other, and small tensors gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# On a machine with a GPU the workers share it: none would wait for another's end.
os.environ.setdefault("RUNGS_JOBS_PER_GPU", "64")

WORKER_MEMORY = 2 * 1024**3
"""Bytes that a process of tests and the jobs it starts may need."""
_bucket_numbers = itertools.count()
REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("RUNGS_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
SHARED_CASES = Path(os.environ.get("RUNGS_TEST_CASES", SHARED_DATA.parent / "cases"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: a process for each core that this one may use, if memory suffices."""
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    if given:
        return int(given)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // WORKER_MEMORY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Keep tests together that share what is expensive to make (``--dist loadscope``)."""
    if config.getvalue("dist") != "loadscope":
        return None
    from .scheduling import SharedFixtures

    return SharedFixtures(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In several processes whole studies come first, so that none is left alone with one."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        long = ("tiny_study", "snakemake")
        items.sort(key=lambda item: -sum(name in item.fixturenames for name in long))


@pytest.fixture(scope="session")
def snakemake() -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """Run Snakemake with its working directory in a folder: ``snakemake(folder, *arguments)``.

    Returns what ended, with output and errors in ``stdout``.
    """
    server = SnakemakeServer()

    def run(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        done = server.run("--snakefile", "Snakefile", "--directory", str(folder), *arguments)
        if check and done.returncode:
            pytest.fail(f"snakemake ended with {done.returncode}:\n{done.stdout}")
        return done

    yield run
    server.stop()


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real DFT frames, which the project does not ship."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real DFT frames in {SHARED_DATA} (or RUNGS_TEST_DATA), absent here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Small inputs after public bug reports, which the project does not ship."""
    if not SHARED_CASES.is_dir():
        pytest.skip(f"needs the small inputs in {SHARED_CASES} (or RUNGS_TEST_CASES), absent here")
    return SHARED_CASES


@pytest.fixture(scope="session")
def toy_architecture():
    """The smallest network that has every part: a test trains it in a second."""
    from rungs.config.architectures import CHGNetArchitecture

    return CHGNetArchitecture(
        atom_fea_dim=8,
        bond_fea_dim=8,
        angle_fea_dim=8,
        atom_conv_hidden_dim=8,
        bond_conv_hidden_dim=8,
        mlp_hidden_dims=[8],
        n_conv=2,
        num_radial=5,
        num_angular=5,
        atom_graph_cutoff=4.0,
        bond_graph_cutoff=3.0,
    )


@pytest.fixture(autouse=True)
def numbers_as_they_are():
    """Jobs let subnormal numbers count as 0; what runs after them in this process does not."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of an S3 service on this machine."""
    server = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    s3 = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    yield f"http://{host}:{port}"
    s3.stop()


@pytest.fixture
def bucket(s3_endpoint):
    """A place in a new bucket."""
    from rungs.workflow.bucket import Bucket

    url = f"s3://studies-{next(_bucket_numbers)}/some/place"
    place = Bucket(url, s3_endpoint, "us-east-1", "a-key", "a-secret")
    place.client().create_bucket(Bucket=place.name)
    return place


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount a small disk: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with room for a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    except FileNotFoundError:
        pytest.skip("needs the command mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def fill(small_disk):
    """Leave no room at all on the small disk."""

    def leave_no_room() -> None:
        with (
            open(small_disk / "ballast", "wb", buffering=0) as handle,
            contextlib.suppress(OSError),
        ):
            while True:
                handle.write(bytes(4096))

    return leave_no_room


@pytest.fixture
def remount():
    """Change how a small disk is mounted: ``remount(folder, "ro")``."""

    def change(folder: Path, options: str) -> None:
        _mount("-o", f"remount,{options}", str(folder))

    return change
