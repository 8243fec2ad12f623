"""What the rest of the library asks of an architecture."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from rungs.config.architectures import AnyArchitecture
from rungs.graphs.store import GraphStore
from rungs.potentials.potential import Flat, Potential


class Layer(NamedTuple):
    """A part of the network by the start of its parameters' names."""

    name: str
    prefix: str


class LinearLayer(NamedTuple):
    """A matrix that multiplies features: a parameter, or part of one."""

    name: str
    """Of the parameter."""
    parameter: nn.Parameter
    offset: int
    """Where in the parameter, flattened, the matrix begins."""
    rows: int
    columns: int


class Surroundings(NamedTuple):
    """What random weights are drawn for: constants that some architectures take from the frames
    they will be trained on."""

    elements: tuple[int, ...]
    """Atomic numbers of all that the network will ever see, in rising order."""
    mean_neighbours: float
    """Bonds that an atom has within the network's cutoff, on average."""
    force_scale: float
    """Root mean square of force components in eV/Å; 1 where no frame has forces."""

    @classmethod
    def of(cls, store: GraphStore, frames: np.ndarray, elements: tuple[int, ...]) -> "Surroundings":
        """Return those of frames of a store."""
        n_atoms, n_bonds = store.n_atoms[frames].sum(), store.n_bonds[frames].sum()
        return cls(
            elements,
            max(1.0, 2 * float(n_bonds) / max(1.0, float(n_atoms))),
            store.force_scale(frames) or 1.0,
        )


class Evaluated(ABC):
    """What can be evaluated, simulated and saved: one kind of network, or a sum of two. A model is
    an ``nn.Module`` that has reference energies in it; which kind it is,
    :func:`rungs.potentials.registry.architecture_of` says."""

    name: str
    """In files, of a single network also in the configuration (``architecture.kind``) and as the
    folder's name."""

    @abstractmethod
    def cutoffs(self, model: nn.Module) -> tuple[float, float]:
        """Return the cutoffs in Å of bonds and of angles (0 for none) that its graphs need."""

    @abstractmethod
    def potential(self, model: nn.Module, *, compiled: bool, flat: Flat | None) -> Potential:
        """Return what evaluates the network on batches.

        Args:
            model: a network of this architecture.
            compiled: whether own compiled code may be used, where there is any.
            flat: the trainable parameters as one vector, for those that can use it.

        Raises:
            StudyError: when the network has a feature that is not covered.
        """

    @abstractmethod
    def references(self, model: nn.Module) -> nn.Module:
        """Return the part that holds reference energies, with ``fc.weight`` (1, 94) in eV."""

    @abstractmethod
    def elements(self, model: nn.Module) -> tuple[int, ...]:
        """Return the atomic numbers that the network knows."""

    @abstractmethod
    def content(self, model: nn.Module) -> dict[str, Any]:
        """Return what a file of the model holds, tensors and plain values: ``model`` with its
        ``state_dict``, reference energies included, in float32; and ``architecture``, the name."""

    @abstractmethod
    def from_content(self, content: Mapping, path: str) -> nn.Module:
        """Return the model that a file holds; the other way round.

        Raises:
            StudyError: when the content does not fit this architecture.
        """

    @abstractmethod
    def save_native(self, model: nn.Module, folder: Path, name: str) -> list[str]:
        """Write into a folder what the architecture's own tools read, reference energies in it.

        Args:
            model: the network.
            folder: is there.
            name: of the file, without what it ends in.

        Returns:
            The names of the files.
        """


class Architecture(Evaluated):
    """One kind of network, which can be made anew and trained."""

    uses_surroundings: bool
    """Whether random weights depend on :class:`Surroundings`."""

    @abstractmethod
    def new(self, options: AnyArchitecture, seed: int, around: Surroundings | None) -> nn.Module:
        """Return a network with random weights; the global random state is left as it was.

        Args:
            options: its size and cutoffs.
            seed: determines the weights.
            around: what it is made for, where the architecture needs to know.
        """

    @abstractmethod
    def redraw(self, model: nn.Module, seed: int) -> nn.Module:
        """Return a network of the same architecture as ``model``, with random weights."""

    @abstractmethod
    def start_at_zero(self, model: nn.Module) -> None:
        """Let the energy without references be 0 whatever the frame, in place, by the last layer
        alone, so that training goes on from there."""

    @abstractmethod
    def copy_element(self, model: nn.Module, target: int, source: int) -> None:
        """Let all weights of one element be those of another, in place; by atomic numbers."""

    @abstractmethod
    def embedding(self, model: nn.Module) -> tuple[str, int]:
        """Return the name of the parameter that embeds the elements, and its number of rows: one
        for each element, one after the other."""

    @abstractmethod
    def layers(self, model: nn.Module) -> list[Layer]:
        """Return layers whose gradients are worth a look, those that the network has."""

    @abstractmethod
    def groups(self, model: nn.Module) -> dict[str, tuple[str, ...]]:
        """Return the prefixes of parameters of each group that can be frozen, by its name in
        ``methods.X.freeze``."""

    @abstractmethod
    def linear_layers(self, model: nn.Module) -> list[LinearLayer]:
        """Return the matrices that adapters may stand beside."""

    @abstractmethod
    def part_of(self, name: str) -> str:
        """Return which of :class:`rungs.config.training.RateFactors` a parameter belongs to, by its
        name in ``named_parameters``."""
