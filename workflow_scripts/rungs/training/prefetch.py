"""Putting the next batch together while the device works on this one."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetcher(Generic[Item]):
    """Makes items, the next one in a thread of its own.

    Args:
        make: makes the item of a key.
        background: whether to make the next one early. On the CPU that gains nothing: the thread
            would take its time from the computation.
    """

    def __init__(self, make: Callable[[Hashable], Item], *, background: bool) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, "prefetch") if background else None
        self._next: tuple[Hashable, Future] | None = None

    def take(self, key: Hashable, upcoming: Hashable | None = None) -> Item:
        """Return the item of ``key`` and begin to make that of ``upcoming``."""
        waiting, self._next = self._next, None
        is_ready = waiting is not None and waiting[0] == key
        item = waiting[1].result() if is_ready else self._make(key)
        if self._pool is not None and upcoming is not None:
            self._next = upcoming, self._pool.submit(self._make, upcoming)
        return item
