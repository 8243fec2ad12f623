"""Importing mace without what it does to the process."""

import contextlib
import importlib
import io
import os
import warnings
from types import ModuleType

from rungs.potentials.stand_ins import stand_ins
from rungs.workflow.packages import require

_UNSAFE = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_PACKAGES = {
    "mace.modules": None,
    "mace.tools": "mace.tools.torch_tools",
    "e3nn.io": "e3nn.io._cartesian_tensor",
}
"""Whose first lines import training loops, metrics and pyplot."""


def mace_module(name: str, *, whole: bool = False) -> ModuleType:
    """Return a module of mace.

    Importing mace lets every ``torch.load`` of the process run code from files unless told not to;
    afterwards that is as it was before.

    Args:
        name: of the module.
        whole: whether with the first lines of its packages, as modules for training need them.

    Raises:
        StudyError: where the extra is not installed.
    """
    require("mace", "a MACE")
    before = os.environ.get(_UNSAFE)
    try:
        import mace  # noqa: F401  the modules' stand-ins need it

        # e3nn reads a file of its own that would not pass as plain values.
        os.environ[_UNSAFE] = "1"
        with quiet(), stand_ins({} if whole else _PACKAGES):
            return importlib.import_module(name)
    finally:
        os.environ.pop(_UNSAFE, None)
        if before is not None:
            os.environ[_UNSAFE] = before


@contextlib.contextmanager
def quiet():
    """Keep back what mace and e3nn print and warn of when they are imported or make a network."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
