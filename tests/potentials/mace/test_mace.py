"""What is MACE's alone: its own files, its elements, and an import without after-effects."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.md.verlet import VelocityVerlet

from rungs.config.architectures import MACEArchitecture
from rungs.errors import StudyError
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.architecture import Surroundings
from rungs.potentials.model_files import load_model, save_model
from rungs.potentials.models import new_model, potential_of
from rungs.potentials.references import get_reference, set_reference

pytest.importorskip("mace", reason="needs the extra mace, which is not installed")

OPTIONS = MACEArchitecture(kind="mace", num_channels=8, max_ell=1, correlation=2, radial_MLP=[16])
REFERENCES = np.zeros(94)
REFERENCES[[10, 16]] = [-1.3, -3.2]


@pytest.fixture
def model():
    model = new_model(OPTIONS, 0, Surroundings((11, 17), 18.0, 0.6))
    set_reference(model, REFERENCES)
    return model


def test_its_own_file_comes_back_as_it_was(model, tmp_path):
    from rungs.potentials.mace.native import read_native, write_native

    path = tmp_path / "own.model"
    write_native(model, path)
    found = read_native(path)
    assert np.allclose(get_reference(found), REFERENCES, atol=1e-6)
    theirs = found.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in model.state_dict().items())


def test_large_references_are_exact_in_its_own_file(model, tmp_path):
    from mace.calculators import MACECalculator

    from rungs.potentials.mace.native import write_native

    set_reference(model, 1000 * REFERENCES)
    path = tmp_path / "own.model"
    write_native(model, path)
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.calc = MACECalculator(model_paths=str(path), device="cpu")
    store = GraphStore.from_graphs(
        [build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 5.0, 0.0)], 5.0, 0.0
    )
    energy = potential_of(model.double())(store.batch([0], dtype=torch.float64)).energy.item()
    assert atoms.get_potential_energy() / 2 == pytest.approx(energy, abs=1e-6)


def test_its_own_file_runs_dynamics_that_keep_the_energy(model, tmp_path):
    from mace.calculators import MACECalculator

    from rungs.potentials.mace.native import write_native

    path = tmp_path / "own.model"
    write_native(model, path)
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    atoms.rattle(0.05, seed=0)
    atoms.calc = MACECalculator(model_paths=str(path), device="cpu", default_dtype="float64")
    before = atoms.get_total_energy()
    VelocityVerlet(atoms, timestep=0.2).run(20)
    assert atoms.get_total_energy() == pytest.approx(before, abs=1e-4)
    assert atoms.get_kinetic_energy() > 1e-5


def test_an_element_that_it_lacks_is_named(model):
    atoms = bulk("Cu")
    graph = build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 5.0, 0.0)
    with pytest.raises(StudyError, match="the network lacks Cu"):
        potential_of(model)(GraphStore.from_graphs([graph], 5.0, 0.0).batch([0]))


def test_foreign_files_are_refused_with_a_reason(model, tmp_path):
    from rungs.potentials.mace.native import read_native

    path = tmp_path / "other.model"
    with pytest.raises(StudyError, match="no such model file"):
        read_native(path)
    path.write_bytes(b"hello")
    with pytest.raises(StudyError, match="cannot be read as a MACE's own file"):
        read_native(path)
    for content, words in (
        ([1, 2], "holds a list, not a MACE"),
        (torch.nn.Linear(2, 2), "holds a Linear, not a MACE"),
    ):
        torch.save(content, path)
        with pytest.raises(StudyError, match=words):
            read_native(path)
    network = model.network
    network.heads = ["pbe", "r2scan"]
    torch.save(network, path)
    with pytest.raises(StudyError, match=r"has 2 heads \(pbe, r2scan\)"):
        read_native(path)


def test_a_pickle_is_never_loaded_unasked(model, tmp_path):
    from rungs.potentials.mace.native import write_native

    path = tmp_path / "own.model"
    write_native(model, path)
    with pytest.raises(StudyError, match="holds more than tensors and plain values"):
        load_model(path)


def test_weights_of_another_network_are_refused(model, tmp_path):
    path = tmp_path / "model.pt"
    save_model(model, path)
    content = torch.load(path, weights_only=True)
    content["model"]["arguments"]["num_bessel"] = 5
    torch.save(content, path)
    with pytest.raises(StudyError, match="do not fit a MACE of this version"):
        load_model(path)


def test_importing_it_leaves_loading_safe():
    code = (
        "import os\n"
        "from rungs.potentials.mace.lean_import import mace_module\n"
        "mace_module('mace.modules.models')\n"
        "print(os.environ.get('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'))\n"
    )
    environment = {k: v for k, v in os.environ.items() if "WEIGHTS_ONLY" not in k}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None"]
    assert not done.stderr


def test_without_the_extra_the_command_is_said(monkeypatch):
    from rungs.potentials.mace.lean_import import mace_module

    monkeypatch.setitem(sys.modules, "mace", None)
    with pytest.raises(StudyError, match=r"a MACE needs mace-torch, not installed .*\[mace\]"):
        mace_module("mace.modules.models")


def test_networks_as_they_are_published_come_in(tmp_path):
    """With a screened nuclear repulsion, a transformed distance, and interactions by density."""
    from rungs.potentials.mace.native import read_native, write_native
    from rungs.potentials.mace.network import drawn

    arguments = {
        "r_max": 5.0,
        "num_bessel": 6,
        "num_polynomial_cutoff": 5,
        "max_ell": 2,
        "interaction_cls": "RealAgnosticDensityResidualInteractionBlock",
        "interaction_cls_first": "RealAgnosticDensityInteractionBlock",
        "num_interactions": 2,
        "hidden_irreps": "8x0e+8x1o",
        "MLP_irreps": "8x0e",
        "correlation": 3,
        "gate": "silu",
        "radial_MLP": [16, 16],
        "atomic_numbers": [11, 17],
        "avg_num_neighbors": 18.0,
        "atomic_inter_scale": 0.8,
        "atomic_inter_shift": 0.1,
        "pair_repulsion": True,
        "distance_transform": "Agnesi",
    }
    model = drawn(arguments, 1)
    set_reference(model, REFERENCES)
    path = tmp_path / "published.model"
    write_native(model, path)
    found = read_native(path)
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    atoms.rattle(0.1, seed=0)
    graph = build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 5.0, 0.0)
    batch = GraphStore.from_graphs([graph], 5.0, 0.0).batch([0], dtype=torch.float64)
    one, other = (potential_of(m.double())(batch, create_graph=False) for m in (model, found))
    assert one.energy.item() == pytest.approx(other.energy.item(), abs=1e-6)
    assert torch.allclose(one.forces, other.forces, atol=1e-6)


def test_a_pretrained_file_has_to_be_trusted_and_to_know_the_elements(model, tmp_path):
    from rungs.config.training import Pretraining
    from rungs.potentials.mace.native import write_native
    from rungs.potentials.models import graph_cutoffs, load_initial
    from rungs.splits.elements import ElementCount
    from rungs.splits.files import write_elements
    from rungs.training.initialization import refuse_lacking

    path = tmp_path / "own.model"
    write_native(model, path)
    with pytest.raises(ValueError, match="is a pickle, and loading it runs whatever is in it"):
        Pretraining(initial=str(path), training=None)
    options = Pretraining(initial=str(path), training=None, trust_pickle=True)
    found = load_initial(options.start)
    assert graph_cutoffs(options.start, None) == (5.0, 0.0)
    write_elements(tmp_path / "elements.csv", [ElementCount("source", "Na", 3, 1)])
    refuse_lacking(found, tmp_path / "elements.csv", str(path))
    write_elements(tmp_path / "elements.csv", [ElementCount("target", "Cu", 3, 1)])
    with pytest.raises(StudyError, match="the network lacks Cu, which the study's frames have"):
        refuse_lacking(found, tmp_path / "elements.csv", str(path))


def test_the_first_call_is_rounded_as_all_others(tmp_path):
    """In a process of its own: what is called is rewritten, where it is, once for all."""
    code = """
import sys, torch
from ase.build import bulk
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.model_files import load_model
from rungs.potentials.models import potential_of
model = load_model(sys.argv[1])
potential = potential_of(model)
graphs = []
for seed in range(4):
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    atoms.rattle(0.1, seed=seed)
    graphs.append(build_graph(atoms.cell.array, atoms.numbers, atoms.positions, 5.0, 0.0))
batch = GraphStore.from_graphs(graphs, 5.0, 0.0).batch(range(4))
parameters = list(model.network.parameters())
found = []
for _ in range(4):
    with potential.cores():
        said = potential(batch, magmoms=False)
        loss = sum(x.square().sum() for x in (said.energy, said.forces, said.stress))
        found.append(torch.autograd.grad(loss, parameters, allow_unused=True))
print(all(x is None or torch.equal(x, y) for other in found for x, y in zip(found[0], other)))
"""
    options = MACEArchitecture(kind="mace", num_channels=8, max_ell=2, correlation=2)
    model = new_model(options, 0, Surroundings((11, 17), 18.0, 0.6))
    save_model(model, tmp_path / "model.pt")
    command = [sys.executable, "-c", code, str(tmp_path / "model.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
