"""CHGNet's gated network, taken apart so that its first layer can act before the gather.

A gated network sees rows that are gathered and concatenated: [centre, bond, neighbour] for an
edge. A product over a concatenation is a sum of products, W [x, y] = Wx x + Wy y, and gathering
rows commutes with multiplying them. So the first layer is applied once per atom or bond and only
its results are gathered, which removes most of the work on edges and angles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rungs.potential.gated_rows import LaterLayers, Sweep, gated_rows

_WIDE = 128
"""Width of rows from which hand-written derivatives pay on a CPU: 64 features, twice."""


def first_layer(gated: nn.Module, sizes: Sequence[int]) -> tuple[list[Tensor], Tensor]:
    """Return the first layer of core and gate, stacked, cut into a weight for each input.

    Args:
        gated: a ``chgnet.model.functions.GatedMLP``.
        sizes: widths of the inputs, in the order of the concatenation.

    Returns:
        weights (2h, size) for each input, core above gate, and the bias (2h,).
    """
    core, gate = _linear_layers(gated.mlp_core)[0], _linear_layers(gated.mlp_gate)[0]
    weight = torch.cat([core.weight, gate.weight])
    return list(weight.split(list(sizes), dim=1)), torch.cat([core.bias, gate.bias])


def finish(gated: nn.Module, rows: Tensor, sweep: Sweep) -> Tensor:
    """Return what the gated network makes of the result of its first layer.

    Args:
        gated: a ``chgnet.model.functions.GatedMLP``.
        rows: (R, 2h), core in the first half, gate in the second, bias included.
        sweep: which gradient is being taken.

    Returns:
        (R, output) activation(norm(core)) · sigmoid(norm(gate)).
    """
    core, gate = _linear_layers(gated.mlp_core)[1:], _linear_layers(gated.mlp_gate)[1:]
    covered = isinstance(gated.activation, nn.SiLU) and len(core) <= 1
    # With one derivative only, and on narrow rows on a CPU, autograd is a little faster.
    worthwhile = sweep.twice and (rows.is_cuda or rows.shape[1] >= _WIDE)
    if covered and worthwhile:
        return gated_rows(rows, _later_layers(gated, core, gate), sweep)
    return finish_by_autograd(gated, rows)


def finish_by_autograd(gated: nn.Module, rows: Tensor) -> Tensor:
    """Return the same as :func:`finish`, for any activation and depth, at autograd's pace."""
    core, gate = rows.chunk(2, dim=1)
    for core_layer, gate_layer in zip(
        _linear_layers(gated.mlp_core)[1:], _linear_layers(gated.mlp_gate)[1:], strict=True
    ):
        core, gate = core_layer(gated.activation(core)), gate_layer(gated.activation(gate))
    if gated.norm is not None:
        core, gate = gated.bn1(core), gated.bn2(gate)
    return gated.activation(core) * torch.sigmoid(gate)


def _later_layers(
    gated: nn.Module, core: Sequence[nn.Linear], gate: Sequence[nn.Linear]
) -> LaterLayers:
    weight = bias = gamma = beta = None
    eps = 0.0
    if core:
        weight = torch.stack([core[0].weight, gate[0].weight])
        bias = torch.stack([core[0].bias, gate[0].bias])
    if gated.norm is not None:
        gamma = torch.stack([gated.bn1.weight, gated.bn2.weight])
        beta = torch.stack([gated.bn1.bias, gated.bn2.bias])
        eps = gated.bn1.eps
    return LaterLayers(weight, bias, gamma, beta, eps)


def _linear_layers(mlp: nn.Module) -> list[nn.Linear]:
    return [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
