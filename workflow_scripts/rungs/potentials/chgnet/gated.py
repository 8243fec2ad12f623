"""CHGNet's gated network, taken apart so that its first layer can act before the gather.

A gated network sees rows that are gathered and concatenated: [centre, bond, neighbour] for an
edge. A product over a concatenation is a sum of products, W [x, y] = Wx x + Wy y, and gathering
rows commutes with multiplying them. So the first layer is applied once per atom or bond and only
its results are gathered, which removes most of the work on edges and angles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rungs.potentials.chgnet.second_order import Sweep, layer_norm, silu


def first_layer(gated: nn.Module, sizes: Sequence[int]) -> tuple[list[Tensor], Tensor]:
    """Return the first layer of core and gate, stacked, cut into a weight for each input.

    Args:
        gated: a ``chgnet.model.functions.GatedMLP``.
        sizes: widths of the inputs, in the order of the concatenation.

    Returns:
        weights (2h, size) for each input, core above gate, and the bias (2h,).
    """
    core, gate = linear_layers(gated.mlp_core)[0], linear_layers(gated.mlp_gate)[0]
    weight = torch.cat([core.weight, gate.weight])
    return list(weight.split(list(sizes), dim=1)), torch.cat([core.bias, gate.bias])


def finish(gated: nn.Module, rows: Tensor, sweep: Sweep) -> Tensor:
    """Return what the gated network makes of the result of its first layer.

    Args:
        gated: a ``chgnet.model.functions.GatedMLP``.
        rows: (R, 2h), core in the first half, gate in the second, bias included.
        sweep: through which the caller announces the gradient with respect to the geometry.

    Returns:
        (R, output) activation(norm(core)) · sigmoid(norm(gate)).
    """
    activation = silu if isinstance(gated.activation, nn.SiLU) else gated.activation
    later = zip(linear_layers(gated.mlp_core)[1:], linear_layers(gated.mlp_gate)[1:], strict=True)
    core, gate = rows.chunk(2, dim=1)
    for of_core, of_gate in later:
        core, gate = of_core(activation(core)), of_gate(activation(gate))
    if gated.norm is not None:
        core, gate = layer_norm(core, gated.bn1, sweep), layer_norm(gate, gated.bn2, sweep)
    return activation(core) * torch.sigmoid(gate)


def linear_layers(mlp: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of a ``chgnet.model.functions.MLP``, in order."""
    return [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
