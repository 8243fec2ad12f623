"""Whatever stops a download, the same command completes it, byte for byte as if nothing had."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rungs import files
from rungs.errors import StudyError
from rungs.materials_project.session import PoliteSession

from .conftest import contents, options_for

FRAGMENT = """
import sys
from pathlib import Path
from rungs.errors import StudyError
from rungs.config.materials_project import MaterialsProject
from rungs.materials_project.download import download
try:
    download(MaterialsProject.model_validate_json(sys.argv[1]), sys.argv[2], print,
             tasks_in_part=10)
except StudyError as error:
    sys.exit(f"error: {error}")
"""


def same(folder, finished):
    assert contents(folder) == contents(finished)


class Stopped(BaseException):
    """As a Ctrl-C: no `except Exception` may hold it."""


def test_ctrl_c_at_any_request(fetch, finished, monkeypatch):
    """Each attempt gets one request further than the last; all are stopped but the final one."""
    original = PoliteSession._wait_for_turn
    attempts = 0
    for allowed in range(1, 60):
        left = [allowed]

        def counted(self, left=left):
            if not left[0]:
                raise Stopped
            left[0] -= 1
            original(self)

        monkeypatch.setattr(PoliteSession, "_wait_for_turn", counted)
        try:
            fetch()
            break
        except Stopped:
            attempts += 1
            assert not (fetch.folder() / "manifest.json").exists()
    assert attempts > 5
    same(fetch.folder(), finished)


def test_stopped_before_any_file_takes_its_name(fetch, finished, monkeypatch):
    """Before the plan, a part, a part's record, each further part, and the manifest."""
    original = os.replace
    n_parts = len(list(finished.glob("*.parquet")))
    for allowed in (0, 1, 1, *[2] * n_parts):
        left = [allowed]

        def replace(source, target, left=left):
            if not left[0]:
                raise Stopped
            left[0] -= 1
            original(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "replace", replace)
            with pytest.raises(Stopped):
                fetch()
        assert not (fetch.folder() / "manifest.json").exists()
    assert set(contents(fetch.folder())) == set(contents(finished)) - {"manifest.json"}
    fetch()
    same(fetch.folder(), finished)


@pytest.mark.parametrize(
    ("how", "at"),
    [
        (signal.SIGKILL, 9),
        pytest.param(signal.SIGINT, 9, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, 3, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, 12, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 13, marks=pytest.mark.slow),
    ],
)
def test_a_killed_process(service, fetch, finished, how, at):
    arguments = [options_for().model_dump_json(), str(fetch.folder())]
    process = subprocess.Popen(
        [sys.executable, "-c", FRAGMENT, *arguments], stdout=subprocess.DEVNULL
    )

    def kill(count):
        if count == at:
            process.send_signal(how)

    service.on_request = kill
    assert process.wait(timeout=120) != 0
    service.reset()
    assert not (fetch.folder() / "manifest.json").exists()
    fetch()
    same(fetch.folder(), finished)


@pytest.fixture
def copied(finished, fetch):
    """A finished download to be harmed."""
    shutil.copytree(finished, fetch.folder())
    (fetch.folder() / "manifest.json").unlink()
    return fetch.folder()


def test_a_whole_download_asks_nothing(copied, fetch, service, finished, monkeypatch):
    monkeypatch.delenv("MP_API_KEY")
    fetch()
    assert service.n_requests == 0
    same(copied, finished)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "record"])
def test_a_corrupted_part_is_fetched_again(copied, fetch, finished, harm):
    path = copied / "part-00002.parquet"
    data = path.read_bytes()
    match harm:
        case "flip":
            path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
        case "cut":
            path.write_bytes(data[:-50])
        case "remove":
            path.unlink()
        case "record":
            path.with_name("part-00002.record.json").write_text('{"sha256": ')
    fetch()
    assert any(
        "part-00002.parquet is damaged or gone; it is fetched again" in s for s in fetch.said
    )
    same(copied, finished)


def test_a_part_that_changes_after_the_manifest_is_not_read(copied, fetch, ask):
    from rungs.config.data import Level
    from rungs.sources import read_source

    fetch()
    path = copied / "part-00001.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    level = Level(label="any", functional="any", data=ask(folder=copied.name))
    with pytest.raises(StudyError, match=r"part-00001.parquet: is not what its manifest vouches"):
        list(read_source(level, copied.parent, 0))


def test_a_full_disk_is_one_sentence_and_no_loss(fetch, finished, monkeypatch):
    written = [0]
    original = pq.ParquetWriter.write_table

    def full(self, table, *arguments, **options):
        written[0] += 1
        if written[0] == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(self, table, *arguments, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(StudyError, match=r"the disk is full \(No space left on device\)"):
        fetch()
    assert not list(fetch.folder().glob(".partial-*"))
    assert not (fetch.folder() / "manifest.json").exists()
    fetch()
    same(fetch.folder(), finished)


@pytest.mark.slow
def test_a_real_limit_of_size(fetch, finished):
    """The system refuses to let any file grow further, as a full disk does."""
    arguments = [options_for().model_dump_json(), str(fetch.folder())]
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
    done = subprocess.run(
        [sys.executable, "-c", limited + FRAGMENT, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "the disk is full (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    fetch()
    same(fetch.folder(), finished)


def test_another_process_in_the_folder_is_seen(fetch):
    import fcntl

    fetch.folder().mkdir()
    with open(fetch.folder() / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match="another process is downloading into this folder"):
            fetch()


def test_what_a_dead_process_left_is_swept_up(copied, fetch, finished):
    (copied / ".partial-123-part-00000.parquet").write_bytes(b"half")
    fetch()
    same(copied, finished)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": "r2SCAN"}, "labels"),
        ({"query": {"elements": ["Li"]}}, "query"),
        ({"keep_restricted": True}, "keep_restricted"),
    ],
)
@pytest.mark.usefixtures("copied")
def test_a_folder_of_another_request_is_refused(fetch, changes, named):
    with pytest.raises(StudyError, match=f"begun with another {named}; delete the folder"):
        fetch(options=options_for(**changes))


def test_other_versions_do_not_mix_with_parts_that_are_there(copied, fetch):
    plan = json.loads((copied / "plan.json").read_text())
    plan["versions"]["pymatgen"] = "2020.1.1"
    (copied / "plan.json").write_text(json.dumps(plan))
    (copied / "part-00000.parquet").unlink()
    with pytest.raises(StudyError, match=r"other versions \(pymatgen 2020.1.1 →"):
        fetch()


def test_a_damaged_plan_is_named(copied, fetch):
    (copied / "plan.json").write_text('{"format": 1')
    with pytest.raises(StudyError, match=r"plan.json: is no plan of a download; delete the folder"):
        fetch()


def test_no_file_of_a_download_holds_a_time(finished, fetch):
    """Made at another time, in another folder, they are the same."""
    time.sleep(0.01)
    fetch()
    same(fetch.folder(), Path(finished))
