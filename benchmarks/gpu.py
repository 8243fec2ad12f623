"""Whether a GPU computes what the CPU does, before anything on it is timed."""

import copy

import numpy as np
import torch

from rungs.graphs.store import GraphStore
from rungs.potentials.chgnet.forward import BatchedCHGNet

PROPERTIES = ("energy", "forces", "stress", "magmoms")


def compare_with_cpu(case, device: torch.device) -> str:
    """Return a line with the largest differences of predictions, and of the gradient of a loss on
    them, between ``device`` and the CPU, in float64 and, there with TF32 off and on, in float32.

    Raises:
        RuntimeError: when they differ by more than rounding in float64.
    """
    from sides import our_graph

    arguments = case.model.model_args
    cutoffs = float(arguments["atom_graph_cutoff"]), float(arguments["bond_graph_cutoff"])
    graphs = [our_graph(s, cutoffs) for s in case.structures[: case.batch_size]]
    store = GraphStore.from_graphs(graphs, *cutoffs)

    def found(where: torch.device, dtype: torch.dtype) -> list[torch.Tensor]:
        model = copy.deepcopy(case.model).to(where, dtype)
        batch = store.batch(np.arange(len(store)), where, dtype)
        prediction = BatchedCHGNet(model, compiled=False)(batch)
        values = [getattr(prediction, name) for name in PROPERTIES]
        loss = sum(value.square().mean() for value in values)
        trained = [p for p in model.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        flat = torch.cat([g.reshape(-1) for g in gradients if g is not None])
        return [x.detach().double().cpu() for x in (*values, flat)]

    truth = found(torch.device("cpu"), torch.float64)
    lines = []
    for words, dtype, precision in (
        ("float64", torch.float64, "highest"),
        ("float32", torch.float32, "highest"),
        ("TF32", torch.float32, "high"),
    ):
        torch.set_float32_matmul_precision(precision)
        differences = [
            float((x - y).abs().max() / y.abs().max().clamp(min=1))
            for x, y in zip(found(device, dtype), truth, strict=True)
        ]
        if words == "float64" and max(differences) > 1e-9:
            raise RuntimeError(f"{device} differs from the CPU in float64: {differences}")
        pairs = zip((*PROPERTIES, "gradient"), differences, strict=True)
        lines.append(f"{words}: " + ", ".join(f"{name} {x:.1e}" for name, x in pairs))
    torch.set_float32_matmul_precision("highest")
    return (
        "Largest differences from float64 on the CPU, relative to the largest value: "
        + "; ".join(lines)
        + "."
    )
