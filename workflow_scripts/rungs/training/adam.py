"""Adam and AdamW, with the clipping of the gradient and the average of the weights.

Sources: D. P. Kingma and J. Ba, arXiv:1412.6980; I. Loshchilov and F. Hutter, arXiv:1711.05101.
"""

import ctypes
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from rungs.potentials.chgnet.compiled.library import compiled_library

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_NUMBERS = {torch.float32: ("float", ctypes.c_float), torch.float64: ("double", ctypes.c_double)}


class Piece(NamedTuple):
    """Parameters that lie one after the other and are treated alike."""

    size: int
    decay: float = 0.0
    """Weight decay."""
    factor: float = 1.0
    """On the learning rate; at 0 the parameters stay as they are."""


class Adam:
    """Updates a vector of parameters in place, and the average of its values beside it.

    On a CPU it is one pass over the vectors by a compiled function, where there is a compiler; else
    PyTorch's fused kernels do it. Neither are the classes of ``torch.optim``, which import
    PyTorch's compiler when the first is made: that takes as long as importing PyTorch itself,
    about half of a job that fine-tunes on a few frames.

    Args:
        vector: (P,) what is trained.
        pieces: what it consists of, in order.
        average: (P,) of the vector's values, or None.
        decoupled: decay the weights themselves, as AdamW does, and not through the gradient.
        compiled: whether the compiled function may be used.
    """

    def __init__(
        self,
        vector: Tensor,
        pieces: Sequence[Piece],
        *,
        average: Tensor | None = None,
        decoupled: bool = False,
        compiled: bool = True,
    ) -> None:
        self._vector, self._average = vector, average
        self._mean, self._square = torch.zeros_like(vector), torch.zeros_like(vector)
        self._pieces = list(pieces)
        if sum(piece.size for piece in pieces) != len(vector):
            raise ValueError(f"pieces of {len(vector)} parameters are needed, got {pieces}")
        self._steps = [0] * len(self._pieces)
        self._decoupled = decoupled
        on_cpu = vector.device.type == "cpu" and vector.dtype in _NUMBERS
        self._library = compiled_library() if compiled and on_cpu else None

    @torch.no_grad()
    def step(
        self,
        gradient: Tensor,
        rate: float,
        *,
        scale: float = 1.0,
        decay: float = 0.0,
        only: Sequence[bool] | None = None,
    ) -> None:
        """Update the vector along a gradient.

        Args:
            gradient: (P,), used up.
            rate: learning rate.
            scale: on the gradient.
            decay: share of the average that stays; the rest of it are the new values.
            only: whether a piece is updated at all, its moments included; None updates all.
        """
        update = self._update_by_pytorch if self._library is None else self._update_at_once
        start = 0
        for i, piece in enumerate(self._pieces):
            places = slice(start, start + piece.size)
            start += piece.size
            learns = piece.size and piece.factor and (only is None or only[i])
            self._steps[i] += bool(learns)
            if learns:
                update(piece, places, self._steps[i], gradient, rate, scale, decay)
            elif self._average is not None:
                self._average[places].lerp_(self._vector[places], 1 - decay)

    def _update_at_once(self, piece, places, t, gradient, rate, scale, decay) -> None:
        name, number = _NUMBERS[self._vector.dtype]
        rate *= piece.factor
        values = (
            scale,
            rate,
            0.0 if self._decoupled else piece.decay,
            1 - rate * piece.decay if self._decoupled else 1.0,
            _BETA1,
            _BETA2,
            _EPSILON,
            1 - _BETA1**t,
            math.sqrt(1 - _BETA2**t),
            1 - decay,
        )
        vectors = (self._vector, gradient, self._mean, self._square, self._average)
        getattr(self._library, f"adam_{name}")(
            ctypes.c_int64(piece.size),
            *(ctypes.c_void_p(None if v is None else v[places].data_ptr()) for v in vectors),
            (number * len(values))(*values),
        )

    def _update_by_pytorch(self, piece, places, t, gradient, rate, scale, decay) -> None:
        vector = self._vector[places]
        (adamw if self._decoupled else adam)(
            [vector],
            [gradient[places].mul_(scale)],
            [self._mean[places]],
            [self._square[places]],
            [],
            [torch.tensor(float(t - 1), device=vector.device)],
            fused=True,
            lr=rate * piece.factor,
            weight_decay=piece.decay,
            beta1=_BETA1,
            beta2=_BETA2,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )
        if self._average is not None:
            self._average[places].lerp_(vector, 1 - decay)

    def state_dict(self) -> dict:
        """Return the moments, and how many updates each piece has had."""
        return {"steps": list(self._steps), "mean": self._mean, "square": self._square}

    def load_state_dict(self, state: dict) -> None:
        """Go on from ``state``."""
        self._steps = list(state["steps"])
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
