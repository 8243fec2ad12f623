"""One small network of every architecture, with frames and what its own package says of them.

Another architecture takes an entry in ``KINDS`` and all tests of this folder run for it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from torch import nn

from rungs.config.architectures import AnyArchitecture, CHGNetArchitecture, MACEArchitecture
from rungs.frames.frame import Frame
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.architecture import Surroundings
from rungs.potentials.models import new_model
from rungs.potentials.references import set_reference
from rungs.potentials.registry import architecture_of

ELEMENTS = (8, 11, 12, 17)
REFERENCES = np.zeros(94)
REFERENCES[[7, 10, 11, 16]] = [-5.1, -1.3, -2.0, -3.2]


def chgnet_s_own(model: nn.Module, _) -> Calculator:
    from chgnet.model.dynamics import CHGNetCalculator

    return CHGNetCalculator(model, use_device="cpu", on_isolated_atoms="ignore")


def mace_s_own(model: nn.Module, folder) -> Calculator:
    from mace.calculators import MACECalculator

    (file,) = architecture_of(model).save_native(model, folder, "own")
    return MACECalculator(model_paths=str(folder / file), device="cpu", default_dtype="float64")


class Kind(NamedTuple):
    """A small network of an architecture, and its package's own calculator."""

    options: AnyArchitecture
    calculator: Callable[[nn.Module, object], Calculator]
    tolerance: float
    """Of energies in eV/atom, forces in eV/Å and stresses in eV/Å³ against the calculator's."""


KINDS = {
    "chgnet": Kind(
        CHGNetArchitecture(
            atom_fea_dim=12,
            bond_fea_dim=10,
            angle_fea_dim=8,
            atom_conv_hidden_dim=14,
            bond_conv_hidden_dim=6,
            mlp_hidden_dims=[10],
            n_conv=3,
            num_radial=7,
            num_angular=9,
            atom_graph_cutoff=4.5,
            bond_graph_cutoff=3.0,
        ),
        chgnet_s_own,
        # chgnet computes in float32
        2e-5,
    ),
    "mace": Kind(
        MACEArchitecture(
            kind="mace", num_channels=8, max_L=1, max_ell=2, correlation=2, radial_MLP=[16]
        ),
        mace_s_own,
        1e-9,
    ),
}


@pytest.fixture(scope="session", params=KINDS)
def kind(request) -> Kind:
    if request.param == "mace":
        pytest.importorskip("mace", reason="needs the extra mace, which is not installed")
    return KINDS[request.param]


@pytest.fixture(scope="session")
def crystals() -> list[Atoms]:
    """Distorted crystals of one to eight atoms, and a molecule of two in a large cell."""
    random = np.random.default_rng(3)
    found = [
        bulk("NaCl", "rocksalt", a=5.6, cubic=True),
        bulk("MgO", "rocksalt", a=4.2),
        bulk("Na", "bcc", a=4.2),
        Atoms("MgO", [[1.0, 2.0, 3.0], [2.8, 2.3, 3.1]], cell=np.diag([14.0, 15, 16]), pbc=True),
    ]
    for i, atoms in enumerate(found):
        atoms.rattle(0.12, seed=i)
        if i < 3:
            strain = np.eye(3) + random.normal(0, 0.03, (3, 3))
            atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    return found


@pytest.fixture
def model(kind) -> nn.Module:
    """With weights that all take part, in float32."""
    around = Surroundings(ELEMENTS, 14.3, 0.7)
    model = new_model(kind.options, 5, around)
    set_reference(model, REFERENCES)
    return model


@pytest.fixture(scope="session")
def store_of(kind) -> Callable[[Sequence[Atoms]], GraphStore]:
    def build(crystals: Sequence[Atoms]) -> GraphStore:
        cutoffs = kind.options.cutoffs
        graphs = [build_graph(a.cell.array, a.numbers, a.positions, *cutoffs) for a in crystals]
        return GraphStore.from_graphs(graphs, *cutoffs)

    return build


@pytest.fixture(scope="session")
def labelled_file(kind, tmp_path_factory) -> Path:
    """Sixteen rattled cells of rock salt with the energies and forces of springs."""
    random = np.random.default_rng(0)
    frames = []
    for i in range(16):
        cell = np.array([[0, 2.1, 2.1], [2.1, 0, 2.1], [2.1, 2.1, 0]]) * random.uniform(0.95, 1.05)
        moved = random.normal(0, 0.1, 3)
        frames.append(
            Frame(
                frame_id=f"f{i}",
                material_id=f"m{i}",
                functional="test",
                cell=cell,
                atomic_numbers=np.array([12, 8]),
                cart_coords=np.array([[0.0, 0, 0], cell.sum(axis=0) / 2 + moved]),
                energy=-7.0 + 5.0 * moved @ moved,
                forces=np.array([10.0 * moved, -10.0 * moved]),
                stress=np.zeros(6),
                magmoms=None,
            )
        )
    path = tmp_path_factory.mktemp("labelled") / "frames.safetensors"
    write_graphs(frames, path, *kind.options.cutoffs)
    return path


@pytest.fixture(scope="session")
def labelled(labelled_file) -> GraphStore:
    return GraphStore.open(labelled_file)


@pytest.fixture
def double(model) -> nn.Module:
    return model.to(torch.float64)
