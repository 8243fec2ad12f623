"""Importing mace without what it does to the process."""

import contextlib
import importlib
import io
import os
import warnings
from types import ModuleType

from rungs.errors import StudyError

_UNSAFE = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
COMMAND = "make setup EXTRAS=mace"


def mace_module(name: str) -> ModuleType:
    """Return a module of mace.

    Importing mace lets every ``torch.load`` of the process run code from files unless told not to;
    afterwards that is as it was before.

    Raises:
        StudyError: where the extra is not installed.
    """
    before = os.environ.get(_UNSAFE)
    try:
        with quiet():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mace", "e3nn"):
            raise
        raise StudyError(f"a MACE needs the extra mace; install it: {COMMAND}") from None
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
