"""In every process of a pod: trainings keep a checkpoint after each update, and are killed once.

Python imports this module when it starts.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys
from pathlib import Path


class _Patching(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):  # noqa: ARG002
        if name != "rungs.training.loop":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_patch(module):
            run(module)
            _patch(module)

        spec.loader.exec_module = run_and_patch
        return spec


def _patch(loop):
    save = loop.save_checkpoint
    loop.CHECKPOINT_SECONDS = 0.0

    def save_and_die(path, state, fingerprint):
        save(path, state, fingerprint)
        mark = Path(os.environ["POD_KILLED"]) / Path(path).name
        if state["update"] == 4 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    loop.save_checkpoint = save_and_die


if "POD_KILLED" in os.environ:
    sys.meta_path.insert(0, _Patching())
