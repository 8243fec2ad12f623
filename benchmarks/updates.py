"""Time an update of each way of using both levels against plain fine-tuning's.

    python benchmarks/updates.py results/strategies/graphs/target.safetensors
    python benchmarks/updates.py GRAPHS --batch 8 --rounds 30

Every round takes an update of each way, one after the other, on the same frames of one file, so
that batches of two levels have frames of the same sizes as those of one; ratios are medians over
the rounds. One thread.
"""

import argparse
import copy
import statistics
import time

import numpy as np
import torch

from rungs.config.architectures import CHGNetArchitecture
from rungs.config.methods import Adapters
from rungs.config.training import LossWeights, Training
from rungs.graphs.store import GraphStore
from rungs.potentials.models import new_model
from rungs.potentials.references import references_of
from rungs.training.changes import Changes
from rungs.training.companion import Beside, Chosen
from rungs.training.layers import freeze
from rungs.training.step import Step

CPU = torch.device("cpu")
MESSAGES = ("atom_convolutions", "bond_convolutions", "angle_updates")
FACTS = {"warm_up": 5, "rounds": 40}


def steps_of(store: GraphStore, batch: int) -> dict[str, tuple[Step, bool]]:
    """Return a step of each way, and whether its batches are of two levels."""
    size = {"atom_fea_dim": 48, "bond_fea_dim": 32, "angle_fea_dim": 32, "n_conv": 2}
    size |= {"atom_conv_hidden_dim": 48, "bond_conv_hidden_dim": 32, "mlp_hidden_dims": [48, 48]}
    size |= {"num_radial": 15, "num_angular": 15}
    cutoffs = dict(zip(("atom_graph_cutoff", "bond_graph_cutoff"), store.cutoffs, strict=True))
    model = new_model(CHGNetArchitecture(**size, **cutoffs), 0)
    references_of(model).requires_grad_(False)
    weights = LossWeights(energy=3, force=1, stress=0.1, magmom=1)
    options = Training(updates=1000, batch_size=batch, learning_rate=1e-3, weights=weights)

    def step(frozen: tuple[str, ...] = (), **more: object) -> Step:
        own = copy.deepcopy(model)
        freeze(own, frozen)
        return Step(own, store, options, CPU, **more)

    return {
        "plain": (step(), False),
        "replay, shared": (step(companion=Beside(store, 0.25, 1.0)), True),
        "replay, embedding": (step(companion=Beside(store, 0.25, 1.0, "embedding")), True),
        "replay, heads": (step(companion=Beside(store, 0.25, 1.0, "heads")), True),
        "adapters of rank 4": (step(changes=Changes(Adapters(rank=4))), False),
        "anchored": (step(changes=Changes(anchor=0.01)), False),
        "frozen messages": (step(MESSAGES), False),
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("graphs", help="a file of graphs")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=FACTS["rounds"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    store = GraphStore.open(asked.graphs)
    steps = steps_of(store, asked.batch)
    random = np.random.default_rng(0)
    n_beside = max(1, round(0.25 * asked.batch))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(FACTS["warm_up"] + asked.rounds):
        frames = random.choice(len(store), asked.batch, replace=False)
        for name, (step, two_levels) in steps.items():
            chosen = Chosen(frames[n_beside:], frames[:n_beside]) if two_levels else frames
            begin = time.perf_counter()
            gradient, terms = step.gradient(chosen)
            step.apply(gradient, terms["gradient_norm"], i, 1e-3)
            if i >= FACTS["warm_up"]:
                seconds[name].append(time.perf_counter() - begin)
    plain = seconds["plain"]
    for name, own in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(own, plain, strict=True))
        print(f"{name:20} {1000 * statistics.median(own):7.1f} ms {ratio:6.2f}")


if __name__ == "__main__":
    main()
