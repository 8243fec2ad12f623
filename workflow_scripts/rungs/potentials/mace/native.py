"""MACE's own files: pickled networks, which ``mace.calculators.MACECalculator`` runs."""

import copy
import os
from typing import Any

import numpy as np
import torch
from torch import nn

from rungs.errors import StudyError, first_line
from rungs.files import whole_file
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.potentials.mace.lean_import import mace_module, quiet
from rungs.potentials.mace.network import MACENetwork, scale_shift_mace
from rungs.potentials.references import LARGE, get_reference, set_reference

_PLAIN = (
    "r_max",
    "num_bessel",
    "num_polynomial_cutoff",
    "max_ell",
    "num_interactions",
    "correlation",
    "avg_num_neighbors",
    "radial_type",
    "distance_transform",
    "pair_repulsion",
    "apply_cutoff",
    "use_reduced_cg",
    "use_so3",
    "use_agnostic_product",
    "use_last_readout_only",
    "use_edge_irreps_first",
    "radial_MLP",
)
"""Arguments of a network that are numbers, texts and truths already."""


def write_native(model: MACENetwork, path: str | os.PathLike) -> None:
    """Write a file for ``MACECalculator``, with the model's reference energies as its E0s.

    In float32, as it was trained; in float64 where reference energies are larger than float32 holds
    to a meV. The file is a pickle: whoever loads it runs what is in it.
    """
    energies = get_reference(model)[np.array(model.elements) - 1]
    network = scale_shift_mace(model.arguments, energies, plain=False)
    own = {
        name: value
        for name, value in model.network.state_dict().items()
        if not name.startswith("atomic_energies_fn.")
    }
    network.load_state_dict(own, strict=False)
    if np.abs(energies).max() >= LARGE:
        network = network.double()
    buffer = network.atomic_energies_fn.atomic_energies
    buffer.copy_(torch.as_tensor(energies).view_as(buffer))
    with whole_file(path) as partial, open(partial, "wb") as handle:
        torch.save(network, handle)


def read_native(path: str | os.PathLike) -> MACENetwork:
    """Return the network of one of MACE's own files, its E0s as the reference energies.

    The file is a pickle and loading it runs what is in it: only for files that their owner trusts.

    Raises:
        StudyError: when it is no MACE of the kind that is trained here.
    """
    mace_module("mace.modules.models")
    try:
        with quiet():
            found = torch.load(path, map_location="cpu", weights_only=False)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such model file") from None
    except Exception as error:
        raise StudyError(
            f"{path}: cannot be read as a MACE's own file ({first_line(error)}); it has to be a "
            "whole network, saved by this version of mace-torch"
        ) from None
    if fault := _fault(found):
        raise StudyError(f"{path}: {fault}")
    found = copy.deepcopy(found).float()
    model = MACENetwork(_arguments(found))
    own = dict(found.state_dict())
    energies = found.atomic_energies_fn.atomic_energies.double().reshape(-1).numpy()
    own["atomic_energies_fn.atomic_energies"] = torch.zeros_like(
        model.network.atomic_energies_fn.atomic_energies
    )
    try:
        model.network.load_state_dict(own)
    except RuntimeError as error:
        raise StudyError(
            f"{path}: its weights do not fit the network that it describes ({first_line(error)}); "
            "it was made by another version of mace-torch"
        ) from None
    reference = np.zeros(MAX_ATOMIC_NUMBER)
    reference[np.array(model.elements) - 1] = energies
    set_reference(model, reference)
    return model


def _fault(found: Any) -> str | None:
    """Return why a loaded object is no network to train here; None where it is."""
    kind = type(found).__name__
    if not isinstance(found, nn.Module) or not kind.endswith("MACE"):
        return f"holds a {kind}, not a MACE"
    if kind != "ScaleShiftMACE":
        return f"holds a {kind}; what can be trained here is a ScaleShiftMACE"
    heads = list(getattr(found, "heads", ["Default"]))
    if len(heads) > 1:
        return (
            f"has {len(heads)} heads ({', '.join(heads)}); choose one of them first, by "
            "mace_select_head"
        )
    if hasattr(found, "joint_embedding"):
        return "has embeddings besides those of the elements"
    if max(found.atomic_numbers.tolist()) > MAX_ATOMIC_NUMBER:
        beyond = [z for z in found.atomic_numbers.tolist() if z > MAX_ATOMIC_NUMBER]
        return f"knows elements beyond plutonium (atomic numbers {beyond})"
    return None


def _arguments(found: nn.Module) -> dict[str, Any]:
    """Return the arguments that a network was made with, as plain values."""
    with quiet():
        told = mace_module("mace.tools.scripts_utils", whole=True).extract_config_mace_model(found)
    arguments = {name: _plain(told[name]) for name in _PLAIN if told.get(name) is not None}
    arguments |= {key: told[key].__name__ for key in ("interaction_cls", "interaction_cls_first")}
    arguments |= {key: str(told[key]) for key in ("hidden_irreps", "MLP_irreps")}
    gate = told["gate"]
    arguments["gate"] = gate and getattr(gate, "__name__", str(gate))
    arguments["atomic_numbers"] = [int(z) for z in found.atomic_numbers]
    arguments["atomic_inter_scale"] = _plain(told["atomic_inter_scale"])
    arguments["atomic_inter_shift"] = _plain(told["atomic_inter_shift"])
    return arguments


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        values = np.asarray(value)
        return values.item() if values.size == 1 else values.tolist()
    return list(value) if isinstance(value, list | tuple) else value
