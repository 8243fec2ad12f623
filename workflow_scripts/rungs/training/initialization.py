"""Steps that make the model a training starts from: random weights, and one element for another."""

import os
from collections.abc import Mapping

import numpy as np
from torch import nn

from rungs.config.architectures import AnyArchitecture
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS, SYMBOLS
from rungs.graphs.store import GraphStore
from rungs.potentials.architecture import Surroundings
from rungs.potentials.models import new_model
from rungs.potentials.registry import architecture, architecture_of, trained_architecture_of
from rungs.splits.files import read_elements


def random_model(
    options: AnyArchitecture,
    seed: int,
    elements: str | os.PathLike | None,
    store: GraphStore,
    training: np.ndarray,
) -> nn.Module:
    """Return a network with random weights for a training.

    Args:
        options: its kind and size.
        seed: determines the weights.
        elements: the table of the study's elements. A network that knows some alone knows all of
            them, so that none is missing after a transfer; others need no table.
        store, training: graphs, and places of the frames that it will be trained on.
    """
    around = None
    if architecture(options.kind).uses_surroundings:
        there = {row.element for row in read_elements(elements)}
        numbers = tuple(sorted(ATOMIC_NUMBERS[symbol] for symbol in there))
        around = Surroundings.of(store, training, numbers)
    return new_model(options, seed, around)


def refuse_lacking(model: nn.Module, elements: str | os.PathLike, where: str) -> None:
    """See that a network knows all elements of a study.

    Args:
        model: the network.
        elements: the table of the study's elements.
        where: the network's name or file.

    Raises:
        StudyError: naming those that it lacks.
    """
    known = {SYMBOLS[z - 1] for z in architecture_of(model).elements(model)}
    if lacking := sorted({row.element for row in read_elements(elements)} - known):
        raise StudyError(
            f"{where}: the network lacks {', '.join(lacking)}, which the study's frames have; take "
            "one that knows them, or leave such frames out by the levels' `filters`"
        )


def copy_embedding(model: nn.Module, pairs: Mapping[str, str]) -> None:
    """Let each element in ``pairs`` start from the weights of another, ``{target: source}``: for a
    CHGNet its embedding, for others all that is an element's own.

    Raises:
        StudyError: for a symbol that is no element, or one that the network does not know.
    """
    architecture = trained_architecture_of(model)
    for target, source in pairs.items():
        for symbol in (target, source):
            if symbol not in ATOMIC_NUMBERS:
                raise StudyError(f"copy_embedding: {symbol!r} is no element from H to Pu")
            if ATOMIC_NUMBERS[symbol] not in (known := architecture.elements(model)):
                raise StudyError(
                    f"copy_embedding: the network does not know {symbol}; it knows "
                    f"{', '.join(SYMBOLS[z - 1] for z in known)}"
                )
        architecture.copy_element(model, ATOMIC_NUMBERS[target], ATOMIC_NUMBERS[source])
