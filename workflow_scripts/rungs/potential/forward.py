"""Energies, forces, stresses and magnetic moments of a batch, by an existing CHGNet."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.potential.gated import finish, first_layer
from rungs.potential.gated_rows import Sweep
from rungs.potential.geometry import embed_geometry
from rungs.potential.support import refuse_unsupported

EV_PER_CUBIC_ANGSTROM_IN_GPA = 160.21766208
"""CHGNet's constant."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Predictions for G frames with N atoms in all."""

    energy: Tensor
    """(G,) in eV/atom."""
    forces: Tensor | None
    """(N, 3) in eV/Å."""
    stress: Tensor | None
    """(G, 3, 3) in GPa, positive under tension."""
    magmoms: Tensor | None
    """(N,) absolute magnetic moments in μB."""


class BatchedCHGNet:
    """Evaluates a CHGNet on batches; the CHGNet's parameters stay the only ones.

    The mathematics is that of ``CHGNet.forward``, arranged differently: all frames of a batch at
    once, first layers applied before rows are gathered (:mod:`rungs.potential.gated`), and one
    gradient with respect to the bond vectors r, from which forces follow by adding up dE/dr at the
    atoms and stresses as Σ r ⊗ dE/dr / V. A frame's prediction does not depend on the other frames
    of its batch. Only with an output bias in the convolutions (version 0.2.0) does CHGNet itself
    lack this property: it adds the bias of the bond updates when *any* frame of the batch has
    angles, here it is added to the frames that have some, as when each is predicted alone.

    Args:
        model: a CHGNet. Training updates it in place, and it is saved by its own means.

    Raises:
        StudyError: when the model has a feature that is not covered.
    """

    def __init__(self, model: nn.Module) -> None:
        refuse_unsupported(model)
        self.model = model
        self._cutoffs = tuple(
            float(model.model_args[f"{kind}_graph_cutoff"]) for kind in ("atom", "bond")
        )

    def __call__(
        self,
        batch: GraphBatch,
        *,
        forces: bool = True,
        stress: bool = True,
        magmoms: bool = True,
        create_graph: bool = True,
    ) -> Prediction:
        """Return predictions for the frames of ``batch``.

        With ``create_graph`` a loss on any of them can be differentiated with respect to the
        parameters; ``loss.backward(inputs=parameters)`` spares the gradient with respect to the
        bond vectors. Without it the predictions are plain numbers and nothing is kept.

        Args:
            batch: graphs on the device and of the dtype of the model.
            forces, stress, magmoms: what to predict besides the energy.
            create_graph: whether the predictions will be differentiated.

        Raises:
            StudyError: when the graphs were built with other cutoffs than the model's.
        """
        if batch.cutoffs != self._cutoffs:
            raise StudyError(
                f"the graphs were built with the cutoffs {batch.cutoffs} Å, the model needs "
                f"{self._cutoffs} Å; build the graphs again with the model's cutoffs"
            )
        differentiate = forces or stress
        with torch.set_grad_enabled(create_graph or differentiate):
            sweep = Sweep()
            vectors = batch.bond_vectors.detach().requires_grad_(differentiate)
            energies, moments = self._atom_energies(batch, vectors, magmoms, sweep)
            total = _sum_by(energies, batch.atom_frames, batch.n_frames)
            energy = total / batch.n_atoms + self._reference_energy(batch)
            gradient = None
            if differentiate:
                with sweep.to_geometry():
                    (gradient,) = torch.autograd.grad(
                        energies.sum(), vectors, create_graph=create_graph
                    )
            if not create_graph:
                energy, vectors = energy.detach(), vectors.detach()
                moments = None if moments is None else moments.detach()
            return Prediction(
                energy,
                _forces(batch, gradient) if forces else None,
                _stress(batch, vectors, gradient) if stress else None,
                moments,
            )

    def _reference_energy(self, batch: GraphBatch) -> Tensor | float:
        """Return (G,) reference energies in eV/atom."""
        reference = self.model.composition_model
        if reference is None:
            return 0.0
        atoms = reference.fc.weight.view(-1).index_select(0, batch.atomic_numbers - 1)
        return _sum_by(atoms, batch.atom_frames, batch.n_frames) / batch.n_atoms

    def _atom_energies(
        self, batch: GraphBatch, vectors: Tensor, magmoms: bool, sweep: Sweep
    ) -> tuple[Tensor, Tensor | None]:
        """Return (N,) energies of the atoms in eV, without reference, and magnetic moments."""
        model = self.model
        embedded = embed_geometry(model, batch, vectors)
        atoms = model.atom_embedding(batch.atomic_numbers - 1)
        bonds, angles, moments = embedded.bonds, embedded.angles, None
        n_updates = model.n_conv - 1
        if angles is not None:
            # What the weights of both bonds do to a message does not change between layers.
            second_weights = embedded.angle_bond_weights.index_select(0, batch.angle_bonds[1])
        for i in range(n_updates):
            atoms = _update_atoms(
                model.atom_conv_layers[i], batch, atoms, bonds, embedded.bond_weights, sweep
            )
            if angles is None:
                continue
            bonds = _update_bonds(
                model.bond_conv_layers[i],
                batch,
                atoms,
                bonds,
                angles,
                embedded.angle_bond_weights,
                second_weights,
                sweep,
            )
            # CHGNet computes the last angle update too, but nothing uses it.
            if i < n_updates - 1:
                angles = _update_angles(model.angle_layers[i], batch, atoms, bonds, angles, sweep)
        if magmoms:
            moments = model.site_wise(atoms).view(-1).abs()
        atoms = _update_atoms(
            model.atom_conv_layers[-1], batch, atoms, bonds, embedded.bond_weights, sweep
        )
        if model.readout_norm is not None:
            atoms = model.readout_norm(atoms)
        return model.mlp(atoms).view(-1), moments


def _update_atoms(
    layer: nn.Module,
    batch: GraphBatch,
    atoms: Tensor,
    bonds: Tensor,
    weights: Tensor,
    sweep: Sweep,
) -> Tensor:
    """Return (N, atom_fea_dim) atom features after messages along all bonds, both ways."""
    n_bonds = len(bonds)
    width = atoms.shape[1]
    gated = layer.twoBody_atom
    (to_centre, to_bond, to_neighbour), bias = first_layer(gated, [width, bonds.shape[1], width])
    centres = batch.bond_atoms.reshape(-1)
    neighbours = batch.bond_atoms.flip(0).reshape(-1)
    rows = functional.linear(atoms, to_centre).index_select(0, centres)
    rows = rows + functional.linear(atoms, to_neighbour).index_select(0, neighbours)
    rows = rows.view(2, n_bonds, -1) + functional.linear(bonds, to_bond, bias)
    messages = finish(gated, rows.view(2 * n_bonds, -1), sweep).view(2, n_bonds, -1) * weights
    received = _sum_by(messages.view(2 * n_bonds, -1), centres, len(atoms))
    return atoms + layer.mlp_out(received)


def _update_bonds(
    layer: nn.Module,
    batch: GraphBatch,
    atoms: Tensor,
    bonds: Tensor,
    angles: Tensor,
    weights: Tensor,
    second_weights: Tensor,
    sweep: Sweep,
) -> Tensor:
    """Return (B, bond_fea_dim) bond features after messages over all angles.

    Only bonds in angles receive messages. The weight of the receiving bond is the same for all
    messages that it receives, so it multiplies their sum.
    """
    gated = layer.twoBody_bond
    n_short = batch.n_angle_bonds
    rows = _angle_rows(gated, batch, atoms, bonds, angles)
    messages = finish(gated, rows, sweep) * second_weights
    received = _sum_by(messages, batch.angle_bonds[0], n_short) * weights
    output = layer.mlp_out.layers[-1]
    changed = bonds[:n_short] + functional.linear(received, output.weight)
    bonds = torch.cat([changed, bonds[n_short:]])
    if output.bias is not None:
        has_angles = batch.has_angles.index_select(0, batch.bond_frames)
        bonds = bonds + has_angles[:, None] * output.bias
    return bonds


def _update_angles(
    layer: nn.Module,
    batch: GraphBatch,
    atoms: Tensor,
    bonds: Tensor,
    angles: Tensor,
    sweep: Sweep,
) -> Tensor:
    """Return (A, angle_fea_dim) angle features."""
    gated = layer.twoBody_bond
    update = finish(gated, _angle_rows(gated, batch, atoms, bonds, angles), sweep)
    return _in_both_orders(batch, angles) + update


def _angle_rows(
    gated: nn.Module, batch: GraphBatch, atoms: Tensor, bonds: Tensor, angles: Tensor
) -> Tensor:
    """Return (A, 2h) results of the first layer for [first bond, second bond, angle, atom]."""
    n_short = batch.n_angle_bonds
    bonds = bonds[:n_short]
    width = bonds.shape[1]
    sizes = [width, width, angles.shape[1], atoms.shape[1]]
    (to_first, to_second, to_angle, to_atom), bias = first_layer(gated, sizes)
    # A half of the first bond knows the centre atom too: one gather for both.
    centres = batch.bond_atoms[:, :n_short].reshape(-1)
    halves = functional.linear(atoms, to_atom, bias).index_select(0, centres).view(2, n_short, -1)
    halves = (halves + functional.linear(bonds, to_first)).view(2 * n_short, -1)
    rows = halves.index_select(0, batch.angle_halves)
    rows = rows + functional.linear(bonds, to_second).index_select(0, batch.angle_bonds[1])
    return rows + _in_both_orders(batch, functional.linear(angles, to_angle))


def _in_both_orders(batch: GraphBatch, rows: Tensor) -> Tensor:
    """Return (A, …) rows for all angles from rows for the stored ones, or ``rows`` as they are."""
    if len(rows) == batch.n_angles:
        return rows
    return torch.cat([rows, rows[: batch.n_mirrored]])


def _sum_by(rows: Tensor, owners: Tensor, n_owners: int) -> Tensor:
    return rows.new_zeros(n_owners, *rows.shape[1:]).index_add_(0, owners, rows)


def _forces(batch: GraphBatch, gradient: Tensor) -> Tensor:
    """Return (N, 3): the first atom of a bond moves its vector along, the second against."""
    pulls = torch.cat([-gradient, gradient])
    return _sum_by(pulls, batch.bond_atoms.reshape(-1), len(batch.atomic_numbers))


def _stress(batch: GraphBatch, vectors: Tensor, gradient: Tensor) -> Tensor:
    """Return (G, 3, 3): a strain ε turns the row vector r into r + r ε."""
    virials = (vectors.detach()[:, :, None] * gradient[:, None, :]).view(-1, 9)
    virial = _sum_by(virials, batch.bond_frames, batch.n_frames).view(-1, 3, 3)
    return virial * (EV_PER_CUBIC_ANGSTROM_IN_GPA / batch.volumes)[:, None, None]
