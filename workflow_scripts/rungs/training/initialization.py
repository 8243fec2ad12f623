"""Steps that make the model a training starts from: weights, embeddings, references."""

from collections.abc import Mapping

import numpy as np
import torch

from rungs.config.training import Architecture
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER
from rungs.potentials.chgnet.published import new_model


def redraw(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Return a CHGNet of the same architecture as ``model``, with random weights."""
    known = {key: model.model_args[key] for key in Architecture.model_fields}
    for key in ("atom_conv_hidden_dim", "bond_conv_hidden_dim", "mlp_hidden_dims"):
        if not isinstance(known[key], int):
            known[key] = list(known[key])
    return new_model(Architecture.model_validate(known), seed)


def set_reference(model: torch.nn.Module, reference: np.ndarray) -> None:
    """Set the model's elemental reference energies, (94,) in eV/atom."""
    if reference.shape != (MAX_ATOMIC_NUMBER,) or not np.isfinite(reference).all():
        raise ValueError(f"{MAX_ATOMIC_NUMBER} finite reference energies needed")
    weight = model.composition_model.fc.weight
    with torch.no_grad():
        weight.copy_(torch.as_tensor(reference, dtype=weight.dtype).view(1, -1))


def get_reference(model: torch.nn.Module) -> np.ndarray:
    """Return the model's elemental reference energies, (94,) in eV/atom."""
    return model.composition_model.fc.weight.detach().cpu().double().numpy().reshape(-1).copy()


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
