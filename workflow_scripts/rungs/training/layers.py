"""Layers that a method keeps as they are."""

from collections.abc import Sequence

from torch import nn

from rungs.errors import StudyError
from rungs.potentials.references import references_of
from rungs.potentials.registry import trained_architecture_of


def freeze(model: nn.Module, names: Sequence[str]) -> None:
    """Keep layers as they are: their parameters take part in no training.

    Args:
        model: changed in place.
        names: of :data:`rungs.config.architectures.LayerGroup`; those of the model's architecture
            are what it calls groups.

    Raises:
        StudyError: for a layer that the network does not have, and where nothing is left to train.
    """
    groups = trained_architecture_of(model).groups(model)
    for name in names:
        prefixes = groups.get(name, ())
        found = [p for n, p in model.named_parameters() if prefixes and n.startswith(prefixes)]
        if not found:
            raise StudyError(f"freeze: the network has no layer {name}; leave it out")
        for parameter in found:
            parameter.requires_grad_(False)
    references = {id(p) for p in references_of(model).parameters()}
    if not any(p.requires_grad and id(p) not in references for p in model.parameters()):
        raise StudyError("freeze: no layer is left to train; freeze fewer of them")
