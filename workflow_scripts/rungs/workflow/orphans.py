"""Jobs whose Snakemake was killed.

``kill -9`` of Snakemake leaves its jobs running, with nobody to take their results. Each job
therefore watches the process that started it, and asks itself to stop (SIGTERM: a training writes a
checkpoint first) when that one is gone. On a cluster this is the Snakemake on the job's own node: a
job there goes on when the one on the login node ends.
"""

import multiprocessing
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

STARTED_BY = "RUNGS_STARTED_BY"
"""Environment variable with the id of the Snakemake process that starts jobs."""


def stop_as_orphan(say: Callable[[str], None]) -> None:
    """Watch the process in the variable ``RUNGS_STARTED_BY`` from now on, if it can be seen.

    A container may have process ids of its own: what is no ancestor there is not watched.

    Args:
        say: told before SIGTERM.
    """
    starter = int(os.environ.get(STARTED_BY, "0"))
    if starter in _ancestors():
        threading.Thread(target=_watch, args=(starter, say), daemon=True).start()


def stop_with_parent() -> None:
    """In a process that ``multiprocessing`` has started: SIGTERM when its parent is gone."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()


def _ancestors() -> Iterator[int]:
    """Yield the processes above this one, the nearest first."""
    process = os.getppid()
    while process > 0:
        yield process
        try:
            # "number (name) state parent ...", and a name may have brackets and blanks.
            status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return  # not Linux, or gone meanwhile
        process = int(status.rpartition(")")[2].split()[1])


def _watch(process: int, say: Callable[[str], None]) -> None:
    _wait_for_end(process)
    say(f"the Snakemake that started this job (process {process}) is gone; stopping")
    os.kill(os.getpid(), signal.SIGTERM)


def _wait_for_end(process: int) -> None:
    """Return when ``process`` has ended, also where nobody has taken note of its end."""
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            return
        except OSError:
            pass  # a kernel, or a container, without it
        else:
            select.select([descriptor], [], [])
            os.close(descriptor)
            return
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        except PermissionError:
            return  # the number is somebody else's now
        time.sleep(1)
