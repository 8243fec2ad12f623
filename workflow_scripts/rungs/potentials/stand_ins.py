"""Importing modules of other packages without the first lines of these packages.

Such lines often import molecular dynamics, optimisers, pyplot and much else that takes longer than
PyTorch itself and that no short job has a use for.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def stand_ins(packages: Mapping[str, str | None]) -> Iterator[None]:
    """Let modules of packages be imported while others stand in the packages' places.

    Afterwards importing the packages does all that it ever does.

    Args:
        packages: each with the module that has the names which are asked of it.
    """
    with ExitStack() as stack:
        for package, names_from in packages.items():
            stack.enter_context(_stand_in(package, names_from))
        yield


@contextmanager
def _stand_in(package: str, names_from: str | None) -> Iterator[None]:
    if package in sys.modules:
        yield
        return
    module = ModuleType(package)
    root, _, inside = package.partition(".")
    origin = Path(importlib.util.find_spec(root).origin).parent
    module.__path__ = [str(origin.joinpath(*inside.split(".")))]
    if names_from:
        module.__getattr__ = lambda name: getattr(importlib.import_module(names_from), name)
    sys.modules[package] = module
    try:
        yield
    finally:
        if sys.modules.get(package) is module:
            del sys.modules[package]
