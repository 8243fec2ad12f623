"""Energies, forces, stresses and magnetic moments of a batch, by an existing CHGNet."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.compiled.network import CompiledNetwork
from rungs.potentials.chgnet.convolutions import Convolutions
from rungs.potentials.chgnet.geometry import embed_geometry
from rungs.potentials.chgnet.second_order import Sweep
from rungs.potentials.chgnet.support import refuse_unsupported
from rungs.potentials.potential import (
    Flat,
    Potential,
    forces_of,
    per_volume,
    stress_of,
    sum_by,
)
from rungs.potentials.references import reference_energies


class BatchedCHGNet(Potential):
    """Evaluates a CHGNet on batches; the CHGNet's parameters stay the only ones.

    The mathematics is that of ``CHGNet.forward``, arranged differently: all frames of a batch at
    once, first layers applied before rows are gathered (:mod:`rungs.potentials.chgnet.gated`), and
    one gradient with respect to the bond vectors r, from which forces follow by adding up dE/dr at
    the atoms and stresses as Σ r ⊗ dE/dr / V. A frame's prediction does not depend on the other
    frames of its batch. Only with an output bias in the convolutions (version 0.2.0) does CHGNet
    itself lack this property: it adds the bias of the bond updates when *any* frame of the batch
    has angles, here it is added to the frames that have some, as when each is predicted alone.

    Args:
        model: a CHGNet. Training updates it in place, and it is saved by its own means.
        compiled: whether to use the compiled network where it can be built, knows the model, and
            the tensors are on the CPU. Without it the same formulas run in PyTorch.
        flat: the trainable parameters as one vector, which the compiled network then hands its
            gradient to, and not to dozens of small tensors.

    Raises:
        StudyError: when the model has a feature that is not covered.
    """

    def __init__(
        self, model: nn.Module, *, compiled: bool = True, flat: Flat | None = None
    ) -> None:
        refuse_unsupported(model)
        super().__init__(model, cutoffs_of(model))
        self.compiled = compiled
        self._compiled = CompiledNetwork(model, flat)

    def _evaluate(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        wanted = {"forces": forces, "stress": stress, "magmoms": magmoms}
        is_compiled = self.compiled and self._compiled.covers(batch)
        network = self._compiled_network if is_compiled else self._network
        return network(batch, **wanted, create_graph=create_graph)

    def cores(self) -> AbstractContextManager[None]:
        """Return a context for calls of this, and what goes with them, in which the cores are the
        compiled network's where it is used."""
        return self._compiled.cores() if self.compiled else nullcontext()

    def _compiled_network(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Return what :meth:`_network` returns."""
        found = self._compiled(
            batch, forces=forces, virials=stress, moments=magmoms, create_graph=create_graph
        )
        stresses = None if found.virials is None else found.virials * per_volume(batch)
        return found.energies, found.forces, stresses, found.moments

    def _network(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Return total energies (G,) without references, forces, stresses and moments."""
        differentiate = forces or stress
        with torch.set_grad_enabled(create_graph or differentiate):
            sweep = Sweep()
            vectors = batch.bond_vectors.detach().requires_grad_(differentiate)
            energies, moments = self._atom_energies(batch, vectors, magmoms, sweep)
            totals = sum_by(energies, batch.atom_frames, batch.n_frames)
            gradient = None
            if differentiate:
                with sweep.to_geometry():
                    (gradient,) = torch.autograd.grad(
                        energies.sum(), vectors, create_graph=create_graph
                    )
            if not create_graph:
                totals, vectors = totals.detach(), vectors.detach()
                moments = None if moments is None else moments.detach()
            return (
                totals,
                forces_of(batch, gradient) if forces else None,
                stress_of(batch, vectors, gradient) if stress else None,
                moments,
            )

    def reference_energy(self, batch: GraphBatch) -> Tensor | float:
        reference = self.model.composition_model
        return 0.0 if reference is None else reference_energies(reference, batch)

    def _atom_energies(
        self, batch: GraphBatch, vectors: Tensor, magmoms: bool, sweep: Sweep
    ) -> tuple[Tensor, Tensor | None]:
        """Return (N,) energies of the atoms in eV, without reference, and magnetic moments."""
        model = self.model
        embedded = embed_geometry(model, batch, vectors, sweep)
        convolutions = Convolutions(batch, embedded, sweep)
        atoms = model.atom_embedding(batch.atomic_numbers - 1)
        bonds, angles = embedded.bonds, embedded.angles
        n_updates = model.n_conv - 1
        for i in range(n_updates):
            atoms = convolutions.update_atoms(model.atom_conv_layers[i], atoms, bonds)
            if angles is None:
                continue
            bonds = convolutions.update_bonds(model.bond_conv_layers[i], atoms, bonds, angles)
            # CHGNet computes the last angle update too, but nothing uses it.
            if i < n_updates - 1:
                angles = convolutions.update_angles(model.angle_layers[i], atoms, bonds, angles)
        moments = model.site_wise(atoms).view(-1).abs() if magmoms else None
        atoms = convolutions.update_atoms(model.atom_conv_layers[-1], atoms, bonds)
        if model.readout_norm is not None:
            atoms = model.readout_norm(atoms)
        return model.mlp(atoms).view(-1), moments


def cutoffs_of(model: nn.Module) -> tuple[float, float]:
    """Return the cutoffs in Å of the atom graph and of the bond graph that a CHGNet needs."""
    atom, bond = (float(model.model_args[f"{kind}_graph_cutoff"]) for kind in ("atom", "bond"))
    return atom, bond
