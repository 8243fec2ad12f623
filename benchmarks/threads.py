"""What a second thread brings to a training, against a second training beside it."""

import statistics
from collections.abc import Callable, Iterable

HEADER = (
    "",
    "1 job, 1 thread: ms",
    "1 job, 2 threads: ms",
    "2 jobs, 1 thread each: ms",
    "a second thread",
    "a second job",
)


def time_threads(
    cases: Iterable[str], start: Callable, outcome: Callable, rounds: int = 5
) -> tuple[tuple, list]:
    """Return a table of medians of an epoch's time; how many times the work is done in the same
    time by a second thread, and by a second job.

    Args:
        cases: names of models with their frames and batches.
        start: starts a process that trains with the compiled network alone.
        outcome: waits for it and returns what it found.
        rounds: counted epochs of each.
    """
    rows = []
    for case in cases:

        def times(case: str = case, jobs: int = 1, threads: int = 1) -> float:
            running = [
                start(case, "rungs, compiled", threads=threads, rounds=rounds) for _ in range(jobs)
            ]
            return statistics.mean(statistics.median(outcome(x)["seconds"]) for x in running)

        one, two, both = times(), times(threads=2), times(jobs=2)
        milliseconds = (f"{1e3 * seconds:.0f}" for seconds in (one, two, both))
        rows.append((case, *milliseconds, f"{one / two:.2f}", f"{2 * one / both:.2f}"))
    return HEADER, rows
