"""Distances, angles and what the network makes of them first, for a whole batch at once.

The formulas are CHGNet's (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)): radial Bessel functions
under a polynomial envelope, and a Fourier series of the angle between two bonds.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.basis import angular_waves, lengths_and_cosines, radial_waves
from rungs.potentials.chgnet.second_order import Sweep

ACOS_MARGIN = 1 - 1e-6
"""CHGNet's factor that keeps the derivative of acos finite at straight angles."""
FOURIER_CONSTANT = float(1 / torch.sqrt(torch.tensor([2.0])))
"""CHGNet's constant term of the Fourier series: 1/√2, rounded to float32."""


class Embedded(NamedTuple):
    """Features of B bonds, of M bonds in angles, and of S stored angles."""

    bonds: Tensor
    """(B, bond_fea_dim) initial bond features."""
    bond_weights: Tensor
    """(B, atom_fea_dim) smooth weights of messages along bonds."""
    angle_bond_weights: Tensor | None
    """(M, bond_fea_dim) smooth weights of messages between bonds; None without angles."""
    angles: Tensor | None
    """(S, angle_fea_dim) initial angle features; None without angles."""


def embed_geometry(model: nn.Module, batch: GraphBatch, vectors: Tensor, sweep: Sweep) -> Embedded:
    """Return the features that depend on the geometry alone.

    Args:
        model: a CHGNet.
        batch: the graphs.
        vectors: (B, 3) bond vectors in Å; gradients flow to them.
        sweep: through which the caller announces the gradient with respect to them.
    """
    first_bonds = batch.angle_bonds[:, : len(batch.angle_signs)]
    lengths, cosines = lengths_and_cosines(vectors, first_bonds, batch.angle_signs)
    radial = model.bond_basis_expansion
    # Both layers act on the same basis: one product.
    both = torch.cat([model.bond_embedding.weight, model.bond_weights_ag.weight])
    features = linear(radial_waves(radial.rbf_expansion_ag, lengths, sweep), both)
    bonds, bond_weights = features.split(
        [len(model.bond_embedding.weight), len(model.bond_weights_ag.weight)], dim=1
    )
    if batch.n_angles == 0:
        return Embedded(bonds, bond_weights, None, None)
    short = lengths[: batch.n_angle_bonds]
    weights = model.bond_weights_bg(radial_waves(radial.rbf_expansion_bg, short, sweep))
    return Embedded(bonds, bond_weights, weights, _angle_features(model, cosines, sweep))


def _angle_features(model: nn.Module, cosines: Tensor, sweep: Sweep) -> Tensor:
    """Return (S, angle_fea_dim) initial features of the stored angles."""
    frequencies = model.angle_basis_expansion.fourier_expansion.frequencies
    waves = angular_waves(frequencies, cosines * ACOS_MARGIN, sweep)
    # The constant term of the series is a bias of the linear layer that follows it.
    weight = model.angle_embedding.weight / math.sqrt(math.pi)
    return linear(waves, weight[:, 1:], weight[:, 0] * FOURIER_CONSTANT)
