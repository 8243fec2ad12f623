"""Networks to start from, and what evaluates them, whatever their architecture."""

from typing import TYPE_CHECKING

from torch import nn

from rungs.config.training import TRUSTED
from rungs.errors import StudyError
from rungs.potentials.registry import architecture, architecture_of, trained_architecture_of

if TYPE_CHECKING:
    from rungs.config.architectures import AnyArchitecture
    from rungs.potentials.architecture import Surroundings
    from rungs.potentials.potential import Flat, Potential


def new_model(
    options: "AnyArchitecture", seed: int, around: "Surroundings | None" = None
) -> nn.Module:
    """Return a network with random weights; see
    :meth:`rungs.potentials.architecture.Architecture.new`."""
    return architecture(options.kind).new(options, seed, around)


def load_initial(initial: str) -> nn.Module:
    """Return a published CHGNet by its name, or the model in a file by its path.

    Args:
        initial: :attr:`rungs.config.training.Pretraining.start`.

    Raises:
        StudyError: when it is neither, or a sum of networks, which cannot be trained further.
    """
    from rungs.potentials.chgnet.published import PUBLISHED, load_published
    from rungs.potentials.model_files import load_model

    if initial.startswith(TRUSTED):
        from rungs.potentials.mace.native import read_native

        return read_native(initial.removeprefix(TRUSTED))
    if initial in PUBLISHED:
        return load_published(initial)
    model = load_model(initial)
    try:
        trained_architecture_of(model)
    except StudyError as error:
        raise StudyError(f"pretraining.initial: {initial}: {error}") from None
    return model


def potential_of(
    model: nn.Module, *, compiled: bool = True, flat: "Flat | None" = None
) -> "Potential":
    """Return what evaluates a network on batches; see
    :meth:`rungs.potentials.architecture.Evaluated.potential`."""
    return architecture_of(model).potential(model, compiled=compiled, flat=flat)


def graph_cutoffs(initial: str, options: "AnyArchitecture | None") -> tuple[float, float]:
    """Return the cutoffs in Å of bonds and of angles (0 for none) that a network's graphs need.

    Args:
        initial: as for :func:`load_initial`; its model is asked where there are no ``options``.
        options: the section ``architecture``, or None.
    """
    if options is not None:
        return options.cutoffs
    model = load_initial(initial)
    return architecture_of(model).cutoffs(model)
