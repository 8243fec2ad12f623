"""Importing CHGNet's model without what its package brings along."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_PACKAGE = "chgnet.model"


@contextmanager
def chgnet_model_only() -> Iterator[None]:
    """Let modules of ``chgnet.model`` be imported without the package's own first lines.

    Those import molecular dynamics, optimisers, equations of state and pyplot, which take longer
    than PyTorch itself and which no short job has a use for. A stand-in takes the package's place
    inside; afterwards ``import chgnet.model`` does all that it ever does.
    """
    if _PACKAGE in sys.modules:
        yield
        return
    stand_in = ModuleType(_PACKAGE)
    chgnet = Path(importlib.util.find_spec("chgnet").origin).parent
    stand_in.__path__ = [str(chgnet / "model")]
    sys.modules[_PACKAGE] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(_PACKAGE) is stand_in:
            del sys.modules[_PACKAGE]
