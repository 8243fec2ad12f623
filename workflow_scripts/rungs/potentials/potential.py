"""What a potential says of a batch of frames, and how forces and stresses follow from bonds."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch

EV_PER_CUBIC_ANGSTROM_IN_GPA = 160.21766208
"""CHGNet's constant."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Predictions for G frames with N atoms in all."""

    energy: Tensor
    """(G,) in eV/atom; float64 where the model's reference energies are large
    (:mod:`rungs.potentials.references`)."""
    forces: Tensor | None
    """(N, 3) in eV/Å."""
    stress: Tensor | None
    """(G, 3, 3) in GPa, positive under tension."""
    magmoms: Tensor | None
    """(N,) absolute magnetic moments in μB; None also where the network has none."""


class Flat(Protocol):
    """Trainable parameters that lie one after the other in a vector."""

    leaf: Tensor
    """(P,) the vector, to which gradients flow."""
    places: Mapping[int, int]
    """Where each parameter begins, by its ``id``."""


class Potential(ABC):
    """Evaluates a network on batches; the network's parameters stay the only ones.

    A frame's prediction does not depend on the other frames of its batch.

    Args:
        model: the network, with its reference energies.
        cutoffs: of bonds and of angles in Å, that its graphs have to be built with.
    """

    def __init__(self, model: nn.Module, cutoffs: tuple[float, float]) -> None:
        self.model = model
        self.cutoffs = cutoffs

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
            StudyError: when the graphs were built with other cutoffs than the model's, or have an
                element that the network lacks.
        """
        if batch.cutoffs != self.cutoffs:
            raise StudyError(
                f"the graphs were built with the cutoffs {batch.cutoffs} Å, the model needs "
                f"{self.cutoffs} Å; build the graphs again with the model's cutoffs"
            )
        wanted = {"forces": forces, "stress": stress, "magmoms": magmoms}
        with torch.set_grad_enabled(create_graph):
            totals, *rest = self._evaluate(batch, **wanted, create_graph=create_graph)
            energy = totals / batch.n_atoms
            if reference:
                energy = energy + self.reference_energy(batch)
            return Prediction(energy, *rest)

    @abstractmethod
    def _evaluate(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Return total energies (G,) in eV without references, forces, stresses and moments."""

    @abstractmethod
    def reference_energy(self, batch: GraphBatch) -> Tensor | float:
        """Return (G,) reference energies in eV/atom; in float64 where they are large."""

    def cores(self) -> AbstractContextManager[None]:
        """Return a context for calls of this, and what goes with them."""
        return nullcontext()


def sum_by(values: Tensor, owner: Tensor, n_owners: int) -> Tensor:
    """Return (n_owners, …) sums of the rows of ``values`` that belong to each owner."""
    return values.new_zeros(n_owners, *values.shape[1:]).index_add_(0, owner, values)


def mean_over_atoms(elements: Tensor, batch: GraphBatch) -> Tensor:
    """Return (G,) means over each frame's atoms of what (94,) elements have."""
    atoms = elements.index_select(0, batch.atomic_numbers - 1)
    return sum_by(atoms, batch.atom_frames, batch.n_frames) / batch.n_atoms


def forces_of(batch: GraphBatch, gradient: Tensor) -> Tensor:
    """Return (N, 3) forces from the (B, 3) gradient of the energy with respect to the bond vectors:
    the first atom of a bond moves its vector along, the second against."""
    pulls = torch.cat([-gradient, gradient])
    return sum_by(pulls, batch.bond_atoms.reshape(-1), len(batch.atomic_numbers))


def stress_of(batch: GraphBatch, vectors: Tensor, gradient: Tensor) -> Tensor:
    """Return (G, 3, 3) stresses in GPa: a strain ε turns the row vector r into r + r ε."""
    virials = vectors.detach()[:, :, None] * gradient[:, None, :]
    return sum_by(virials, batch.bond_frames, batch.n_frames) * per_volume(batch)


def per_volume(batch: GraphBatch) -> Tensor:
    """Return (G, 1, 1) factors of virials in eV that give stresses in GPa."""
    return (EV_PER_CUBIC_ANGSTROM_IN_GPA / batch.volumes)[:, None, None]
