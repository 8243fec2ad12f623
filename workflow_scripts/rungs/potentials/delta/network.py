"""Two networks whose predictions add up: one that was there, and a correction to it."""

import numpy as np
import torch
from torch import nn

from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.potentials.models import potential_of
from rungs.potentials.potential import Flat, Potential
from rungs.potentials.references import get_reference, set_reference
from rungs.potentials.registry import architecture_of


class DeltaNetwork(nn.Module):
    """A network and its correction.

    The sum's reference energies are in ``correction``; those that ``base`` had alone are kept
    beside the two. Magnetic moments are the base's: absolute values do not add up.

    Args:
        base: the network that is corrected. Its parameters take part in no training, and its
            reference energies become 0.
        correction: what is added, on graphs of the same cutoffs.

    Raises:
        StudyError: when the two need graphs of different cutoffs.
    """

    architecture_name = "delta"

    def __init__(self, base: nn.Module, correction: nn.Module) -> None:
        super().__init__()
        cutoffs = [architecture_of(model).cutoffs(model) for model in (base, correction)]
        if cutoffs[0] != cutoffs[1]:
            raise StudyError(
                f"delta: the network has the cutoffs {cutoffs[0]} Å and its correction "
                f"{cutoffs[1]} Å; take the same for both"
            )
        alone = torch.from_numpy(get_reference(base))
        self.base, self.correction = base.requires_grad_(False), correction
        self.register_buffer("base_reference", alone)
        set_reference(base, np.zeros(len(alone)))

    def parts(self) -> tuple[nn.Module, nn.Module]:
        """Return two plain networks whose predictions add up to this one's: the first with the
        reference energies that it had alone. They are this one's own and share its weights; this
        one is not to be used any more."""
        alone = self.base_reference.cpu().double().numpy()
        difference = get_reference(self.correction) - alone
        set_reference(self.base, alone)
        set_reference(self.correction, difference)
        return self.base, self.correction


class DeltaPotential(Potential):
    """Evaluates both networks on the same batch."""

    def __init__(self, model: DeltaNetwork, *, compiled: bool = True, flat: Flat | None = None):
        self._base = potential_of(model.base, compiled=compiled)
        self._correction = potential_of(model.correction, compiled=compiled, flat=flat)
        super().__init__(model, self._base.cutoffs)

    def _evaluate(
        self, batch: GraphBatch, *, forces: bool, stress: bool, magmoms: bool, create_graph: bool
    ):
        asked = {"forces": forces, "stress": stress, "create_graph": create_graph}
        *base, moments = self._base._evaluate(batch, magmoms=magmoms, **asked)
        *more, _ = self._correction._evaluate(batch, magmoms=False, **asked)
        added = [None if one is None else one + two for one, two in zip(base, more, strict=True)]
        return *added, moments

    def reference_energy(self, batch: GraphBatch) -> torch.Tensor | float:
        return self._correction.reference_energy(batch)

    def cores(self):
        # Contexts of one architecture nest; the correction is of the base's.
        return self._correction.cores()
