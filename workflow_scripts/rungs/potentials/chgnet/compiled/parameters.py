"""Which CHGNets the compiled network knows, and what it has to be told of one."""

import ctypes
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from rungs.potentials.chgnet.gated import linear_layers
from rungs.potentials.chgnet.geometry import ACOS_MARGIN, FOURIER_CONSTANT

_MOST_READOUT = 8
"""As in ``model.hpp``: hidden layers of the last network."""
_WIDEST = 256
"""As in ``dense.hpp``: features of an atom, a bond or an angle."""


class Spec(ctypes.Structure):
    """Sizes and constants of a model, as ``model.hpp`` has them."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_elements", "n_conv", "atom", "bond", "angle")),
        *((f"n_{name}", ctypes.c_int64) for name in ("radial_atom", "radial_bond", "angular")),
        *((f"hidden_{name}", ctypes.c_int64) for name in ("atom", "bond", "angle")),
        *((f"has_{name}", ctypes.c_int64) for name in ("norm", "output_bias", "readout_norm")),
        ("n_readout", ctypes.c_int64),
        ("readout", ctypes.c_int64 * _MOST_READOUT),
        *((name, ctypes.c_double) for name in ("cutoff_atom", "cutoff_bond", "power_atom")),
        *((name, ctypes.c_double) for name in ("power_bond", "epsilon", "margin", "constant")),
    ]


def spec_of(model: nn.Module) -> Spec | None:
    """Return what the compiled network is told of ``model``; None where it does not know such.

    It knows what :func:`rungs.potentials.chgnet.support.refuse_unsupported` lets through, with SiLU
    in all networks, at most two layers in the gated ones, all convolutions of one kind alike, and
    at most 256 features.
    """
    updates = [*model.atom_conv_layers, *model.bond_conv_layers], [*model.angle_layers][:-1]
    gates = [_gated(layer) for layers in updates for layer in layers]
    outputs = [layer.mlp_out.layers[-1] for layer in updates[0]]
    norms = [norm for gate in gates for norm in (gate.bn1, gate.bn2)] + [model.readout_norm]
    epsilons = {norm.eps for norm in norms if norm is not None}
    readout = linear_layers(model.mlp)
    hidden = [_hidden(layers) for layers in (model.atom_conv_layers, model.bond_conv_layers)]
    hidden.append(_hidden(model.angle_layers))
    widths = [int(model.model_args[f"{name}_fea_dim"]) for name in ("atom", "bond", "angle")]
    if (
        None in hidden
        or max(widths) > _WIDEST
        or len({gate.norm for gate in gates}) > 1
        or len({output.bias is None for output in outputs}) > 1
        or len(epsilons) > 1
        or len(readout) > _MOST_READOUT + 1
        or not all(isinstance(gate.activation, nn.SiLU) for gate in gates)
        or not all(isinstance(x, nn.Linear | nn.SiLU | nn.Dropout) for x in model.mlp.layers)
        or not all(layer.bias is not None for layer in [*readout, model.site_wise])
    ):
        return None
    radial = model.bond_basis_expansion
    return Spec(
        *model.atom_embedding.embedding.weight.shape[:1],
        len(model.atom_conv_layers),
        *widths,
        len(radial.rbf_expansion_ag.frequencies),
        len(radial.rbf_expansion_bg.frequencies),
        len(model.angle_basis_expansion.fourier_expansion.frequencies),
        *hidden,
        gates[0].norm is not None,
        outputs[0].bias is not None,
        model.readout_norm is not None,
        len(readout) - 1,
        (ctypes.c_int64 * _MOST_READOUT)(*(layer.out_features for layer in readout[:-1])),
        *(
            float(x.smooth_cutoff.cutoff)
            for x in (radial.rbf_expansion_ag, radial.rbf_expansion_bg)
        ),
        *(float(x.smooth_cutoff.p) for x in (radial.rbf_expansion_ag, radial.rbf_expansion_bg)),
        epsilons.pop() if epsilons else 0.0,
        ACOS_MARGIN,
        FOURIER_CONSTANT,
    )


def parameters_of(model: nn.Module) -> list[Tensor | None]:
    """Return the parameters, and fixed frequencies, in the order in which ``model.hpp`` reads them;
    None stands for what a layer lacks."""
    return list(_parameters(model))


def _parameters(model: nn.Module) -> Iterator[Tensor | None]:
    yield model.atom_embedding.embedding.weight
    yield model.bond_embedding.weight
    yield model.bond_weights_ag.weight
    yield model.bond_weights_bg.weight
    yield model.angle_embedding.weight
    yield model.bond_basis_expansion.rbf_expansion_ag.frequencies
    yield model.bond_basis_expansion.rbf_expansion_bg.frequencies
    yield model.angle_basis_expansion.fourier_expansion.frequencies
    for layers in (model.atom_conv_layers, model.bond_conv_layers):
        for layer in layers:
            yield from _of_gate(_gated(layer))
            yield from _both(layer.mlp_out.layers[-1])
    for layer in [*model.angle_layers][:-1]:
        yield from _of_gate(_gated(layer))
    yield from _both(model.site_wise)
    yield from _both(model.readout_norm)
    for layer in linear_layers(model.mlp):
        yield from _both(layer)


def _of_gate(gated: nn.Module) -> Iterator[Tensor | None]:
    core, gate = linear_layers(gated.mlp_core), linear_layers(gated.mlp_gate)
    for i in range(2):
        for layers in (core, gate):
            yield from _both(layers[i] if i < len(layers) else None)
    for norm in (gated.bn1, gated.bn2):
        yield from _both(norm)


def _both(layer: nn.Module | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if layer is None else (layer.weight, layer.bias)


def _gated(layer: nn.Module) -> nn.Module:
    return layer.twoBody_atom if hasattr(layer, "twoBody_atom") else layer.twoBody_bond


def _hidden(layers: nn.ModuleList) -> int | None:
    """Return the width of the hidden layer of all gated networks, 0 without one; None where they
    differ or have more, or lack biases."""
    found = set()
    for layer in layers:
        for mlp in (_gated(layer).mlp_core, _gated(layer).mlp_gate):
            linear = linear_layers(mlp)
            if len(linear) > 2 or any(one.bias is None for one in linear):
                return None
            found.add(linear[0].out_features if len(linear) == 2 else 0)
    return found.pop() if len(found) == 1 else None


def are_on_cpu(tensors: list[Tensor | None], dtype: torch.dtype) -> bool:
    """Return whether all ``tensors`` are on the CPU and of ``dtype``."""
    return all(t is None or (t.device.type == "cpu" and t.dtype == dtype) for t in tensors)
