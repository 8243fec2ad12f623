"""A MACE with reference energies outside of it, made from plain values."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rungs.config.architectures import MACEArchitecture
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.potentials.architecture import Surroundings
from rungs.potentials.mace.lean_import import mace_module, quiet
from rungs.potentials.references import ElementReferences

PREFIX = "network."
"""Of the parameters' names, before mace's own."""


class MACENetwork(nn.Module):
    """A ``ScaleShiftMACE`` whose own atomic energies are 0, and the study's reference energies.

    Args:
        arguments: of ``ScaleShiftMACE``, as plain values: irreps, classes and the gate by name.
    """

    architecture_name = "mace"

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self.arguments = dict(arguments)
        self.network = scale_shift_mace(arguments, np.zeros(len(arguments["atomic_numbers"])))
        self.references = ElementReferences()
        rows = torch.full((MAX_ATOMIC_NUMBER + 1,), -1)
        rows[list(arguments["atomic_numbers"])] = torch.arange(len(arguments["atomic_numbers"]))
        self.register_buffer("rows", rows, persistent=False)

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers that the network knows, in the order of its rows."""
        return tuple(self.arguments["atomic_numbers"])

    def interaction_energies(self, data: dict[str, Tensor]) -> Tensor:
        """Return (G,) energies in eV of frames in mace's own form, without reference energies."""
        return self.network(data, compute_force=False)["interaction_energy"]


def new_network(options: MACEArchitecture, seed: int, around: Surroundings) -> MACENetwork:
    """Return a MACE with random weights; the global random state is left as it was.

    As mace's own training does, messages are divided by the mean number of neighbours, and the
    energies that the network gives are scaled by the root mean square of the forces.
    """
    first = residual = "RealAgnosticResidualInteractionBlock"
    channels = options.num_channels
    ranks = (f"{channels}x{rank}{'eo'[rank % 2]}" for rank in range(options.max_L + 1))
    arguments = {
        "r_max": options.r_max,
        "num_bessel": options.num_radial_basis,
        "num_polynomial_cutoff": options.num_cutoff_basis,
        "max_ell": options.max_ell,
        "interaction_cls": residual,
        "interaction_cls_first": first,
        "num_interactions": options.num_interactions,
        "hidden_irreps": " + ".join(ranks),
        "MLP_irreps": f"{options.MLP_channels}x0e",
        "correlation": options.correlation,
        "gate": "silu",
        "radial_MLP": list(options.radial_MLP),
        "atomic_numbers": list(around.elements),
        "avg_num_neighbors": around.mean_neighbours,
        "atomic_inter_scale": around.force_scale,
        "atomic_inter_shift": 0.0,
    }
    return drawn(arguments, seed)


def drawn(arguments: Mapping[str, Any], seed: int) -> MACENetwork:
    """Return a network of the given arguments with random weights."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the generators of GPUs as well.
        torch.default_generator.manual_seed(seed)
        return MACENetwork(arguments)


def scale_shift_mace(
    arguments: Mapping[str, Any], atomic_energies: np.ndarray, *, plain: bool = True
) -> nn.Module:
    """Return mace's own network.

    Args:
        arguments: as :class:`MACENetwork` has them.
        atomic_energies: of the network's elements, in eV.
        plain: whether e3nn's generated code stays Python. As TorchScript, which is e3nn's own way
            and that of mace's files, it takes longer to make and is no faster.
    """
    models, blocks = mace_module("mace.modules.models"), mace_module("mace.modules.blocks")
    irreps = mace_module("e3nn.o3").Irreps
    values = dict(arguments)
    for key in ("interaction_cls", "interaction_cls_first"):
        values[key] = getattr(blocks, values[key])
    for key in ("hidden_irreps", "MLP_irreps"):
        values[key] = irreps(values[key])
    values["gate"] = getattr(nn.functional, values["gate"]) if values["gate"] else None
    with quiet(), _single_precision(), _plain_python() if plain else contextlib.nullcontext():
        return models.ScaleShiftMACE(
            num_elements=len(values["atomic_numbers"]), atomic_energies=atomic_energies, **values
        )


@contextlib.contextmanager
def _plain_python() -> Iterator[None]:
    """Let e3nn's new modules be Python."""
    e3nn = mace_module("e3nn")
    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        yield
    finally:
        e3nn.set_optimization_defaults(**before)


@contextlib.contextmanager
def _single_precision() -> Iterator[None]:
    """Let new tensors be float32, whatever a caller has chosen."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
