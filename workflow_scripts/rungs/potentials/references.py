"""A model's elemental reference energies, in full precision however large they are.

Networks hold real numbers in float32, whose steps are 0.06 eV at the −535,650 eV of a gold atom
with all its electrons. Where reference energies are that large, float64 values stand beside the
float32 ones, which keep what a training adds to them, and total energies are summed in float64.
Where they are not, nothing is different.
"""

import numpy as np
import torch
from torch import Tensor, nn

from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.graphs.batch import GraphBatch
from rungs.potentials.potential import mean_over_atoms
from rungs.potentials.registry import architecture_of

LARGE = 256.0
"""eV; from here on steps of float32 are 0.03 meV and more."""
_BASE = "base"


class ElementReferences(nn.Module):
    """Reference energies of networks that have none themselves: (1, 94) in eV, from H to Pu."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(MAX_ATOMIC_NUMBER, 1, bias=False)
        nn.init.zeros_(self.fc.weight)


def references_of(model: nn.Module) -> nn.Module:
    """Return the part of a model that holds its reference energies, as ``fc.weight`` (1, 94)."""
    return architecture_of(model).references(model)


def set_reference(model: nn.Module, reference: np.ndarray) -> None:
    """Set the model's elemental reference energies, (94,) in eV/atom."""
    if reference.shape != (MAX_ATOMIC_NUMBER,) or not np.isfinite(reference).all():
        raise ValueError(f"{MAX_ATOMIC_NUMBER} finite reference energies needed")
    module = references_of(model)
    weight = module.fc.weight
    module._buffers.pop(_BASE, None)
    exact = torch.as_tensor(reference, dtype=torch.float64, device=weight.device)
    if weight.dtype != torch.float64 and exact.abs().max() >= LARGE:
        module.register_buffer(_BASE, exact.clone())
        exact = torch.zeros_like(exact)
    with torch.no_grad():
        weight.copy_(exact.to(weight.dtype).view(1, -1))


def get_reference(model: nn.Module) -> np.ndarray:
    """Return the model's elemental reference energies, (94,) in eV/atom."""
    module = references_of(model)
    weight = module.fc.weight.detach().cpu().double().numpy().reshape(-1).copy()
    base = base_energies(module)
    return weight if base is None else weight + base.cpu().numpy()


def base_energies(module: nn.Module) -> Tensor | None:
    """Return the (94,) float64 part of reference energies that stands beside the others; None where
    there is none."""
    return getattr(module, _BASE, None)


def reference_energies(module: nn.Module, batch: GraphBatch) -> Tensor:
    """Return (G,) reference energies in eV/atom; in float64 where they are large."""
    base = base_energies(module)
    energy = mean_over_atoms(module.fc.weight.view(-1), batch)
    return energy if base is None else energy + mean_over_atoms(base, batch)


def portable_weights(model: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Return the model's weights on the CPU by name, real numbers in float32.

    Large reference energies are one float64 tensor, ``{prefix}fc.weight``.
    """
    weights = {
        name: value.detach().to("cpu", torch.float32, copy=True)
        if value.is_floating_point()
        else value.detach().cpu()
        for name, value in model.state_dict().items()
    }
    module = references_of(model)
    if module is not None and base_energies(module) is not None:
        del weights[f"{prefix}{_BASE}"]
        weights[f"{prefix}fc.weight"] = torch.from_numpy(get_reference(model)).view(1, -1)
    return weights


def take_reference(model: nn.Module, stored: Tensor) -> None:
    """Give a model that was made from a file the reference energies of the file, as they stand
    there, if they are large."""
    if stored.abs().max() >= LARGE:
        set_reference(model, stored.detach().cpu().double().numpy().reshape(-1))
