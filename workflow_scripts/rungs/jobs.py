"""What every job of the workflow does around its one library call.

Everything a job prints goes to its log file, libraries' chatter and progress bars included; the
terminal gets one line when the job ends.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from rungs.errors import StudyError


@contextlib.contextmanager
def job(log: str | os.PathLike) -> Iterator[Callable[[str], None]]:
    """Send standard output and error to ``log``; give a function that prints to both.

    A :class:`StudyError` ends the process with its message on the terminal and in the log, without
    a traceback; any other exception leaves its traceback in the log and its last line, with the
    name of the log, on the terminal.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.fdopen(os.dup(2), "w", buffering=1)
    with open(path, "w", buffering=1, encoding="utf-8") as handle:
        # On the level of file descriptors, so that compiled libraries are caught too.
        os.dup2(handle.fileno(), 1)
        os.dup2(handle.fileno(), 2)

        def say(line: str) -> None:
            print(line, file=sys.stderr, flush=True)
            print(line, file=terminal)

        try:
            yield say
        except StudyError as error:
            say(f"error: {error}")
            sys.exit(1)
        except Exception as error:
            traceback.print_exc()
            print(f"error: {type(error).__name__}: {error} (details in {path})", file=terminal)
            sys.exit(1)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(terminal.fileno(), 2)
            terminal.close()
