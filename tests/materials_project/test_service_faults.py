"""The service's faults: mended by waiting, or told in one sentence; never by lost frames."""

import time
from email.utils import formatdate

import pytest
import requests

from rungs.errors import StudyError
from rungs.materials_project import trajectories
from rungs.materials_project.session import PoliteSession
from rungs.materials_project.trajectories import Trajectories

from .conftest import contents
from .stand_in import KEY

ROUTES = ["/heartbeat", "/materials/core", "/materials/thermo", "/materials/tasks"]


def same(folder, finished):
    assert contents(folder) == contents(finished)


@pytest.mark.parametrize("route", ROUTES)
def test_passing_faults_are_waited_out(fetch, service, finished, quick, route):
    """One after the other, on every route; the download is as if nothing had been."""
    for status in (429, 500, 502, 503, 504):
        service.fail(route, "status", status=status)
    service.fail(route, "html")
    service.fail(route, "dropped")
    if route != "/heartbeat":
        service.fail(route, "truncated")
        service.fail(route, "no data")
        service.fail(route, "no count")
        service.fail(route, "short page")
    fetch()
    assert all(fault.times == 0 for fault in service.faults)
    same(fetch.folder(), finished)
    assert max(quick.waits) >= 16


@pytest.mark.parametrize("route", ["/materials/core", "/materials/tasks"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("html", "an answer that is no JSON"),
        ("truncated", "an answer that breaks off|no answer"),
        ("dropped", "no answer"),
        ("no data", "an answer without its data"),
        ("no count", "an answer without its data or their count"),
        ("short page", "a page of [0-9]+ records where [0-9]+ are due"),
    ],
)
def test_lasting_faults_end_in_one_sentence(fetch, service, route, kind, said):
    service.fail(route, kind, times=1000)
    with pytest.raises(StudyError, match=said) as caught:
        fetch(patience=40)
    assert route in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (fetch.folder() / "manifest.json").exists()


def test_a_service_that_lives_again_completes_the_download(fetch, service, finished):
    service.fail("/materials/tasks", "html", times=1000, after=2)
    with pytest.raises(StudyError, match="What was downloaded is kept"):
        fetch(patience=40)
    assert (fetch.folder() / "part-00001.record.json").exists()
    service.reset()
    fetch()
    same(fetch.folder(), finished)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_lasting_statuses_are_given_up_in_time(fetch, service, quick, status):
    service.fail("/materials/core", "status", times=1000, status=status)
    with pytest.raises(StudyError, match=f"status {status}, [0-9]+ times"):
        fetch(patience=100)
    assert quick.now <= 100


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("route", ["/materials/core", "/materials/tasks"])
def test_a_refused_key_is_told_at_once(fetch, service, quick, status, route):
    body = {"detail": f"the key {KEY} is bad"}
    service.fail(route, "status", times=1000, status=status, body=body)
    with pytest.raises(StudyError, match="refused the key in MP_API_KEY") as caught:
        fetch()
    assert KEY not in str(caught.value)
    assert max(quick.waits, default=0) < 0.3


def test_a_wrong_key_is_told_before_any_plan(fetch, service):
    wrong = "x" * 32
    with pytest.raises(StudyError, match="refused the key") as caught:
        fetch(environment={"MP_API_KEY": wrong})
    assert wrong not in str(caught.value)
    assert service.n_requests == 2  # the heartbeat, and the small query
    assert not (fetch.folder() / "plan.json").exists()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "MP_API_KEY is not set"),
        ({"MP_API_KEY": ""}, "MP_API_KEY is not set"),
        ({"MP_API_KEY": "abcdef"}, "holds 6 characters"),
        ({"MP_API_KEY": "k" * 33}, "holds 33 characters"),
        ({"MP_API_KEY": "é" * 32}, "letters and digits"),
    ],
)
def test_a_key_that_cannot_be_one_is_told_without_asking(fetch, service, environment, said):
    with pytest.raises(StudyError, match=said) as caught:
        fetch(environment=environment)
    assert "https://materialsproject.org/api" in str(caught.value)
    assert service.n_requests == 0


def test_retry_after_is_honoured(fetch, service, quick):
    service.fail("/materials/core", "status", status=429, headers={"Retry-After": "37"})
    fetch()
    assert 37.0 in quick.waits


def test_retry_after_as_a_date_is_honoured(fetch, service, quick):
    date = formatdate(time.time() + 30, usegmt=True)
    service.fail("/materials/core", "status", status=503, headers={"Retry-After": date})
    fetch()
    assert 25 < max(quick.waits) <= 30


def test_retry_after_beyond_patience_is_told(fetch, service, quick):
    service.fail("/materials/core", "status", status=429, headers={"Retry-After": "7200"})
    with pytest.raises(StudyError, match="waited for 7200 s more"):
        fetch()
    assert quick.now < 10


def test_a_blocked_address_is_not_asked_again(fetch, service, quick):
    service.fail("/materials", "status", times=9, status=429, body={"version": "blocked"})
    with pytest.raises(StudyError, match="has blocked this address because requests came too fast"):
        fetch()
    assert service.faults[0].times == 8
    assert quick.now < 1


def test_a_status_that_waiting_cannot_mend(fetch, service):
    service.fail("/materials/core", "status", status=422, body={"detail": f"no such {KEY}"})
    with pytest.raises(StudyError, match="could not answer a query") as caught:
        fetch()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "keeps"),
    [("https://api.example.org/b", True), ("https://elsewhere.example.org/b", False)],
)
def test_the_key_does_not_follow_to_another_host(url, keeps):
    session = PoliteSession(KEY, 5)
    response = requests.Response()
    response.request = session.prepare_request(requests.Request("GET", "https://api.example.org/a"))
    redirected = session.prepare_request(requests.Request("GET", url))
    session.rebuild_auth(redirected, response)
    assert ("x-api-key" in redirected.headers) is keeps


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_database_that_moves_stops_the_download(fetch, service, after):
    """Between the plan and a part, and between two parts."""
    beats = [0]

    def move(_):
        beats[0] += service.paths[-1] == "/heartbeat"
        if beats[0] > after:
            service.version = "2027.01.01"

    service.on_request = move
    with pytest.raises(StudyError, match=r"moved from version 2026.10.01 to 2027.01.01"):
        fetch()
    assert (fetch.folder() / "plan.json").exists()
    assert not (fetch.folder() / "manifest.json").exists()
    with pytest.raises(StudyError, match="moved from version"):
        fetch()


@pytest.mark.parametrize("kind", ["lost", "bare"])
def test_documents_that_do_not_come_are_asked_for_again(fetch, service, finished, kind):
    service.fail("/materials/tasks", kind, times=2)
    fetch()
    same(fetch.folder(), finished)


@pytest.mark.parametrize("route", ["/materials/core", "/materials/thermo"])
@pytest.mark.parametrize(
    "query", [{"everything": True}, {"material_ids": ["mp-1100", "mp-1200", "mp-2000"]}]
)
def test_an_inventory_with_missing_fields_is_asked_for_again_and_then_told(
    fetch, ask, service, route, query
):
    service.fail(route, "bare", times=1, after=1 if "core" in route else 0)
    options = ask(query=query)
    whole = fetch(options=options)
    assert whole["requested"] > 0
    assert whole["refused_counts"].get("missing field") is None
    service.reset()
    service.fail(route, "bare", times=1000)
    with pytest.raises(StudyError, match=r"without a field that is needed, 4 times, of [0-9]+ mat"):
        fetch("again", options=options)


def test_documents_that_never_come_whole_are_named(fetch, service):
    service.fail("/materials/tasks", "bare", times=1000)
    manifest = fetch()
    assert manifest["frames"] == 0
    assert manifest["refused_counts"]["missing field"] > 40


def test_materials_that_do_not_come_are_noticed(fetch, service, finished):
    """The list and the count of the same query disagree: once, and then always."""
    service.fail("/materials/core", "lost", after=1)
    fetch()
    same(fetch.folder(), finished)
    service.fail("_limit=1000", "lost", times=1000)
    with pytest.raises(StudyError, match=r"counts 21 materials for the query but gave 20, 4 times"):
        fetch("again")


def test_a_table_that_fails_is_tried_again_and_then_told(fetch, finished, monkeypatch):
    failures = [2]
    group = Trajectories._group

    def flaky(self, place, wanted):
        for number, row in enumerate(group(self, place, wanted)):
            if number == 2 and failures[0]:
                failures[0] -= 1
                raise OSError("Generic S3 error: connection closed before message completed")
            yield row

    monkeypatch.setattr(Trajectories, "_group", flaky)
    fetch()
    assert failures == [0]
    same(fetch.folder(), finished)
    failures[0] = 1000
    with pytest.raises(StudyError, match=r"trajectories .* cannot be read: Generic S3 error"):
        fetch("again")


def test_an_absent_bucket_is_told(fetch, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(trajectories._STORAGE, "max_retries", "0")
    monkeypatch.setattr(trajectories, "_WAITS", (1.0,))
    with pytest.raises(StudyError, match=r"table of trajectories .* cannot be read"):
        fetch()
