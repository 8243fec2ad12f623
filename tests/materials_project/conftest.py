"""The stand-in service, and downloads from it."""

import logging

import pytest

from rungs.config.materials_project import MaterialsProject
from rungs.materials_project import session, trajectories
from rungs.materials_project.download import download

from .stand_in import KEY, StandIn, upload, write_table
from .toy_data import make_toy


@pytest.fixture(scope="session")
def toy():
    return make_toy()


@pytest.fixture(scope="session")
def running(toy, tmp_path_factory):
    """The service and its bucket; environment variables lead the real client there."""
    from mp_api.client.core.settings import MAPI_CLIENT_SETTINGS

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto_server = pytest.importorskip("moto.server")
    s3 = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    folder = tmp_path_factory.mktemp("table")
    write_table(folder, toy)
    upload(folder, f"http://{host}:{port}")
    service = StandIn(toy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MP_API_ENDPOINT", service.endpoint)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(MAPI_CLIENT_SETTINGS, "ENDPOINT", service.endpoint)
        yield service
    service.stop()
    s3.stop()


@pytest.fixture
def service(running, monkeypatch):
    """The service without faults."""
    running.reset()
    monkeypatch.setenv("MP_API_KEY", KEY)
    yield running
    running.reset()


def options_for(**changes) -> MaterialsProject:
    given = {"kind": "mp_api", "query": {"everything": True}, "labels": "GGA_GGA+U"}
    return MaterialsProject.model_validate(given | {"requests_per_second": 5.0} | changes)


@pytest.fixture
def ask():
    """A function that gives options; GGA of everything unless told otherwise."""
    return options_for


class Clock:
    """Time that passes only by waiting; waits are noted instead of slept through."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def use_clock(patch: pytest.MonkeyPatch) -> Clock:
    """Let sessions and tables wait by a clock of the test."""
    clock = Clock()
    for kind, given in (
        (session.PoliteSession, {"sleep": clock.sleep, "clock": clock}),
        (trajectories.Trajectories, {"sleep": clock.sleep}),
    ):
        original = kind.__init__

        def patched(self, *arguments, _original=original, _given=given, **options):
            _original(self, *arguments, **(options | _given))

        patch.setattr(kind, "__init__", patched)
    return clock


@pytest.fixture
def quick(monkeypatch):
    return use_clock(monkeypatch)


@pytest.fixture
def fetch(service, quick, tmp_path):  # noqa: ARG001
    """A function that downloads into a folder; gives the manifest. Lines said go to ``said``."""

    def run(name: str = "download", options=None, **more) -> dict:
        given = {"tasks_in_part": 10} | more
        return download(options or options_for(), tmp_path / name, said.append, **given)

    run.said = said = []
    run.folder = lambda name="download": tmp_path / name
    return run


@pytest.fixture(scope="session")
def finished(running, tmp_path_factory):
    """The folder of an undisturbed download of GGA and GGA+U, in several parts; not to be
    changed."""
    folder = tmp_path_factory.mktemp("finished") / "download"
    running.reset()
    with pytest.MonkeyPatch.context() as patch:
        use_clock(patch)
        patch.setenv("MP_API_KEY", KEY)
        download(options_for(), folder, print, tasks_in_part=10)
    return folder


def contents(folder) -> dict[str, bytes]:
    """Each file of a download."""
    files = (path for path in sorted(folder.iterdir()) if path.name != ".lock")
    return {path.name: path.read_bytes() for path in files}
