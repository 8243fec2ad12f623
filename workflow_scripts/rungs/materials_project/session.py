"""A session that asks the service politely, waits when told to, and believes no broken answer.

The client's own session retries three times within a second, asks for no compression, and takes
a page that is too short for the end of the data. This one is handed to the client instead.
"""

import json
import math
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import requests

from rungs.errors import StudyError

TEMPORARY = (429, 500, 502, 503, 504)
KEPT = "What was downloaded is kept: give the same command again and it goes on from there."

_TIMEOUT = (10, 90)
"""Seconds for the connection and between two pieces of an answer."""
_LONGEST_WAIT = 60.0
_SECONDS_A_TRY = 1.0


class PoliteSession(requests.Session):
    """Requests at a bounded rate, tried again with growing waits for a bounded time.

    An answer with status 200 is handed on only when it is whole: JSON with its ``data``, and as
    many records as its own count says. A status that waiting cannot mend is handed on as it is,
    except 401 and 403.

    Args:
        key: the service's key; it goes into a header and nowhere else.
        requests_per_second: the rate is never above this.
        patience: seconds after which a request that keeps failing is given up.
        say: told of each wait, in words.
        sleep, clock: in seconds; given by tests.

    Raises:
        StudyError: from every request, for a refused key, a blocked address, and when patience
            has run out.
    """

    def __init__(
        self,
        key: str,
        requests_per_second: float,
        patience: float = 900.0,
        say: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.headers["x-api-key"] = key
        self.headers["accept-encoding"] = "gzip"
        self.headers["user-agent"] = f"rungs/{version('rungs')} mp-api/{version('mp-api')}"
        self._interval = 1 / requests_per_second
        self._patience = patience
        self._say, self._sleep, self._clock = say, sleep, clock
        self._next_turn = -math.inf

    def request(self, method: str, url: str, **options: object) -> requests.Response:  # type: ignore[override]
        options["timeout"] = _TIMEOUT
        started, tries = self._clock(), 0
        while True:
            self._wait_for_turn()
            asked_wait = None
            try:
                response = super().request(method, url, **options)
            except (requests.ConnectionError, requests.Timeout) as error:
                fault = f"no answer ({type(error).__name__})"
            except (
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ):
                fault = "an answer that breaks off"
            else:
                fault = _fault(response, options.get("params"))
                asked_wait = _retry_after(response)
            if fault is None:
                return response
            tries += 1
            wait = asked_wait or min(_SECONDS_A_TRY * 2 ** (tries - 1), _LONGEST_WAIT)
            self._give_up_or_wait(url, fault, tries, wait, started)

    def _wait_for_turn(self) -> None:
        now = self._clock()
        if now < self._next_turn:
            self._sleep(self._next_turn - now)
        self._next_turn = max(now, self._next_turn) + self._interval

    def _give_up_or_wait(
        self, url: str, fault: str, tries: int, wait: float, started: float
    ) -> None:
        spent = self._clock() - started
        if spent + wait > self._patience:
            raise StudyError(
                f"the Materials Project answered {_path(url)} with {fault}, {tries} times in "
                f"{spent:.0f} s, and would have to be waited for {wait:.0f} s more; see "
                f"https://status.materialsproject.org and try later. {KEPT}"
            )
        self._say(f"the Materials Project gave {fault}; waiting {wait:.0f} s")
        self._sleep(wait)

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        # requests takes care of its own headers only; the key must not follow to another host
        super().rebuild_auth(prepared_request, response)
        if self.should_strip_auth(response.request.url, prepared_request.url):
            prepared_request.headers.pop("x-api-key", None)


def _path(url: str) -> str:
    return requests.utils.urlparse(url).path


def _fault(response: requests.Response, params: object) -> str | None:
    """What waiting may mend, in words; None for an answer to hand on.

    Raises:
        StudyError: for what waiting will not mend.
    """
    status = response.status_code
    if status in (401, 403):
        raise StudyError(
            f"the Materials Project refused the key in MP_API_KEY (status {status} for "
            f"{_path(response.url)}); copy it anew from https://materialsproject.org/api "
            "(32 characters). Status 403 can also mean that it has blocked this address: "
            f"wait some hours, or ask its support. {KEPT}"
        )
    body = _json(response)
    if status == 429 and isinstance(body, dict) and body.get("version") == "blocked":
        raise StudyError(
            "the Materials Project has blocked this address because requests came too fast "
            "(other programs on this network count too); wait some hours, lower "
            f"requests_per_second, or ask its support. {KEPT}"
        )
    if status in TEMPORARY:
        return f"status {status}"
    if status != 200:
        return None
    if not isinstance(body, dict):
        return "an answer that is no JSON"
    if _path(response.url).rstrip("/").endswith("/heartbeat"):
        if isinstance(body.get("db_version"), str) and body["db_version"]:
            return None
        return "a heartbeat without a database version"
    data, total = body.get("data"), (body.get("meta") or {}).get("total_doc")
    if not isinstance(data, list) or not isinstance(total, int):
        return "an answer without its data or their count"
    asked = params if isinstance(params, dict) else {}
    if "_limit" in asked:
        expected = min(int(asked["_limit"]), max(total - int(asked.get("_skip", 0)), 0))
        if len(data) < expected:
            return f"a page of {len(data)} records where {expected} are due"
    return None


def _json(response: requests.Response) -> object:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the answer asks to wait, from a number or a date."""
    text = response.headers.get("retry-after")
    if text is None or response.status_code not in TEMPORARY:
        return None
    try:
        return max(float(text), 0.1)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.1)
    except ValueError:
        return None
