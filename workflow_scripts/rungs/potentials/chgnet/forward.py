"""Energies, forces, stresses and magnetic moments of a batch, by an existing CHGNet."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.compiled.network import CompiledNetwork, Flat
from rungs.potentials.chgnet.convolutions import Convolutions, sum_by
from rungs.potentials.chgnet.geometry import embed_geometry
from rungs.potentials.chgnet.references import base_energies
from rungs.potentials.chgnet.second_order import Sweep
from rungs.potentials.chgnet.support import refuse_unsupported

EV_PER_CUBIC_ANGSTROM_IN_GPA = 160.21766208
"""CHGNet's constant."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Predictions for G frames with N atoms in all."""

    energy: Tensor
    """(G,) in eV/atom; float64 where the model's reference energies are large
    (:mod:`rungs.potentials.chgnet.references`)."""
    forces: Tensor | None
    """(N, 3) in eV/Å."""
    stress: Tensor | None
    """(G, 3, 3) in GPa, positive under tension."""
    magmoms: Tensor | None
    """(N,) absolute magnetic moments in μB."""


class BatchedCHGNet:
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
        self.model = model
        self.compiled = compiled
        self._compiled = CompiledNetwork(model, flat)
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
        reference: bool = True,
        create_graph: bool = True,
    ) -> Prediction:
        """Return predictions for the frames of ``batch``.

        With ``create_graph`` a loss on any of them can be differentiated with respect to the
        parameters; ``loss.backward(inputs=parameters)`` spares the gradient with respect to the
        bond vectors. Without it the predictions are plain numbers and nothing is kept.

        Args:
            batch: graphs on the device and of the dtype of the model.
            forces, stress, magmoms: what to predict besides the energy.
            reference: whether the energy has the reference energies in it.
            create_graph: whether the predictions will be differentiated.

        Raises:
            StudyError: when the graphs were built with other cutoffs than the model's.
        """
        if batch.cutoffs != self._cutoffs:
            raise StudyError(
                f"the graphs were built with the cutoffs {batch.cutoffs} Å, the model needs "
                f"{self._cutoffs} Å; build the graphs again with the model's cutoffs"
            )
        wanted = {"forces": forces, "stress": stress, "magmoms": magmoms}
        is_compiled = self.compiled and self._compiled.covers(batch)
        network = self._compiled_network if is_compiled else self._network
        with torch.set_grad_enabled(create_graph):
            totals, *rest = network(batch, **wanted, create_graph=create_graph)
            energy = totals / batch.n_atoms
            if reference:
                energy = energy + self.reference_energy(batch)
            return Prediction(energy, *rest)

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
        stresses = None if found.virials is None else found.virials * _per_volume(batch)
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
                _forces(batch, gradient) if forces else None,
                _stress(batch, vectors, gradient) if stress else None,
                moments,
            )

    def reference_energy(self, batch: GraphBatch) -> Tensor | float:
        """Return (G,) reference energies in eV/atom; in float64 where they are large."""
        reference = self.model.composition_model
        if reference is None:
            return 0.0
        base = base_energies(self.model)
        energy = _mean_over_atoms(reference.fc.weight.view(-1), batch)
        return energy if base is None else energy + _mean_over_atoms(base, batch)

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


def _mean_over_atoms(elements: Tensor, batch: GraphBatch) -> Tensor:
    """Return (G,) means over each frame's atoms of what (94,) elements have."""
    atoms = elements.index_select(0, batch.atomic_numbers - 1)
    return sum_by(atoms, batch.atom_frames, batch.n_frames) / batch.n_atoms


def _forces(batch: GraphBatch, gradient: Tensor) -> Tensor:
    """Return (N, 3): the first atom of a bond moves its vector along, the second against."""
    pulls = torch.cat([-gradient, gradient])
    return sum_by(pulls, batch.bond_atoms.reshape(-1), len(batch.atomic_numbers))


def _stress(batch: GraphBatch, vectors: Tensor, gradient: Tensor) -> Tensor:
    """Return (G, 3, 3): a strain ε turns the row vector r into r + r ε."""
    virials = vectors.detach()[:, :, None] * gradient[:, None, :]
    return sum_by(virials, batch.bond_frames, batch.n_frames) * _per_volume(batch)


def _per_volume(batch: GraphBatch) -> Tensor:
    """Return (G, 1, 1) factors of virials in eV that give stresses in GPa."""
    return (EV_PER_CUBIC_ANGSTROM_IN_GPA / batch.volumes)[:, None, None]
