"""Two networks that add up, as an architecture: evaluated, simulated and saved like any other."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from rungs.config.architectures import SUM
from rungs.errors import StudyError
from rungs.potentials.architecture import Evaluated
from rungs.potentials.delta.network import DeltaNetwork, DeltaPotential
from rungs.potentials.potential import Flat
from rungs.potentials.registry import NAMES, architecture, architecture_of

_PARTS = ("base", "correction")
_ALONE = "base_reference"


class _Delta(Evaluated):
    """It knows the elements that both know; what is trained of it is the correction, by itself."""

    name = SUM

    def cutoffs(self, model: DeltaNetwork) -> tuple[float, float]:
        return architecture_of(model.base).cutoffs(model.base)

    def potential(
        self, model: DeltaNetwork, *, compiled: bool = True, flat: Flat | None = None
    ) -> DeltaPotential:
        return DeltaPotential(model, compiled=compiled, flat=flat)

    def references(self, model: DeltaNetwork) -> nn.Module:
        return architecture_of(model.correction).references(model.correction)

    def elements(self, model: DeltaNetwork) -> tuple[int, ...]:
        known = [architecture_of(m).elements(m) for m in (model.base, model.correction)]
        return tuple(z for z in known[0] if z in known[1])

    def content(self, model: DeltaNetwork) -> dict:
        contents = {part: self._content_of(getattr(model, part)) for part in _PARTS}
        weights = {
            f"{part}.{name}": value
            for part, content in contents.items()
            for name, value in content["model"].pop("state_dict").items()
        }
        # Not rounded: reference energies may be large.
        weights[_ALONE] = model.base_reference.detach().cpu().double()
        return {
            "architecture": self.name,
            "model": {"state_dict": weights, "parts": contents},
        }

    def from_content(self, content: Mapping, path: str) -> DeltaNetwork:
        weights = content["model"]["state_dict"]
        made = {}
        for part in _PARTS:
            stored = content["model"].get("parts", {}).get(part, {})
            kind = stored.get("architecture")
            if kind not in NAMES:
                raise StudyError(
                    f"{path}: is a sum of networks, one of them of kind {kind!r}, which this "
                    f"version of Rungs does not know; it knows {', '.join(NAMES)}"
                )
            start = f"{part}."
            own = {n.removeprefix(start): v for n, v in weights.items() if n.startswith(start)}
            with_weights = {**stored, "model": {**stored["model"], "state_dict": own}}
            made[part] = architecture(kind).from_content(with_weights, path)
        model = DeltaNetwork(made["base"], made["correction"])
        with torch.no_grad():
            model.base_reference.copy_(weights[_ALONE])
        return model

    def save_native(self, model: DeltaNetwork, folder: Path, name: str) -> list[str]:
        """Write two files, whose energies, forces and stresses add up to the model's."""
        base, correction = model.parts()
        return [
            file
            for part, word in ((base, "source"), (correction, "delta"))
            for file in architecture_of(part).save_native(part, folder, f"{name}_{word}")
        ]

    def _content_of(self, model: nn.Module) -> dict:
        own = architecture_of(model)
        return {"architecture": own.name, **own.content(model)}


ARCHITECTURE = _Delta()
