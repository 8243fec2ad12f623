"""The architectures there are, and which of them a network is.

Another one is a folder beside ``chgnet/`` and ``mace/``, a line here, and its options in
:mod:`rungs.config.architectures`.
"""

import importlib
from typing import TYPE_CHECKING

from torch import nn

from rungs.config.architectures import SUM

if TYPE_CHECKING:
    from rungs.potentials.architecture import Architecture

_MODULES = {
    "chgnet": "rungs.potentials.chgnet.architecture",
    "mace": "rungs.potentials.mace.architecture",
}
DEFAULT = "chgnet"
NAMES = tuple(_MODULES)
"""Those of single networks, which a configuration may ask for."""
_MODULES[SUM] = "rungs.potentials.delta.architecture"


def architecture(name: str) -> "Architecture":
    """Return the architecture of a name of ``NAMES``, or ``SUM``; imported when it is asked for."""
    return importlib.import_module(_MODULES[name]).ARCHITECTURE


def architecture_of(model: nn.Module) -> "Architecture":
    """Return the architecture of a network: that of its attribute ``architecture_name``, CHGNet's
    where it has none, as CHGNet's own class."""
    return architecture(getattr(model, "architecture_name", DEFAULT))
