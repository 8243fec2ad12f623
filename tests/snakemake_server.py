"""Snakemake, imported once and forked for every command.

Most of a short command's time goes into importing Snakemake and all plugins that are installed. The
server imports them once; each command runs in a fork of it, as ``python -m snakemake`` would from
there on, with the environment of the test that asks.
"""

import contextlib
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


class SnakemakeServer:
    """Runs commands one after the other. It starts with the first of them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run ``snakemake`` with ``arguments`` in the repository.

        Returns:
            Its exit status, and as ``stdout`` all that was printed, errors included.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
            )
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
            request = {
                "arguments": arguments,
                "environment": dict(os.environ),
                "output": said.name,
            }
            print(json.dumps(request), file=self._process.stdin, flush=True)
            status = self._process.stdout.readline()
            if not status:
                raise RuntimeError(f"the server ended with {self._process.wait()}")
            return subprocess.CompletedProcess(arguments, int(status), said.read())

    def stop(self) -> None:
        """End the server, if it ever started."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()


def _serve() -> dict | None:
    """Answer requests with exit statuses; returns in each fork, with the request that is its."""
    for line in sys.stdin:
        fork = os.fork()
        if not fork:
            return json.loads(line)
        _, status = os.waitpid(fork, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _become_snakemake(request: dict) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    for number, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, standard)
    os.close(nothing)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = str(REPOSITORY)
    sys.argv[1:] = request["arguments"]
    sys.orig_argv = [sys.executable, "-m", "snakemake", *sys.argv[1:]]
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.path[0] = str(REPOSITORY / "workflow_scripts")
        for name in ("snakemake.cli", "snakemake.report", "rungs.config"):
            importlib.import_module(name)
        mine = _serve()
        if mine is not None:
            _become_snakemake(mine)
