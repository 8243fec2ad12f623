"""Errors of a run by element."""

from typing import TYPE_CHECKING

import numpy as np

from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS

if TYPE_CHECKING:
    from rungs.config.study import Run
    from rungs.graphs.batch import GraphBatch
    from rungs.potentials.potential import Prediction

ELEMENT_COLUMNS = (
    "method",
    "size",
    "seed",
    "element",
    "n_frames",
    "energy_mae_mev_per_atom",
    "n_atoms",
    "force_mae_mev_per_angstrom",
)


class ElementSums:
    """Adds up, for each element, the energy errors of the frames that hold it and the force errors
    of its atoms, of what is labelled."""

    def __init__(self) -> None:
        self._sums = np.zeros((4, MAX_ATOMIC_NUMBER + 1))

    def add(self, prediction: "Prediction", batch: "GraphBatch") -> None:
        """Add the errors of one batch, in float64."""
        import torch

        numbers, places = batch.atomic_numbers, MAX_ATOMIC_NUMBER + 1

        def by_element(elements: torch.Tensor, values: torch.Tensor) -> np.ndarray:
            total = torch.zeros(places, dtype=torch.float64, device=numbers.device)
            return total.index_add_(0, elements, values).cpu().numpy()

        pairs = torch.unique(batch.atom_frames * places + numbers)
        frames, held = pairs // places, pairs % places
        energy = batch.energy_errors(prediction.energy).detach().double().abs() * 1000.0
        force = (prediction.forces - batch.forces).detach().double().abs().mean(1) * 1000.0
        known, there = batch.energy_mask[frames], batch.force_mask
        self._sums += np.stack(
            [
                by_element(held, known.double()),
                by_element(held, energy[frames].where(known, 0.0)),
                by_element(numbers, there.double()),
                by_element(numbers, force.where(there, 0.0)),
            ]
        )

    def rows(self, run: "Run") -> list[dict]:
        """Return one row of ``ELEMENT_COLUMNS`` for each element found, by atomic number; an error
        is None where nothing is labelled."""
        return [
            {
                **run._asdict(),
                "element": SYMBOLS[z - 1],
                "n_frames": int(frames),
                "energy_mae_mev_per_atom": energy / frames if frames else None,
                "n_atoms": int(atoms),
                "force_mae_mev_per_angstrom": force / atoms if atoms else None,
            }
            for z, (frames, energy, atoms, force) in enumerate(self._sums.T.tolist())
            if frames or atoms
        ]
