"""Steps that make the model a training starts from: weights and embeddings."""

from collections.abc import Mapping

import torch

from rungs.config.training import Architecture
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.potentials.chgnet.published import new_model


def redraw(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Return a CHGNet of the same architecture as ``model``, with random weights."""
    known = {key: model.model_args[key] for key in Architecture.model_fields}
    for key in ("atom_conv_hidden_dim", "bond_conv_hidden_dim", "mlp_hidden_dims"):
        if not isinstance(known[key], int):
            known[key] = list(known[key])
    return new_model(Architecture.model_validate(known), seed)


def copy_embedding(model: torch.nn.Module, pairs: Mapping[str, str]) -> None:
    """Let each element in ``pairs`` start from the embedding of another, ``{target: source}``.

    Raises:
        StudyError: for a symbol that is no element CHGNet knows.
    """
    embedding = model.atom_embedding.embedding.weight
    with torch.no_grad():
        for target, source in pairs.items():
            for symbol in (target, source):
                if symbol not in ATOMIC_NUMBERS:
                    raise StudyError(f"copy_embedding: {symbol!r} is no element from H to Pu")
            # CHGNet's embedding has hydrogen in row 0.
            embedding[ATOMIC_NUMBERS[target] - 1] = embedding[ATOMIC_NUMBERS[source] - 1].clone()
