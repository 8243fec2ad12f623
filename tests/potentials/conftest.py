"""Structures of many kinds, models of several kinds, and chgnet itself to compare with."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

from rungs.config.architectures import CHGNetArchitecture
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model

SMALL = CHGNetArchitecture(
    atom_fea_dim=32,
    bond_fea_dim=32,
    angle_fea_dim=32,
    atom_conv_hidden_dim=32,
    bond_conv_hidden_dim=32,
    mlp_hidden_dims=[32, 32],
    n_conv=3,
    num_radial=15,
    num_angular=15,
    atom_graph_cutoff=5.0,
)
FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)


def _structures() -> list[Structure]:
    random = np.random.default_rng(11)
    cells = [
        (FCC * 1.8, ["Cu"], [[0.3, 0.2, 0.9]]),
        (np.eye(3) * 2.6, ["Fe"], [[0, 0, 0]]),
        (np.eye(3) * 4.2, ["Cs"], [[0, 0, 0]]),  # no angles
        (FCC * 2.1, ["Mg", "O"], [[0, 0, 0], [0.52, 0.5, 0.47]]),
        (FCC * 2.7, ["Si", "Si"], [[0, 0, 0], [0.27, 0.24, 0.25]]),
        # one atom alone
        (
            np.diag([14.0, 15, 16]),
            ["Ar", "O", "H"],
            [[0, 0, 0], [0.5, 0.5, 0.5], [0.56, 0.5, 0.52]],
        ),
        (np.diag([2.9, 2.9, 12.0]), ["Mn", "O"], [[0, 0, 0], [0.5, 0.45, 0.12]]),
    ]
    species = ["Li", "O", "Fe", "S", "Ti", "F", "Na", "Cl"]
    for n in (3, 4, 5, 6, 8, 7):
        cell = np.eye(3) * (14.0 * n) ** (1 / 3) + random.normal(0, 0.5, (3, 3))
        sites = np.array(list(np.ndindex(2, 2, 2)))[random.permutation(8)[:n]] / 2
        sites = sites + random.normal(0, 0.05, (n, 3)) + random.integers(-2, 3, (n, 3))
        cells.append((cell, random.choice(species, n), sites))
    return [Structure(Lattice(cell), kinds, sites) for cell, kinds, sites in cells]


STRUCTURES = _structures()


@pytest.fixture(params=[True, False], ids=["compiled", "eager"])
def compiled(request) -> bool:
    """Whether the compiled functions are used."""
    if request.param and compiled_library() is None:
        pytest.skip("the compiled functions cannot be built here")
    return request.param


@pytest.fixture(scope="session")
def architecture() -> CHGNetArchitecture:
    return SMALL


@pytest.fixture(scope="session")
def structures() -> list[Structure]:
    return STRUCTURES


def small(seed: int = 0, **changes):
    """A small model whose features and reference energies are all at work."""
    model = new_model(SMALL.model_copy(update=changes), seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bn" in name or "norm" in name:
                # a fresh layer normalisation multiplies by 1 and adds 0
                parameter.add_(0.3 * torch.sin(torch.arange(len(parameter))))
    return model


MAKERS = {
    "small": small,
    "other sizes": lambda: small(
        1,
        atom_fea_dim=12,
        bond_fea_dim=10,
        angle_fea_dim=8,
        atom_conv_hidden_dim=14,
        bond_conv_hidden_dim=6,
        n_conv=2,
        num_radial=7,
        num_angular=9,
        atom_graph_cutoff=4.5,
        bond_graph_cutoff=2.8,
        cutoff_coeff=5,
    ),
    "0.3.0": lambda: load_published("0.3.0"),
    "0.2.0": lambda: load_published("0.2.0"),
    "r2scan": lambda: load_published("r2scan"),
}


@pytest.fixture(params=MAKERS)
def model(request):
    return MAKERS[request.param]()


@pytest.fixture(scope="session")
def make_small_model():
    return small


@pytest.fixture
def small_model():
    return small()


@pytest.fixture
def chgnet_in_float64(monkeypatch):
    """chgnet says float32 in several places; let it compute in float64."""
    from chgnet.graph import converter, crystalgraph
    from chgnet.model import model
    from chgnet.model.composition_model import AtomRef

    for module in (converter, crystalgraph, model):
        monkeypatch.setattr(module, "TORCH_DTYPE", torch.float64)
    assemble = AtomRef._assemble_graphs

    def fractions(self, graphs):
        counts = [torch.bincount(g.atomic_number - 1, minlength=94) for g in graphs]
        found = torch.stack([c / c.sum(dtype=torch.float64) for c in counts])
        assert torch.equal(found.float(), assemble(self, graphs))
        return found

    monkeypatch.setattr(AtomRef, "_assemble_graphs", fractions)


def make_store(model, structures: Sequence[Structure]) -> GraphStore:
    """The graphs of ``structures`` for ``model``, in memory."""
    converter = model.graph_converter
    cutoffs = float(converter.atom_graph_cutoff), float(converter.bond_graph_cutoff)
    graphs = [
        build_graph(s.lattice.matrix, s.atomic_numbers, s.cart_coords, *cutoffs) for s in structures
    ]
    return GraphStore.from_graphs(graphs, *cutoffs)


def ask_chgnet(model, structures: Sequence[Structure], together: bool = True) -> dict:
    """Energy (G,), forces (N, 3), stress (G, 3, 3) and moments (N,) of chgnet's own forward."""
    model.graph_converter.set_isolated_atom_response("ignore")
    graphs = [model.graph_converter(structure) for structure in structures]
    with contextlib.redirect_stdout(io.StringIO()):
        batches = [graphs] if together else [[graph] for graph in graphs]
        found = [model(batch, task="efsm") for batch in batches]
    return {
        "energy": torch.cat([f["e"] for f in found]),
        "forces": torch.cat([x for f in found for x in f["f"]]),
        "stress": torch.stack([x for f in found for x in f["s"]]),
        "magmoms": torch.cat([x for f in found for x in f["m"]]),
    }


@pytest.fixture(scope="session")
def store_of():
    return make_store


@pytest.fixture(scope="session")
def chgnet_of():
    return ask_chgnet
