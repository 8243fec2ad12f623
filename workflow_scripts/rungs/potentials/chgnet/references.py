"""A CHGNet's elemental reference energies, in full precision however large they are.

CHGNet holds them in float32, whose steps are 0.06 eV at the −535,650 eV of a gold atom with all its
electrons. Where they are that large, float64 values stand beside CHGNet's own, which keep what a
training adds to them, and total energies are summed in float64. Where they are not, nothing is
different from CHGNet.
"""

import numpy as np
import torch

from rungs.frames.elements import MAX_ATOMIC_NUMBER

LARGE = 256.0
"""eV; from here on steps of float32 are 0.03 meV and more."""
WEIGHT = "composition_model.fc.weight"
"""CHGNet's name of its reference energies."""
_BASE = "base"


def set_reference(model: torch.nn.Module, reference: np.ndarray) -> None:
    """Set the model's elemental reference energies, (94,) in eV/atom."""
    if reference.shape != (MAX_ATOMIC_NUMBER,) or not np.isfinite(reference).all():
        raise ValueError(f"{MAX_ATOMIC_NUMBER} finite reference energies needed")
    composition = model.composition_model
    weight = composition.fc.weight
    composition._buffers.pop(_BASE, None)
    exact = torch.as_tensor(reference, dtype=torch.float64, device=weight.device)
    if weight.dtype != torch.float64 and exact.abs().max() >= LARGE:
        composition.register_buffer(_BASE, exact.clone())
        exact = torch.zeros_like(exact)
    with torch.no_grad():
        weight.copy_(exact.to(weight.dtype).view(1, -1))


def get_reference(model: torch.nn.Module) -> np.ndarray:
    """Return the model's elemental reference energies, (94,) in eV/atom."""
    weight = model.composition_model.fc.weight.detach().cpu().double().numpy().reshape(-1).copy()
    base = base_energies(model)
    return weight if base is None else weight + base.cpu().numpy()


def base_energies(model: torch.nn.Module) -> torch.Tensor | None:
    """Return the (94,) float64 part of the reference energies that stands beside CHGNet's own;
    None where there is none."""
    return getattr(model.composition_model, _BASE, None)


def portable_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's weights on the CPU by CHGNet's names, real numbers in float32.

    Large reference energies are one float64 tensor: CHGNet reads it too, rounded to float32.
    """
    weights = {
        name: value.detach().to("cpu", torch.float32, copy=True)
        if value.is_floating_point()
        else value.detach().cpu()
        for name, value in model.state_dict().items()
    }
    if model.composition_model is not None and base_energies(model) is not None:
        del weights[f"composition_model.{_BASE}"]
        weights[WEIGHT] = torch.from_numpy(get_reference(model)).view(1, -1)
    return weights


def take_reference(model: torch.nn.Module, stored: torch.Tensor) -> None:
    """Give a model that was made from a file the reference energies of the file, as they stand
    there, if they are large."""
    if stored.abs().max() >= LARGE:
        set_reference(model, stored.detach().cpu().double().numpy().reshape(-1))
