"""The stand-in service, and downloads from it."""

import os

import pytest

from rungs.config.materials_project import MaterialsProject

from .stand_in import KEY, StandIn, upload, write_table
from .toy_data import make_toy


@pytest.fixture(scope="session")
def toy():
    return make_toy()


@pytest.fixture(scope="session")
def running(toy, tmp_path_factory):
    """The service and its bucket; environment variables lead the real client there."""
    from mp_api.client.core.settings import MAPI_CLIENT_SETTINGS

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


@pytest.fixture
def ask():
    """A function that gives options; GGA of everything unless told otherwise."""

    def make(**changes) -> MaterialsProject:
        given = {"kind": "mp_api", "query": {"everything": True}, "labels": "GGA_GGA+U"}
        return MaterialsProject.model_validate(given | {"requests_per_second": 5.0} | changes)

    return make


@pytest.fixture
def quick(monkeypatch):
    """Waits that are noted instead of slept through; the clock moves on with them."""
    from rungs.materials_project import session, trajectories

    class Clock:
        now = 0.0
        waits: list[float] = []

        def sleep(self, seconds: float) -> None:
            self.waits.append(seconds)
            self.now += seconds

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    clock.waits = []
    defaults = session.PoliteSession.__init__.__kwdefaults__ or {}
    assert not defaults
    original = session.PoliteSession.__init__

    def patched(self, *arguments, **options):
        original(self, *arguments, **(options | {"sleep": clock.sleep, "clock": clock}))

    monkeypatch.setattr(session.PoliteSession, "__init__", patched)
    table = trajectories.Trajectories.__init__

    def patched_table(self, *arguments, **options):
        table(self, *arguments, **(options | {"sleep": clock.sleep}))

    monkeypatch.setattr(trajectories.Trajectories, "__init__", patched_table)
    return clock


def environment() -> dict[str, str]:
    return dict(os.environ)
