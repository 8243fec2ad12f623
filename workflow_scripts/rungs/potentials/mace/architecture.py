"""MACE as an architecture."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from rungs.config.architectures import MACEArchitecture
from rungs.errors import StudyError, first_line
from rungs.potentials.architecture import (
    Architecture,
    Layer,
    LinearLayer,
    Surroundings,
)
from rungs.potentials.mace.forward import BatchedMACE
from rungs.potentials.mace.native import write_native
from rungs.potentials.mace.network import PREFIX, MACENetwork, drawn, new_network
from rungs.potentials.potential import Flat
from rungs.potentials.references import portable_weights, take_reference

_REFERENCES = "references."


class _MACE(Architecture):
    name = "mace"
    uses_surroundings = True

    def new(self, options: MACEArchitecture, seed: int, around: Surroundings | None) -> MACENetwork:
        if around is None:
            raise ValueError("a MACE is made for the elements and bonds of its frames")
        return new_network(options, seed, around)

    def redraw(self, model: MACENetwork, seed: int) -> MACENetwork:
        return drawn(model.arguments, seed)

    def start_at_zero(self, model: MACENetwork) -> None:
        with torch.no_grad():
            for readout in model.network.readouts:
                last = getattr(readout, "linear_2", None) or readout.linear
                for parameter in last.parameters():
                    parameter.zero_()
            model.network.scale_shift.shift.zero_()
        model.arguments["atomic_inter_shift"] = 0.0

    def cutoffs(self, model: MACENetwork) -> tuple[float, float]:
        return float(model.arguments["r_max"]), 0.0

    def potential(
        self, model: MACENetwork, *, compiled: bool = True, flat: Flat | None = None
    ) -> BatchedMACE:
        return BatchedMACE(model)

    def references(self, model: MACENetwork) -> nn.Module:
        return model.references

    def elements(self, model: MACENetwork) -> tuple[int, ...]:
        return model.elements

    def copy_element(self, model: MACENetwork, target: int, source: int) -> None:
        to, since = (model.elements.index(z) for z in (target, source))
        n_elements = len(model.elements)
        network = model.network
        with torch.no_grad():
            # Rows of one-hot vectors: the embedding of the atoms.
            by_element = network.node_embedding.linear.weight.view(n_elements, -1)
            by_element[to] = by_element[since].clone()
            for interaction in network.interactions:
                _copy_in_product(interaction.skip_tp, to, since)
            for product in network.products:
                for contraction in product.symmetric_contractions.contractions:
                    for weight in (contraction.weights_max, *contraction.weights):
                        weight[to] = weight[since].clone()

    def embedding(self, model: MACENetwork) -> tuple[str, int]:
        return f"{PREFIX}node_embedding.linear.weight", len(model.elements)

    def layers(self, model: MACENetwork) -> list[Layer]:
        last = len(model.network.interactions) - 1
        named = [
            Layer("atom embedding", f"{PREFIX}node_embedding."),
            Layer("first interaction", f"{PREFIX}interactions.0."),
            Layer("last interaction", f"{PREFIX}interactions.{last}."),
            Layer("first product", f"{PREFIX}products.0."),
            Layer("last product", f"{PREFIX}products.{last}."),
            Layer("last readout", f"{PREFIX}readouts.{len(model.network.readouts) - 1}."),
        ]
        return [*{layer.prefix: layer for layer in reversed(named)}.values()][::-1]

    def groups(self, model: MACENetwork) -> dict[str, tuple[str, ...]]:
        last = len(model.network.interactions) - 1
        return {
            "atom_embedding": (f"{PREFIX}node_embedding.",),
            # An interaction with the product that follows it.
            "first_interaction": (f"{PREFIX}interactions.0.", f"{PREFIX}products.0."),
            "last_interaction": (f"{PREFIX}interactions.{last}.", f"{PREFIX}products.{last}."),
            "interactions": (f"{PREFIX}interactions.",),
            "products": (f"{PREFIX}products.",),
            "readout": (f"{PREFIX}readouts.",),
        }

    def linear_layers(self, model: MACENetwork) -> list[LinearLayer]:
        found = []
        for name, module in model.network.named_modules():
            weight = getattr(module, "weight", None)
            if not isinstance(weight, nn.Parameter):
                continue
            full = f"{PREFIX}{name}.weight"
            if weight.dim() == 2:
                found.append(LinearLayer(full, weight, 0, *weight.shape))
            elif type(module).__name__ == "Linear":
                # One matrix for each pair of equal irreps, one after the other.
                at = 0
                for instruction in module.instructions:
                    rows, columns = instruction.path_shape
                    found.append(LinearLayer(full, weight, at, rows, columns))
                    at += rows * columns
        return found

    def part_of(self, name: str) -> str:
        if name.startswith(_REFERENCES):
            return "references"
        first = name.removeprefix(PREFIX).split(".", 1)[0]
        if first in ("interactions", "products"):
            return "convolutions"
        return "readout" if first == "readouts" else "embeddings"

    def content(self, model: MACENetwork) -> dict:
        return {
            "architecture": self.name,
            "model": {
                "state_dict": portable_weights(model, _REFERENCES),
                "arguments": model.arguments,
            },
        }

    def from_content(self, content: Mapping, path: str) -> MACENetwork:
        stored = content["model"]
        weights = dict(stored["state_dict"])
        references = weights[f"{_REFERENCES}fc.weight"]
        weights[f"{_REFERENCES}fc.weight"] = references.float()
        try:
            model = drawn(stored["arguments"], 0)
            model.load_state_dict(weights)
        except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise StudyError(
                f"{path}: its weights do not fit a MACE of this version of mace-torch "
                f"({first_line(error)}); make it again with the mace-torch installed here"
            ) from None
        take_reference(model, references)
        return model

    def save_native(self, model: MACENetwork, folder: Path, name: str) -> list[str]:
        file = f"{name}.model"
        write_native(model, folder / file)
        return [file]


ARCHITECTURE = _MACE()


def _copy_in_product(product: nn.Module, to: int, since: int) -> None:
    """Copy the weights of a tensor product whose second input is the one-hot element."""
    if not product.weight.numel():
        return
    at = 0
    for instruction in product.instructions:
        if not instruction.has_weight:
            continue
        size = math.prod(instruction.path_shape)
        weight = product.weight[at : at + size].view(instruction.path_shape)
        at += size
        weight[:, to] = weight[:, since].clone()
