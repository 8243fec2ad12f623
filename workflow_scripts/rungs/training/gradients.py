"""What the first epoch of a transfer asks of each part of the network.

Figure 3 of the GGA to r2SCAN paper: where the reference energies are the wrong ones, the network
has to learn a shift of several eV per atom, and its gradients say so.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungs.config.methods import Method
from rungs.config.study import Run
from rungs.config.training import Training
from rungs.files import write_rows
from rungs.graphs.store import GraphStore
from rungs.potentials.device import pick_device
from rungs.potentials.model_files import load_model
from rungs.potentials.references import references_of
from rungs.potentials.registry import trained_architecture_of
from rungs.seeds import derive_seed
from rungs.splits.files import read_order, read_split
from rungs.splits.subsets import take
from rungs.training.loss import weights_of_labelled
from rungs.training.parameter_vector import FlatParameters
from rungs.training.schedule import (
    BatchOrder,
    learning_rate,
    number_of_updates,
    updates_of_references,
)
from rungs.training.start import prepare
from rungs.training.step import Step

GRADIENT_COLUMNS = ("method", "size", "seed", "epoch", "update", "layer", "gradient_norm")
N_TENTHS = 10


def layer_norms(
    model: torch.nn.Module, flat: FlatParameters, gradient: torch.Tensor
) -> dict[str, float]:
    """Return the Euclidean norm of a (P,) gradient over the parameters of each layer.

    The references, where they are trained, are a layer of their own: ``reference energies``.
    """
    layers = trained_architecture_of(model).layers(model)
    of_layer = {
        id(parameter): [layer.name for layer in layers if name.startswith(layer.prefix)]
        for name, parameter in model.named_parameters()
    }
    of_layer |= {id(p): ["reference energies"] for p in references_of(model).parameters()}
    squares: dict[str, float] = {}
    for parameter, piece in zip(flat.parameters, gradient.split(flat.sizes), strict=True):
        square = float(piece.double().square().sum())
        for name in of_layer[id(parameter)]:
            squares[name] = squares.get(name, 0.0) + square
    wanted = [*(layer.name for layer in layers), "reference energies"]
    return {name: math.sqrt(squares[name]) for name in wanted if name in squares}


def record_gradients(
    runs: Sequence[Run],
    methods: dict[str, Method],
    trainings: Mapping[str, Training],
    *,
    inputs: Any,
    study_seed: int,
    output: Any,
) -> list[str]:
    """Write ``tables/gradients.csv``: gradient norms through the first epoch of some transfers.

    Each run starts, and updates, exactly as in the study, with its schedule, its batches and its
    clipping; what is recorded is the gradient of the batch before clipping, every tenth of the
    epoch from its first update to the first of the next epoch (every update, where an epoch has
    fewer than ten).

    Args:
        runs: which runs, none from random weights.
        methods: the study's methods by name.
        trainings: how each method is fine-tuned.
        inputs: attributes ``split``, ``source_reference`` and ``target_reference`` are paths;
            ``graphs``, ``subsets`` and ``pretrained`` are paths, one for each run.
            ``interactions`` may be files of interaction energies, each beside the model of its
            network.
        study_seed: the study's seed.
        output: the path to write.

    Returns:
        Lines for the terminal.
    """
    device = pick_device()
    stores = {path: GraphStore.open(path) for path in set(inputs.graphs)}
    split = read_split(inputs.split)
    interactions = {Path(path).parent: path for path in getattr(inputs, "interactions", ())}
    rows, lines = [], []
    of_runs = zip(runs, inputs.graphs, inputs.subsets, inputs.pretrained, strict=True)
    for run, graphs, order, pretrained in of_runs:
        method, store = methods[run.method], stores[graphs]
        available = read_order(order)
        training = store.index(take(available, run.size))
        model = load_model(pretrained)
        prepare(
            model,
            method,
            store,
            split,
            training,
            inputs,
            device,
            available=store.index(available),
            interactions=interactions.get(Path(pretrained).parent),
        )
        references_of(model.to(device)).requires_grad_(method.train_reference)
        seed = derive_seed(study_seed, "fine-tuning", run.seed)
        recorded = first_epoch(model, store, training, trainings[run.method], seed, device)
        rows += [run._asdict() | row for row in recorded]
        whole = [row for row in recorded if row["layer"] == "whole network"]
        lines.append(
            f"{run.method}, {run.size} frames, seed {run.seed}: gradient of the network "
            f"{whole[0]['gradient_norm']:.3g} at the first update, "
            f"{whole[-1]['gradient_norm']:.3g} after {whole[-1]['epoch']:.3g} epochs"
        )
    write_rows(output, GRADIENT_COLUMNS, rows)
    return lines


def first_epoch(
    model: torch.nn.Module,
    store: GraphStore,
    training: np.ndarray,
    options: Training,
    seed: int,
    device: torch.device,
) -> list[dict]:
    """Train ``model`` in place for an epoch; return the rows of its gradients.

    Args:
        model: on ``device``; what is to be trained requires gradients.
        store, training: the target's frames, and places of those to train on.
        options: the fine-tuning whose first epoch this is.
        seed: of the run, as the training has it.
        device: to work on.
    """
    weights = weights_of_labelled(options.weights, (store, training))
    step = Step(model, store, options.model_copy(update={"weights": weights}), device)
    costs = store.n_rows[training] if options.balance_batches else None
    order = BatchOrder(len(training), options.batch_size, seed, costs)
    n_updates = number_of_updates(options, len(training))
    record_at = {order.per_epoch * k // N_TENTHS for k in range(N_TENTHS + 1)}
    rows = []
    for update in range(min(order.per_epoch + 1, n_updates)):
        alone = update < updates_of_references(n_updates, options)
        gradient, terms = step.gradient(training[order[update]], references_alone=alone)
        if update in record_at:
            network = gradient[: len(gradient) - step.flat.n_last]
            norms = {"whole network": float(torch.linalg.vector_norm(network))}
            norms |= layer_norms(model, step.flat, gradient)
            epoch = update / order.per_epoch
            rows += [
                {"epoch": epoch, "update": update, "layer": layer, "gradient_norm": norm}
                for layer, norm in norms.items()
            ]
        if update < order.per_epoch:
            rate = learning_rate(update, n_updates, options)
            step.apply(gradient, terms["gradient_norm"], update, rate, references_alone=alone)
    return rows
