"""What all tests share."""

import os
from pathlib import Path

import pytest

# One thread: the tests run beside each other, and small tensors gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("RUNGS_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real DFT frames, which the project does not ship."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real DFT frames in {SHARED_DATA} (or RUNGS_TEST_DATA), absent here")
    return SHARED_DATA
