"""Layers of the network by name: to look at their gradients, and to keep them as they are."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from rungs.errors import StudyError


class Layer(NamedTuple):
    """A part of the network by the start of its parameters' names."""

    name: str
    prefix: str


def layers(model: torch.nn.Module) -> list[Layer]:
    """Return the layers that the GGA to r2SCAN paper names, those that ``model`` has.

    The last atom convolution is the one before the readout. A network with two interaction blocks
    has one bond convolution, the first and the last at once.
    """
    named = _named(model)
    unique = {layer.prefix: layer for layer in reversed(named)}
    return [
        layer
        for layer in named
        if unique[layer.prefix] is layer and _parameters(model, layer.prefix)
    ]


def freeze(model: torch.nn.Module, names: Sequence[str]) -> None:
    """Keep layers as they are: their parameters take part in no training.

    Args:
        model: changed in place.
        names: of :data:`rungs.config.methods.LayerGroup`: a layer of :func:`layers` in small
            letters with ``_`` for blanks, or all convolutions of a kind, or the readout.

    Raises:
        StudyError: for a layer that the network does not have, and where nothing is left to train.
    """
    prefixes = {layer.name.lower().replace(" ", "_"): (layer.prefix,) for layer in _named(model)}
    prefixes |= {
        "atom_convolutions": ("atom_conv_layers.",),
        "bond_convolutions": ("bond_conv_layers.",),
        "angle_updates": ("angle_layers.",),
        "readout": ("readout_norm.", "mlp."),
    }
    for name in names:
        found = [p for prefix in prefixes[name] for p in _parameters(model, prefix)]
        if not found:
            raise StudyError(f"freeze: the network has no layer {name}; leave it out")
        for parameter in found:
            parameter.requires_grad_(False)
    references = {id(p) for p in model.composition_model.parameters()}
    if not any(p.requires_grad and id(p) not in references for p in model.parameters()):
        raise StudyError("freeze: no layer is left to train; freeze fewer of them")


def part_of(name: str) -> str:
    """Return which of :class:`rungs.config.training.RateFactors` a parameter belongs to.

    Args:
        name: of the parameter, as ``named_parameters`` has it.
    """
    first = name.split(".", 1)[0]
    if first == "composition_model":
        return "references"
    if first in ("atom_conv_layers", "bond_conv_layers", "angle_layers"):
        return "convolutions"
    return "readout" if first in ("site_wise", "readout_norm", "mlp") else "embeddings"


def _named(model: torch.nn.Module) -> list[Layer]:
    last = {kind: len(getattr(model, f"{kind}_conv_layers")) - 1 for kind in ("atom", "bond")}
    return [
        Layer("atom embedding", "atom_embedding."),
        Layer("bond embedding", "bond_embedding."),
        Layer("angle embedding", "angle_embedding."),
        Layer("first atom convolution", "atom_conv_layers.0."),
        Layer("last atom convolution", f"atom_conv_layers.{last['atom']}."),
        Layer("first bond convolution", "bond_conv_layers.0."),
        Layer("last bond convolution", f"bond_conv_layers.{last['bond']}."),
        Layer("first layer of the MLP", "mlp.layers.0."),
    ]


def _parameters(model: torch.nn.Module, prefix: str) -> list[torch.nn.Parameter]:
    return [p for name, p in model.named_parameters() if name.startswith(prefix)]
