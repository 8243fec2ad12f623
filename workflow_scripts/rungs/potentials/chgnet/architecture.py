"""CHGNet as an architecture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from rungs.config.architectures import CHGNetArchitecture
from rungs.errors import StudyError, first_line
from rungs.files import whole_file
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.potentials.architecture import (
    Architecture,
    Layer,
    LinearLayer,
    Surroundings,
)
from rungs.potentials.chgnet.forward import BatchedCHGNet, cutoffs_of
from rungs.potentials.chgnet.lean_import import chgnet_model_only
from rungs.potentials.chgnet.published import new_model, silence
from rungs.potentials.potential import Flat
from rungs.potentials.references import portable_weights, take_reference

if TYPE_CHECKING:
    from chgnet.model import CHGNet

_REFERENCES = "composition_model."
_WEIGHT = f"{_REFERENCES}fc.weight"
_OUTPUT_BIAS = "atom_conv_layers.0.mlp_out.layers.1.bias"


class _CHGNet(Architecture):
    name = "chgnet"
    uses_surroundings = False

    def new(
        self, options: CHGNetArchitecture, seed: int, around: Surroundings | None = None
    ) -> "CHGNet":
        return new_model(options, seed)

    def redraw(self, model: nn.Module, seed: int) -> "CHGNet":
        fields = CHGNetArchitecture.model_fields.keys() - {"kind"}
        known = {key: model.model_args[key] for key in fields}
        for key in ("atom_conv_hidden_dim", "bond_conv_hidden_dim", "mlp_hidden_dims"):
            if not isinstance(known[key], int):
                known[key] = list(known[key])
        return new_model(CHGNetArchitecture.model_validate(known), seed)

    def start_at_zero(self, model: nn.Module) -> None:
        last = model.mlp.layers[-1]
        with torch.no_grad():
            for parameter in last.parameters():
                parameter.zero_()

    def cutoffs(self, model: nn.Module) -> tuple[float, float]:
        return cutoffs_of(model)

    def potential(
        self, model: nn.Module, *, compiled: bool = True, flat: Flat | None = None
    ) -> BatchedCHGNet:
        return BatchedCHGNet(model, compiled=compiled, flat=flat)

    def references(self, model: nn.Module) -> nn.Module:
        return model.composition_model

    def elements(self, model: nn.Module) -> tuple[int, ...]:
        return tuple(range(1, MAX_ATOMIC_NUMBER + 1))

    def copy_element(self, model: nn.Module, target: int, source: int) -> None:
        # Its embedding is all of an element's own, with hydrogen in row 0.
        embedding = model.atom_embedding.embedding.weight
        with torch.no_grad():
            embedding[target - 1] = embedding[source - 1].clone()

    def embedding(self, model: nn.Module) -> tuple[str, int]:
        return "atom_embedding.embedding.weight", MAX_ATOMIC_NUMBER

    def layers(self, model: nn.Module) -> list[Layer]:
        """Return the layers that the GGA to r2SCAN paper names, those that ``model`` has.

        The last atom convolution is the one before the readout. A network with two interaction
        blocks has one bond convolution, the first and the last at once.
        """
        named = _named(model)
        unique = {layer.prefix: layer for layer in reversed(named)}
        names = [name for name, _ in model.named_parameters()]
        return [
            layer
            for layer in named
            if unique[layer.prefix] is layer and any(n.startswith(layer.prefix) for n in names)
        ]

    def groups(self, model: nn.Module) -> dict[str, tuple[str, ...]]:
        one_by_one = {
            layer.name.lower().replace(" ", "_"): (layer.prefix,) for layer in _named(model)
        }
        return one_by_one | {
            "atom_convolutions": ("atom_conv_layers.",),
            "bond_convolutions": ("bond_conv_layers.",),
            "angle_updates": ("angle_layers.",),
            "readout": ("readout_norm.", "mlp."),
        }

    def linear_layers(self, model: nn.Module) -> list[LinearLayer]:
        return [
            LinearLayer(f"{name}.weight", module.weight, 0, *module.weight.shape)
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and not name.startswith(_REFERENCES)
        ]

    def part_of(self, name: str) -> str:
        first = name.split(".", 1)[0]
        if name.startswith(_REFERENCES):
            return "references"
        if first in ("atom_conv_layers", "bond_conv_layers", "angle_layers"):
            return "convolutions"
        return "readout" if first in ("site_wise", "readout_norm", "mlp") else "embeddings"

    def content(self, model: nn.Module) -> dict:
        """Return what ``CHGNet.from_file`` reads.

        Reference energies below 256 eV are in float32, and so chgnet has them; larger ones in
        float64, which chgnet rounds to float32 when it reads them.
        """
        arguments = dict(model.model_args)
        if not isinstance(arguments.get("composition_model"), str | None):
            # chgnet marks reference energies as fitted only when they come by name; the ones of
            # the state dict take their place right afterwards.
            arguments["composition_model"] = "MPtrj"
        # What is saved is no longer a published version.
        arguments["version"] = None
        weights = portable_weights(model, _REFERENCES)
        return {"model": {"state_dict": weights, "model_args": arguments}}

    def from_content(self, content: Mapping, path: str) -> "CHGNet":
        with chgnet_model_only():
            from chgnet.model.model import CHGNet

        stored = content["model"]
        arguments = dict(stored["model_args"])
        if _OUTPUT_BIAS in stored["state_dict"]:
            # The file of version 0.2.0 does not say that its convolutions have an output bias.
            arguments["mlp_out_bias"] = True
        try:
            with silence():
                model = CHGNet.from_dict({**stored, "model_args": arguments})
        except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError) as error:
            raise StudyError(
                f"{path}: its weights do not fit a CHGNet of this version of chgnet "
                f"({first_line(error)}); save the model again with the chgnet installed here"
            ) from None
        if _WEIGHT in stored["state_dict"]:
            take_reference(model, stored["state_dict"][_WEIGHT])
        return model

    def save_native(self, model: nn.Module, folder: Path, name: str) -> list[str]:
        file = f"{name}.pt"
        # Through a handle: given a name, PyTorch would write the temporary name into the file.
        with whole_file(folder / file) as partial, open(partial, "wb") as handle:
            torch.save(self.content(model), handle)
        return [file]


ARCHITECTURE = _CHGNet()


def _named(model: nn.Module) -> list[Layer]:
    last = {kind: len(getattr(model, f"{kind}_conv_layers")) - 1 for kind in ("atom", "bond")}
    return [
        Layer("atom embedding", "atom_embedding."),
        Layer("bond embedding", "bond_embedding."),
        Layer("angle embedding", "angle_embedding."),
        Layer("first atom convolution", "atom_conv_layers.0."),
        Layer("last atom convolution", f"atom_conv_layers.{last['atom']}."),
        Layer("first bond convolution", "bond_conv_layers.0."),
        Layer("last bond convolution", f"bond_conv_layers.{last['bond']}."),
        Layer("first layer of the MLP", "mlp.layers.0."),
    ]
