"""Being asked to stop: schedulers send SIGTERM some time before they kill."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self.came = False


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Take note of SIGTERM while inside, instead of dying of it."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # signals reach the main thread only
        return

    def note(_number, _frame) -> None:
        request.came = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
