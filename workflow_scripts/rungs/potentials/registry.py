"""The architectures there are, and which of them a network is.

Another one is a folder beside ``chgnet/`` and ``mace/``, a line here, and its options in
:mod:`rungs.config.architectures`.
"""

import importlib
from typing import TYPE_CHECKING

from torch import nn

from rungs.config.architectures import SUM
from rungs.errors import StudyError

if TYPE_CHECKING:
    from rungs.potentials.architecture import Architecture, Evaluated

_MODULES = {
    "chgnet": "rungs.potentials.chgnet.architecture",
    "mace": "rungs.potentials.mace.architecture",
}
DEFAULT = "chgnet"
NAMES = tuple(_MODULES)
"""Those of single networks, which a configuration may ask for."""
_MODULES[SUM] = "rungs.potentials.delta.architecture"


def architecture(name: str) -> "Architecture":
    """Return the architecture of a name of ``NAMES``; imported when it is asked for. For ``SUM`` it
    is what evaluates a sum, which cannot be trained."""
    return importlib.import_module(_MODULES[name]).ARCHITECTURE


def architecture_of(model: nn.Module) -> "Evaluated":
    """Return what evaluates and saves a network: by its attribute ``architecture_name``, CHGNet's
    where it has none, as CHGNet's own class."""
    return architecture(getattr(model, "architecture_name", DEFAULT))


def trained_architecture_of(model: nn.Module) -> "Architecture":
    """Return the same of a network that is to be trained.

    Raises:
        StudyError: for a sum of networks.
    """
    if getattr(model, "architecture_name", DEFAULT) not in NAMES:
        raise StudyError(
            "the model is a sum of two networks, as delta learning makes, and cannot be trained "
            "further; start from the network that it was built on (results/STUDY/pretrained), or "
            "from one of another method"
        )
    return architecture_of(model)
