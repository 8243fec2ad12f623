"""Labels of a published CHGNet for geometries: model predictions, not DFT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rungs.graphs.store import GraphStore

_ROWS_AT_ONCE = 10_000
"""Bonds and angles in a batch: a few hundred megabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A periodic configuration without labels."""

    cell: np.ndarray
    """(3, 3) lattice vectors as rows, in Å."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    cart_coords: np.ndarray
    """(n, 3) in Å."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels of one geometry, in the units of :class:`rungs.frames.Frame`."""

    energy: float
    forces: np.ndarray
    stress: np.ndarray
    magmoms: np.ndarray


class Labeller:
    """A published CHGNet, evaluated on the CPU so that labels do not depend on the machine's
    devices.

    Args:
        name: ``0.3.0``, ``0.2.0`` or ``r2scan``.
    """

    def __init__(self, name: str) -> None:
        # A later stage of the data flow, but here it stands for the electronic-structure code.
        from rungs.potentials.chgnet.published import load_published

        self.network = load_published(name).eval()
        self._cutoffs = tuple(
            float(self.network.model_args[f"{kind}_graph_cutoff"]) for kind in ("atom", "bond")
        )

    def energies(self, geometries: Sequence[Geometry]) -> np.ndarray:
        """(n,) energies in eV/atom."""
        from rungs.potentials.chgnet.forward import BatchedCHGNet

        potential, store = BatchedCHGNet(self.network), self._graphs(geometries)
        parts = [
            potential(
                store.batch(chunk), forces=False, stress=False, magmoms=False, create_graph=False
            ).energy
            for chunk in store.chunks(max_rows=_ROWS_AT_ONCE)
        ]
        return np.concatenate([part.numpy() for part in parts]).astype(np.float64)

    def label(self, geometries: Sequence[Geometry]) -> list[Labels]:
        """Energy, forces, stress and magnetic moments of each geometry."""
        from rungs.potentials.predict import predict

        found = predict(self.network, self._graphs(geometries), max_rows=_ROWS_AT_ONCE)
        return [
            Labels(p.energy_per_atom * len(g.atomic_numbers), p.forces, p.stress, p.magmoms)
            for g, p in zip(geometries, found, strict=True)
        ]

    def _graphs(self, geometries: Sequence[Geometry]) -> "GraphStore":
        from rungs.graphs.build import build_graph
        from rungs.graphs.store import GraphStore

        graphs = [
            build_graph(g.cell, g.atomic_numbers, g.cart_coords, *self._cutoffs) for g in geometries
        ]
        return GraphStore.from_graphs(graphs, *self._cutoffs)
