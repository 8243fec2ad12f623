"""What every job of the workflow does around its one library call.

Everything a job prints goes to its log file, libraries' chatter and progress bars included; the
terminal gets one line when the job ends. The log is also the job's lock: the same job is never done
twice at once, whatever was killed before.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from rungs.errors import StudyError
from rungs.files import UnwritableError, full_disk, write_fault
from rungs.workflow.locks import FileLock
from rungs.workflow.orphans import stop_as_orphan

LOOK_AGAIN_SECONDS = 2.0
"""How often a job that waits for its twin looks whether that one has ended."""


@contextlib.contextmanager
def job(log: str | os.PathLike) -> Iterator[Callable[[str], None]]:
    """Send standard output and error to ``log``; give a function that prints to both.

    A :class:`StudyError` and a disk that cannot be written to end the process with one message on
    the terminal and in the log, without a traceback; any other exception leaves its traceback in
    the log and its last line, with the name of the log, on the terminal. SIGTERM ends the job with
    its files cleaned up, and so does the end of the Snakemake that started it
    (:mod:`rungs.workflow.orphans`).

    Where the same job is running already, of a Snakemake that was killed for instance, this one
    says so and waits.
    """
    path = Path(log)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.dup(2)

    def tell(line: str) -> None:
        # The terminal goes with a Snakemake that is killed; that is no fault of the job.
        with contextlib.suppress(OSError):
            os.write(terminal, f"{line}\n".encode())

    def say(line: str) -> None:
        tell(line)
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)

    with _alone(path, tell) as lock, _ending_on_request(say):
        # On the level of file descriptors, so that compiled libraries are caught too, and that
        # a process started by this one keeps the lock if it lives longer.
        os.dup2(lock.descriptor, 1)
        os.dup2(lock.descriptor, 2)
        try:
            stop_as_orphan(say)
            yield say
        except StudyError as error:
            say(f"error: {error}")
            sys.exit(1)
        except UnwritableError as error:
            say(f"error: {error}")
            sys.exit(1)
        except Exception as error:
            with contextlib.suppress(OSError):
                traceback.print_exc()
            if full_disk(error):
                tell(f"error: {write_fault(path, error)}")
            else:
                tell(f"error: {type(error).__name__}: {error} (details in {path})")
            sys.exit(1)
        finally:
            _empty(sys.stdout, 1)
            _empty(sys.stderr, 2)
            os.dup2(terminal, 2)
            os.close(terminal)


def _empty(stream: TextIO, descriptor: int) -> None:
    """Write what ``stream`` still holds; drop it where its log has no room.

    Python would try once more at its end: on the terminal, and then fail with a status of its own.
    """
    try:
        stream.flush()
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
        stream.flush()


@contextlib.contextmanager
def _alone(path: Path, tell: Callable[[str], None]) -> Iterator[FileLock]:
    """Hold the lock on the log ``path``; end the process where it cannot be written."""
    lock = FileLock(path)
    told = False
    try:
        while holder := lock.take():
            if not told:
                tell(f"{path}: the same job is running already ({holder}); waiting for its end")
                told = True
            time.sleep(LOOK_AGAIN_SECONDS)
    except OSError as error:
        tell(f"error: {write_fault(path, error) or error}")
        sys.exit(1)
    try:
        yield lock
    finally:
        lock.release()


@contextlib.contextmanager
def _ending_on_request(say: Callable[[str], None]) -> Iterator[None]:
    """Turn SIGTERM into the end of the block, so that half-written files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        say("stopped on request (SIGTERM); the same command starts this job again")
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
