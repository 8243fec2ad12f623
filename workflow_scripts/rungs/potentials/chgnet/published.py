"""CHGNet models from published weights and from random numbers."""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from rungs.config.architectures import CHGNetArchitecture
from rungs.config.published import MODELS
from rungs.errors import StudyError
from rungs.potentials.chgnet.lean_import import chgnet_model_only

if TYPE_CHECKING:
    from chgnet.model import CHGNet

PUBLISHED = MODELS
"""Names of the weights that come with the chgnet package."""


def load_published(name: str, device: torch.device | str = "cpu") -> "CHGNet":
    """Return a CHGNet with published weights.

    Args:
        name: one of ``PUBLISHED``.
        device: where its parameters go.

    Raises:
        StudyError: for another name.
    """
    if name not in PUBLISHED:
        raise StudyError(f"no published CHGNet {name!r}; there are {', '.join(PUBLISHED)}")
    with chgnet_model_only():
        from chgnet.model.model import CHGNet

    with silence():
        model = CHGNet.load(model_name=name, use_device="cpu", verbose=False)
    return model.to(device)


def new_model(architecture: CHGNetArchitecture, seed: int) -> "CHGNet":
    """Return a CHGNet with random weights; the global random state is left as it was.

    Its reference energies are those that chgnet fitted to MPtrj, until others are set.

    Args:
        architecture: sizes and cutoffs.
        seed: determines the weights.
    """
    with chgnet_model_only():
        from chgnet.model.model import CHGNet

    with silence(), torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the generators of GPUs as well.
        torch.default_generator.manual_seed(seed)
        return CHGNet(composition_model="MPtrj", **architecture.model_dump(exclude={"kind"}))


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep back what chgnet prints when a model is made."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
