"""The configurations of made-up studies: how many methods, sizes and seeds."""

from typing import NamedTuple

import numpy as np


class Shape(NamedTuple):
    """How the runs of a study are made up."""

    methods: int
    sizes: int
    seeds: int


MANY_METHODS = Shape(8, 13, 5)
"""520 runs, less the two smallest sizes of two methods: panels, tables and files in plenty."""
MANY_SEEDS = Shape(5, 10, 10)
"""500 runs: the most refits, as seeds beyond seven are resampled 2,000 times."""


def configuration(shape: Shape, largest: int) -> dict:
    """A study of that shape: one method from scratch, the others by transfer."""
    sizes = np.unique(np.geomspace(20, largest, shape.sizes).round().astype(int)).tolist()
    transfer = {"initial": "pretrained", "reference": "target"}
    methods = {"scratch": {"initial": "random", "reference": "target"}}
    methods |= {f"transfer_{i}": dict(transfer) for i in range(1, shape.methods)}
    for name in list(methods)[6:]:
        methods[name]["sizes"] = sizes[2:]
    training = {"updates": 1000, "batch_size": 16, "learning_rate": 3.0e-3}
    level = {"kind": "crystals", "frames_per_crystal": 6}
    return {
        "study": "finished",
        "title": "A made-up study that has done its trainings",
        "source": {"label": "GGA", "functional": "GGA", "data": level | {"labels": "0.3.0"}},
        "target": {
            "label": "r2SCAN",
            "functional": "r2SCAN",
            "data": level | {"labels": "r2scan"},
            "price": {"amount": 2.0},
        },
        "subsets": {"sizes": sizes, "seeds": list(range(shape.seeds))},
        "architecture": {
            "atom_fea_dim": 48,
            "bond_fea_dim": 32,
            "angle_fea_dim": 32,
            "atom_conv_hidden_dim": 48,
            "bond_conv_hidden_dim": 32,
            "mlp_hidden_dims": [48, 48],
            "n_conv": 2,
            "num_radial": 15,
            "num_angular": 15,
            "atom_graph_cutoff": 5.0,
            "bond_graph_cutoff": 3.0,
        },
        "pretraining": {"initial": "random", "training": training},
        "fine_tuning": training,
        "methods": methods,
        "plan": {"target_energy_mae": 20.0, "budget": 1000, "more": 1000},
    }
