"""Importing CHGNet's model without what its package brings along."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

# Packages whose own first lines are left out, and the module that has the names asked of each.
_PACKAGES = {"chgnet.model": None, "chgnet.utils": "chgnet.utils.common_utils"}


@contextmanager
def chgnet_model_only() -> Iterator[None]:
    """Let modules of ``chgnet.model`` be imported without the first lines of chgnet's packages.

    Those import molecular dynamics, optimisers, equations of state, pyplot and the parsers of
    VASP's output, which take longer than PyTorch itself and which no short job has a use for.
    Stand-ins take the packages' places inside; afterwards ``import chgnet.model`` does all that it
    ever does.
    """
    with ExitStack() as stack:
        for package, names_from in _PACKAGES.items():
            stack.enter_context(_stand_in(package, names_from))
        yield


@contextmanager
def _stand_in(package: str, names_from: str | None) -> Iterator[None]:
    if package in sys.modules:
        yield
        return
    module = ModuleType(package)
    chgnet = Path(importlib.util.find_spec("chgnet").origin).parent
    module.__path__ = [str(chgnet / package.partition(".")[2])]
    if names_from:
        module.__getattr__ = lambda name: getattr(importlib.import_module(names_from), name)
    sys.modules[package] = module
    try:
        yield
    finally:
        if sys.modules.get(package) is module:
            del sys.modules[package]
