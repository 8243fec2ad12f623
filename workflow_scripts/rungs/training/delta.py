"""Delta learning: a network learns what the pretrained one leaves of the target's labels.

Ramakrishnan et al., J. Chem. Theory Comput. 11, 2087 (2015). With the pretrained network's
interaction energy E_0, its forces F_0 and stresses σ_0, and the target's reference energies R, the
second network learns E − E_0 on top of R, F − F_0 and σ − σ_0, on the target's frames alone; the
sum of both is the model of the target.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from rungs.graphs.store import GraphStore
from rungs.potentials.delta.network import DeltaNetwork
from rungs.potentials.references import get_reference, set_reference
from rungs.potentials.registry import trained_architecture_of
from rungs.training.labels import FrameLabels, atoms_of, predicted


class Difference(NamedTuple):
    """What a second network learns, and what it is added to."""

    base: nn.Module
    """The pretrained network, with the target's reference energies."""
    alone: np.ndarray
    """(94,) reference energies in eV that it has without the second."""
    labels: FrameLabels
    """Of the frames that the second network trains on and is judged by."""

    @classmethod
    def of(
        cls,
        base: nn.Module,
        alone: np.ndarray,
        store: GraphStore,
        places: np.ndarray,
        device: torch.device,
    ) -> "Difference":
        """Return the difference for frames of the target.

        Args:
            base: the pretrained network, with the target's reference energies.
            alone: (94,) those of the source in eV.
            store, places: the frames.
            device: to predict on.
        """
        said = predicted(base.to(device), store, places)
        references = store.compositions(places) @ get_reference(base)
        arrays = store.arrays
        labels = FrameLabels(
            places,
            store.energies_per_atom[places] - (said.energies_per_atom - references),
            arrays["forces"][atoms_of(store, places)] - said.forces,
            arrays["stress"][places] - said.stress,
        )
        return cls(base.cpu(), alone, labels)

    def first(self, network: nn.Module) -> nn.Module:
        """Return a network with random weights that begins where the sum is the base: its energy
        is 0, and the target's reference energies are its own."""
        trained_architecture_of(network).start_at_zero(network)
        set_reference(network, get_reference(self.base))
        return network

    def sum_with(self, trained: nn.Module) -> DeltaNetwork:
        """Return the model of the target; ``base`` is its own from now on."""
        set_reference(self.base, self.alone)
        return DeltaNetwork(self.base, trained)
