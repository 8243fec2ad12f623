"""What is timed against each other: an epoch of training by chgnet's Trainer, and by ours."""

import contextlib
import io
import warnings
from collections.abc import Callable

import numpy as np
import torch
from cells import Labels
from pymatgen.core import Structure
from torch import nn

from rungs.config.training import Training
from rungs.graphs.build import FrameGraph, build_graph
from rungs.graphs.store import GraphStore
from rungs.training.schedule import BatchOrder
from rungs.training.step import Step

Epoch = Callable[[], None]


def epoch_of_chgnet(
    model: nn.Module,
    structures: list[Structure],
    labels: list[Labels],
    batch_size: int,
    device: torch.device,
) -> Epoch:
    """Return an epoch of ``chgnet.trainer.Trainer`` on chgnet's own dataset and loader."""
    from chgnet.data.dataset import StructureData, collate_graphs
    from chgnet.trainer import Trainer
    from torch.utils.data import DataLoader

    # chgnet converts volumes that carry a gradient
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True")
    model.graph_converter.set_isolated_atom_response("ignore")
    with _silence():
        data = StructureData(
            structures,
            energies=[x.energy for x in labels],
            forces=[x.forces for x in labels],
            # it takes VASP's: kbar, positive under pressure
            stresses=[-10 * x.stress for x in labels],
            magmoms=[x.magmoms for x in labels],
            graph_converter=model.graph_converter,
            shuffle=False,
        )
        loader = DataLoader(data, batch_size=batch_size, collate_fn=collate_graphs)
        trainer = Trainer(
            model=model,
            targets="efsm",
            energy_loss_ratio=3,
            force_loss_ratio=1,
            stress_loss_ratio=0.1,
            mag_loss_ratio=1,
            optimizer="Adam",
            criterion="Huber",
            learning_rate=1e-4,
            use_device=str(device),
        )
    trainer.model.to(device)

    def epoch() -> None:
        with _silence():
            trainer._train(loader, 0)

    return epoch


def epoch_of_ours(
    model: nn.Module,
    structures: list[Structure],
    labels: list[Labels],
    batch_size: int,
    device: torch.device,
    *,
    compiled: bool,
    tf32: bool = False,
) -> tuple[Epoch, Step]:
    """Return an epoch of our training: batches, loss, gradient, clipping, Adam, averaging."""
    arguments = model.model_args
    cutoffs = float(arguments["atom_graph_cutoff"]), float(arguments["bond_graph_cutoff"])
    store = GraphStore.from_graphs([our_graph(s, cutoffs) for s in structures], *cutoffs)
    store.arrays["energies_per_atom"] = np.array([x.energy for x in labels])
    store.arrays["forces"] = np.concatenate([x.forces for x in labels]).astype(np.float32)
    store.arrays["magmoms"] = np.concatenate([x.magmoms for x in labels]).astype(np.float32)
    stress = np.array([x.stress for x in labels])
    store.arrays["stress"] = stress[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]].astype(np.float32)
    options = Training(epochs=1, batch_size=batch_size, learning_rate=1e-4)
    model.composition_model.requires_grad_(False)
    step = Step(model.to(device), store, options, device)
    step.potential.compiled = compiled
    order = BatchOrder(len(store), batch_size, 0)

    def epoch() -> None:
        # of the process, and another side may have changed it
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        for update in range(order.per_epoch):
            gradient, terms = step.gradient(order[update])
            step.apply(gradient, terms["gradient_norm"], update, options.learning_rate)

    return epoch, step


def our_graph(structure: Structure, cutoffs: tuple[float, float]) -> FrameGraph:
    """Return our graph of a pymatgen structure."""
    numbers = [site.specie.Z for site in structure]
    return build_graph(structure.lattice.matrix, numbers, structure.cart_coords, *cutoffs)


@contextlib.contextmanager
def _silence():
    with contextlib.redirect_stdout(io.StringIO()):
        yield
