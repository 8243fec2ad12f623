"""A model on the batched engine as a calculator of ASE, and several configurations at once.

A step of molecular dynamics with some dozens of atoms spends half its time on what a batch pays
once, so simulations that run side by side ask for their forces together
(:class:`ModelForces`); everything that speaks ASE asks for one (:class:`ModelCalculator`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from torch import nn

from rungs.errors import StudyError
from rungs.frames.frame import VOIGT
from rungs.graphs.build import FrameGraph, build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.models import potential_of
from rungs.potentials.potential import EV_PER_CUBIC_ANGSTROM_IN_GPA

_MAX_CELLS = 1000.0
"""Cells that an atom may have moved from the origin; the search for neighbours visits them all."""


class UnphysicalError(StudyError):
    """A configuration without physical forces; a simulation that meets one has ended there."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """``lost_neighbours``, ``overlap`` or ``not_finite``."""


class Forces(NamedTuple):
    """What a potential says of a configuration of n atoms, in float64."""

    energy: float
    """Total energy in eV, reference energies included."""
    forces: np.ndarray
    """(n, 3) in eV/Å."""
    stress: np.ndarray | None
    """(6,) xx, yy, zz, yz, xz, xy in eV/Å³, positive under tension, as in ASE."""


class ModelForces:
    """Energies and forces of several configurations from one batch.

    Args:
        model: the network; it is evaluated on its device and in its dtype, and not changed.
        isolated: whether atoms without neighbours are allowed. Without, a configuration that has
            one is :class:`UnphysicalError`: nothing would pull such an atom back.

    Raises:
        StudyError: when the model is not supported.
    """

    def __init__(self, model: nn.Module, *, isolated: bool = False) -> None:
        self._potential = potential_of(model)
        self._isolated = isolated
        self._cutoffs = self._potential.cutoffs

    def __call__(
        self, configurations: Sequence[Atoms], *, stress: bool = False
    ) -> list[Forces | UnphysicalError]:
        """Return, for each configuration, its forces, or why it has none.

        Args:
            configurations: periodic in all three directions; they may differ in size.
            stress: whether to compute stresses too.

        Raises:
            StudyError: for a configuration that is not periodic, or with an unknown element.
        """
        answers: list[Forces | UnphysicalError | None] = [None] * len(configurations)
        graphs = {}
        for i, atoms in enumerate(configurations):
            try:
                graphs[i] = self._graph(atoms)
            except UnphysicalError as fault:
                answers[i] = fault
        if graphs:
            found = self._evaluate(list(graphs.values()), stress)
            for i, answer in zip(graphs, found, strict=True):
                answers[i] = answer
        return answers

    def _graph(self, atoms: Atoms) -> FrameGraph:
        if not atoms.pbc.all():
            raise StudyError("the model needs a cell that is periodic in all three directions")
        cell, positions = atoms.cell.array, atoms.positions
        if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
            raise UnphysicalError("not_finite", "a position is not a finite number")
        if abs(np.linalg.det(cell)) < 1e-6:
            raise StudyError("the cell has no volume")
        if np.abs(atoms.cell.scaled_positions(positions)).max(initial=0) > _MAX_CELLS:
            raise UnphysicalError(
                "lost_neighbours", f"an atom is more than {_MAX_CELLS:g} cells away"
            )
        if atoms.numbers.min(initial=1) < 1 or atoms.numbers.max(initial=1) > 94:
            raise StudyError("the elements known here are those with atomic numbers 1 to 94")
        try:
            graph = build_graph(cell, atoms.numbers, positions, *self._cutoffs)
        except StudyError as error:
            # All else was asked before: atoms lie on each other.
            raise UnphysicalError("overlap", str(error)) from None
        if not self._isolated:
            alone = np.bincount(graph.bond_atoms.reshape(-1), minlength=graph.n_atoms) == 0
            if alone.any():
                raise UnphysicalError(
                    "lost_neighbours",
                    f"atom {alone.argmax()} has no neighbour within {self._cutoffs[0]:g} Å",
                )
        return graph

    def _evaluate(self, graphs: list[FrameGraph], stress: bool) -> list[Forces | UnphysicalError]:
        store = GraphStore.from_graphs(graphs, *self._cutoffs)
        parameter = next(self._potential.model.parameters())
        with self._potential.cores():
            batch = store.batch(np.arange(len(graphs)), parameter.device, parameter.dtype)
            prediction = self._potential(batch, stress=stress, magmoms=False, create_graph=False)
        counts = [graph.n_atoms for graph in graphs]
        energies = _numbers(prediction.energy) * counts
        forces = np.split(_numbers(prediction.forces), np.cumsum(counts)[:-1])
        stresses = [None] * len(graphs)
        if stress:
            rows, columns = zip(*VOIGT, strict=True)
            in_ase = _numbers(prediction.stress) / EV_PER_CUBIC_ANGSTROM_IN_GPA
            stresses = list(in_ase[:, rows, columns])
        return [
            Forces(float(energy), pulls, tension)
            if np.isfinite(energy) and np.isfinite(pulls).all()
            else UnphysicalError(
                "not_finite", "the model's energy or a force is not a finite number"
            )
            for energy, pulls, tension in zip(energies, forces, stresses, strict=True)
        ]


class ModelCalculator(Calculator):
    """A model as a calculator of ASE; of a CHGNet chgnet's own numbers, several times faster.

    Energy and free energy (the same) in eV, forces in eV/Å, stress in eV/Å³ in ASE's order xx, yy,
    zz, yz, xz, xy, positive under tension.

    Args:
        model: the network; it is evaluated on its device and in its dtype, and not changed. Finite
            differences of forces (phonons, elastic constants) gain from ``model.double()``.
        isolated: whether atoms without neighbours are allowed.

    Raises:
        StudyError: when the model is not supported; from a calculation, for atoms that are not
            periodic. :class:`UnphysicalError` from a calculation when there are no physical forces.
    """

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, model: nn.Module, *, isolated: bool = False, **options) -> None:
        super().__init__(**options)
        self._forces = ModelForces(model, isolated=isolated)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        (answer,) = self._forces([self.atoms], stress="stress" in properties)
        if isinstance(answer, UnphysicalError):
            raise answer
        self.results = {
            "energy": answer.energy,
            "free_energy": answer.energy,
            "forces": answer.forces,
        }
        if answer.stress is not None:
            self.results["stress"] = answer.stress


def _numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.to("cpu", torch.float64).numpy()
