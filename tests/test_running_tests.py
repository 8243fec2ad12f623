"""What lets the tests run in several processes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from .made_once import made_once
from .scheduling import group_of


@pytest.fixture
def processes(tmp_path, monkeypatch):
    """The folders of three processes of tests, which threads stand in for."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")

    def factory(number):
        base = tmp_path / f"popen-gw{number}"
        base.mkdir()

        def mktemp(name):
            (base / name).mkdir()
            return base / name

        return SimpleNamespace(getbasetemp=lambda: base, mktemp=mktemp)

    return [factory(number) for number in range(3)]


def test_one_process_makes_what_all_get(processes):
    made = []

    def make(folder):
        made.append(threading.get_ident())
        time.sleep(0.2)
        (folder / "results").mkdir()
        (folder / "results/table.csv").write_text("a\n")

    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda factory: made_once(factory, "study", make), processes))
    assert len(made) == 1
    assert len(set(folders)) == 3
    assert all((folder / "results/table.csv").read_text() == "a\n" for folder in folders)


def test_a_failure_is_that_of_all(processes):
    made = []

    def make(_):
        made.append(threading.get_ident())
        pytest.fail("no room on the disk")

    for factory in processes:
        with pytest.raises(pytest.fail.Exception, match="no room on the disk"):
            made_once(factory, "study", make)
    assert len(made) == 1


def test_what_a_killed_process_left_is_made_anew(processes):
    """Its lock goes with it; half of a folder stays, and no word of an outcome."""
    first = processes[0].getbasetemp().parent / "study"
    first.mkdir()
    (first / "half").touch()
    folder = made_once(processes[1], "study", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_one_process_alone_needs_no_copy(processes, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    folder = made_once(processes[0], "study", lambda folder: (folder / "whole").touch())
    assert folder == processes[0].getbasetemp() / "study"
    assert (folder / "whole").exists()


def test_tests_of_the_tiny_study_stay_together(request, repository):
    """A fixture that takes the study with it stands in tests/scheduling.py."""
    elsewhere = {
        str(item.path.relative_to(repository))
        for item in request.session.items
        if "tiny_study" in item.fixturenames
        and group_of(str(item.path.relative_to(repository))) != "tiny_study"
    }
    assert not elsewhere
