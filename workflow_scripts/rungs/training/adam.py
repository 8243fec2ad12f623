"""Adam and AdamW, by PyTorch's fused kernels.

The numbers are those of ``torch.optim.Adam`` and ``torch.optim.AdamW``, bit for bit. Those classes
import PyTorch's compiler when the first of them is made, which takes as long as importing PyTorch
itself: about half of a job that fine-tunes on a few frames.

Sources: D. P. Kingma and J. Ba, arXiv:1412.6980; I. Loshchilov and F. Hutter, arXiv:1711.05101.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw

_FIXED = {
    "fused": True,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "amsgrad": False,
    "maximize": False,
}


class Adam:
    """Updates vectors in place.

    Args:
        vectors: what is trained, each of shape (P,); an empty one is left alone.
        decays: the weight decay of each.
        decoupled: decay the weights themselves, as AdamW does, and not through the gradient.
    """

    def __init__(
        self, vectors: Sequence[Tensor], decays: Sequence[float], decoupled: bool = False
    ) -> None:
        self._trained = [
            (vector, decay, _moments(vector))
            for vector, decay in zip(vectors, decays, strict=True)
            if len(vector)
        ]
        self._update = adamw if decoupled else adam

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Update each vector along its (P,) gradient, at the learning rate ``rate``."""
        gradients = [gradient for gradient in gradients if len(gradient)]
        for (vector, decay, moments), gradient in zip(self._trained, gradients, strict=True):
            self._update(
                [vector],
                [gradient],
                [moments["exp_avg"]],
                [moments["exp_avg_sq"]],
                [],
                [moments["step"]],
                lr=rate,
                weight_decay=decay,
                **_FIXED,
            )

    def state_dict(self) -> dict:
        """Return the moments, laid out as PyTorch's optimisers have them."""
        return {"state": {i: moments for i, (_, _, moments) in enumerate(self._trained)}}

    def load_state_dict(self, state: dict) -> None:
        """Go on from ``state``, of this class or of PyTorch's with the same vectors."""
        for i, (_, _, moments) in enumerate(self._trained):
            for name, tensor in moments.items():
                tensor.copy_(state["state"][i][name])


def _moments(vector: Tensor) -> dict[str, Tensor]:
    return {
        "step": torch.zeros((), dtype=torch.float32, device=vector.device),
        "exp_avg": torch.zeros_like(vector),
        "exp_avg_sq": torch.zeros_like(vector),
    }
