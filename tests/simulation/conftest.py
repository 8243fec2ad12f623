"""Crystals out of equilibrium, and small models that know them."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from rungs.config.architectures import CHGNetArchitecture
from rungs.potentials.models import new_model

SMALL = CHGNetArchitecture(
    atom_fea_dim=16,
    bond_fea_dim=16,
    angle_fea_dim=16,
    atom_conv_hidden_dim=16,
    bond_conv_hidden_dim=16,
    mlp_hidden_dims=[16, 16],
    n_conv=2,
    num_radial=9,
    num_angular=9,
    atom_graph_cutoff=4.5,
)


@pytest.fixture(scope="session")
def small_model():
    """Random weights whose features are all at work."""
    model = new_model(SMALL, 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bn" in name or "norm" in name:
                parameter.add_(0.3 * torch.sin(torch.arange(len(parameter))))
    return model


@pytest.fixture
def shaken():
    """A function of a seed: a strained cell of germanium with atoms off their places."""

    def make(seed: int, element: str = "Ge", a: float = 5.76, noise: float = 0.15) -> Atoms:
        random = np.random.default_rng(seed)
        atoms = bulk(element, "diamond", a=a, cubic=True)
        strain = np.eye(3) + random.normal(0, 0.02, (3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.positions += random.normal(0, noise, atoms.positions.shape)
        return atoms

    return make
