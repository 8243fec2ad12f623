"""The trainable parameters of a model as one vector."""

from collections.abc import Iterable
from itertools import accumulate

import torch
from torch import Tensor, nn


class FlatParameters:
    """Parameters laid out one after the other, in storage that the model goes on using.

    Clipping, averaging, adding up gradients over processes and the optimiser's own arithmetic are
    then one operation each, not one for each of dozens of small tensors.

    Args:
        model: its parameters become views of the vector.
        last: those of the trainable parameters that come last.
    """

    def __init__(self, model: nn.Module, last: Iterable[nn.Parameter] = ()) -> None:
        at_end = {id(p) for p in last}
        trainable = [p for p in model.parameters() if p.requires_grad]
        self.parameters = sorted(trainable, key=lambda p: id(p) in at_end)
        self.sizes = [p.numel() for p in self.parameters]
        self.n_last = sum(p.numel() for p in self.parameters if id(p) in at_end)
        self.vector = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        for parameter, piece in zip(self.parameters, self.vector.split(self.sizes), strict=True):
            parameter.data = piece.view_as(parameter)
        starts = accumulate(self.sizes, initial=0)
        self.places = {id(p): start for p, start in zip(self.parameters, starts, strict=False)}
        """Where in the vector each parameter begins, by its ``id``."""
        self.leaf = self.vector.detach().requires_grad_()
        """The vector as one tensor of autograd, for what depends on it and not on its parts."""

    def gradient(self, loss: Tensor) -> Tensor:
        """Return the (P,) gradient of ``loss``, through the parameters and through :attr:`leaf`;
        parameters that it does not depend on get 0."""
        # Only the parameters: the gradient with respect to the bond vectors would be thrown away.
        wanted = [self.leaf, *self.parameters]
        whole, *pieces = torch.autograd.grad(loss, wanted, allow_unused=True)
        if whole is None:
            return torch.cat(
                [
                    self.vector.new_zeros(size) if piece is None else piece.reshape(-1)
                    for piece, size in zip(pieces, self.sizes, strict=True)
                ]
            )
        for parameter, piece in zip(self.parameters, pieces, strict=True):
            if piece is not None:
                start = self.places[id(parameter)]
                whole[start : start + piece.numel()] += piece.reshape(-1)
        return whole
