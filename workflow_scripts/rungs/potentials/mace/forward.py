"""Energies, forces and stresses of a batch, by a MACE."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from rungs.errors import StudyError
from rungs.frames.elements import SYMBOLS
from rungs.graphs.batch import GraphBatch
from rungs.potentials.mace.network import MACENetwork
from rungs.potentials.potential import Potential, forces_of, stress_of
from rungs.potentials.references import reference_energies


class BatchedMACE(Potential):
    """Evaluates a MACE on batches.

    The network itself is mace's. It is given the bond vectors as its ``shifts`` between atoms that
    all lie in the origin, so one gradient with respect to the vectors gives forces and stresses, as
    for every architecture here.

    Args:
        model: a MACE. Training updates it in place.
    """

    def __init__(self, model: MACENetwork) -> None:
        super().__init__(model, (float(model.arguments["r_max"]), 0.0))

    def _evaluate(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        differentiate = forces or stress
        with torch.set_grad_enabled(create_graph or differentiate):
            vectors = batch.bond_vectors.detach().requires_grad_(differentiate)
            totals = self.model.interaction_energies(self._input(batch, vectors))
            gradient = None
            if differentiate and batch.n_bonds:
                (gradient,) = torch.autograd.grad(totals.sum(), vectors, create_graph=create_graph)
            elif differentiate:
                gradient = torch.zeros_like(vectors)
            if not create_graph:
                totals, vectors = totals.detach(), vectors.detach()
            return (
                totals,
                forces_of(batch, gradient) if forces else None,
                stress_of(batch, vectors, gradient) if stress else None,
                None,
            )

    def cores(self) -> AbstractContextManager[None]:
        """Return a context in which what e3nn and mace have in TorchScript is not rewritten after
        its first call: numbers would be rounded otherwise then, and a training that goes on after
        an interruption would not end as one that was never interrupted."""
        return torch.jit.optimized_execution(False)

    def reference_energy(self, batch: GraphBatch) -> Tensor | float:
        return reference_energies(self.model.references, batch)

    def _input(self, batch: GraphBatch, vectors: Tensor) -> dict[str, Tensor]:
        """Return the batch in mace's form: an edge for each direction of a bond, from sender to
        receiver."""
        rows = self.model.rows[batch.atomic_numbers]
        if bool((rows < 0).any()):
            lacking = sorted({*batch.atomic_numbers[rows < 0].tolist()})
            raise StudyError(
                f"the network lacks {', '.join(SYMBOLS[z - 1] for z in lacking)}: a MACE knows the "
                "elements that it was made with alone"
            )
        first, second = batch.bond_atoms
        n_atoms = len(rows)
        kinds = vectors.new_zeros(n_atoms, len(self.model.elements))
        kinds[torch.arange(n_atoms, device=rows.device), rows] = 1.0
        ends = torch.cumsum(batch.n_atoms, 0)
        return {
            "positions": vectors.new_zeros(n_atoms, 3),
            "cell": vectors.new_zeros(3 * batch.n_frames, 3),
            "edge_index": torch.stack([torch.cat([second, first]), torch.cat([first, second])]),
            "shifts": torch.cat([vectors, -vectors]),
            "node_attrs": kinds,
            "batch": batch.atom_frames,
            "ptr": torch.cat([ends.new_zeros(1), ends]),
        }
