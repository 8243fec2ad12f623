"""CHGNet's updates of atoms, bonds and angles, on a whole batch.

N atoms, B bonds, M of them in angles, S stored angles, A angles in both orders; see
:class:`rungs.graphs.batch.GraphBatch` for halves and stored angles.
"""

from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.gated import finish, first_layer
from rungs.potentials.chgnet.geometry import Embedded
from rungs.potentials.chgnet.second_order import Sweep
from rungs.potentials.potential import sum_by


class Convolutions:
    """The updates for one batch, and what they have in common.

    Args:
        batch: the graphs.
        embedded: the features of its geometry.
        sweep: through which the caller announces the gradient with respect to the geometry.
    """

    def __init__(self, batch: GraphBatch, embedded: Embedded, sweep: Sweep) -> None:
        self._batch = batch
        self._sweep = sweep
        self._bond_weights = embedded.bond_weights
        self._angle_bond_weights = embedded.angle_bond_weights
        self._centres = batch.bond_atoms.reshape(-1)
        self._neighbours = batch.bond_atoms.flip(0).reshape(-1)

    def update_atoms(self, layer: nn.Module, atoms: Tensor, bonds: Tensor) -> Tensor:
        """Return (N, atom_fea_dim) atom features after messages along all bonds, both ways."""
        gated = layer.twoBody_atom
        width = atoms.shape[1]
        sizes = [width, bonds.shape[1], width]
        (to_centre, to_bond, to_neighbour), bias = first_layer(gated, sizes)
        rows = linear(atoms, to_centre).index_select(0, self._centres)
        rows = rows + linear(atoms, to_neighbour).index_select(0, self._neighbours)
        rows = _over_halves(rows) + linear(bonds, to_bond, bias)
        messages = finish(gated, rows.flatten(0, 1), self._sweep)
        messages = (_over_halves(messages) * self._bond_weights).flatten(0, 1)
        received = sum_by(messages, self._centres, len(atoms))
        return atoms + layer.mlp_out(received)

    def update_bonds(
        self, layer: nn.Module, atoms: Tensor, bonds: Tensor, angles: Tensor
    ) -> Tensor:
        """Return (B, bond_fea_dim) bond features after messages over all angles.

        Only bonds in angles receive messages. The weight of the receiving bond is the same for
        all that it receives, so it multiplies their sum.
        """
        batch, gated = self._batch, layer.twoBody_bond
        n_short = batch.n_angle_bonds
        rows = self._add_up(self._angle_tables(gated, atoms, bonds, angles))
        messages = finish(gated, rows, self._sweep) * self._second_weights
        received = sum_by(messages, batch.angle_bonds[0], n_short)
        received = received * self._angle_bond_weights
        output = layer.mlp_out.layers[-1]
        changed = bonds[:n_short] + linear(received, output.weight)
        bonds = torch.cat([changed, bonds[n_short:]])
        if output.bias is not None:
            has_angles = batch.has_angles.index_select(0, batch.bond_frames)
            bonds = bonds + has_angles[:, None] * output.bias
        return bonds

    def update_angles(
        self, layer: nn.Module, atoms: Tensor, bonds: Tensor, angles: Tensor
    ) -> Tensor:
        """Return (A, angle_fea_dim) angle features."""
        gated = layer.twoBody_bond
        rows = self._add_up(self._angle_tables(gated, atoms, bonds, angles))
        return self._in_both_orders(angles) + finish(gated, rows, self._sweep)

    def _angle_tables(
        self, gated: nn.Module, atoms: Tensor, bonds: Tensor, angles: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what adds up to the first layer of [first bond, second bond, angle, atom].

        Half of the first bond with the centre atom (2M, 2h), second bond (M, 2h), angle (… , 2h).
        """
        batch = self._batch
        bonds = bonds[: batch.n_angle_bonds]
        width = bonds.shape[1]
        sizes = [width, width, angles.shape[1], atoms.shape[1]]
        (to_first, to_second, to_angle, to_atom), bias = first_layer(gated, sizes)
        # A half of the first bond knows the centre atom too: one gather for both.
        centres = batch.bond_atoms[:, : batch.n_angle_bonds].reshape(-1)
        halves = _over_halves(linear(atoms, to_atom, bias).index_select(0, centres))
        halves = (halves + linear(bonds, to_first)).flatten(0, 1)
        return halves, linear(bonds, to_second), linear(angles, to_angle)

    def _add_up(self, tables: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return (A, 2h) sums of the rows of ``tables`` that belong to each angle."""
        halves, second, angles = tables
        rows = halves.index_select(0, self._batch.angle_halves)
        rows = rows + second.index_select(0, self._batch.angle_bonds[1])
        return rows + self._in_both_orders(angles)

    def _in_both_orders(self, rows: Tensor) -> Tensor:
        """Return (A, …) rows from (S, …), or the rows as they are if they are A already."""
        if len(rows) == self._batch.n_angles:
            return rows
        return torch.cat([rows, rows[: self._batch.n_mirrored]])

    @cached_property
    def _second_weights(self) -> Tensor:
        # the same in all layers
        return self._angle_bond_weights.index_select(0, self._batch.angle_bonds[1])


def _over_halves(rows: Tensor) -> Tensor:
    """Return rows (2K, …) as (2K, …) → (2, K, …): bonds seen from their first, second atom."""
    return rows.view(2, len(rows) // 2, *rows.shape[1:])
