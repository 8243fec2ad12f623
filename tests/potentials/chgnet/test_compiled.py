"""The compiled network: the same as PyTorch, on any number of threads, and how it is built."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from chgnet.model import CHGNet
from torch import Tensor

from rungs.potentials.chgnet.compiled import library, network
from rungs.potentials.chgnet.compiled.parameters import parameters_of, spec_of
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.potential import Prediction
from rungs.training.parameter_vector import FlatParameters

needs_compiler = pytest.mark.skipif(
    library.compiled_library() is None, reason="the compiled functions cannot be built here"
)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and limits memory")
PROPERTIES = ("energy", "forces", "stress", "magmoms")
ARCHITECTURES = {
    "fills vectors": {},
    "widths of 3": {
        **dict.fromkeys(["atom_fea_dim", "bond_fea_dim", "angle_fea_dim"], 3),
        "atom_conv_hidden_dim": 5,
        "bond_conv_hidden_dim": 2,
        "num_radial": 3,
        "num_angular": 3,
    },
    "widths of 8, 17, 40": {
        "atom_fea_dim": 8,
        "bond_fea_dim": 17,
        "angle_fea_dim": 40,
        "atom_conv_hidden_dim": 40,
        "bond_conv_hidden_dim": 8,
        "mlp_hidden_dims": [17, 3],
        "n_conv": 4,
    },
    "more than four vectors": {
        "atom_fea_dim": 72,
        "bond_fea_dim": 40,
        "angle_fea_dim": 72,
        "atom_conv_hidden_dim": 72,
        "bond_conv_hidden_dim": 33,
        "n_conv": 3,
    },
    "two convolutions": {"n_conv": 2, "mlp_hidden_dims": [9]},
    "one layer in gates": {"atom_conv_hidden_dim": 0, "bond_conv_hidden_dim": 0},
    "two layers in angles": {"angle_layer_hidden_dim": 6, "atom_conv_hidden_dim": 0, "n_conv": 4},
    "no norm in gates": {"gMLP_norm": None, "angle_layer_hidden_dim": 7},
    "no norm at all": {"gMLP_norm": None, "readout_norm": None, "bond_fea_dim": 13},
    "output bias": {"mlp_out_bias": True, "atom_fea_dim": 12, "n_conv": 4},
    "everything odd": {
        "mlp_out_bias": True,
        "readout_norm": None,
        "atom_conv_hidden_dim": 0,
        "bond_conv_hidden_dim": 11,
        "bond_fea_dim": 9,
        "n_conv": 2,
        "mlp_hidden_dims": [5, 6, 7, 8],
    },
    "no hidden layer at the end": {"mlp_hidden_dims": 0},
    "eight hidden layers at the end": {"mlp_hidden_dims": [20] * 8},
    "the fewest waves": {"num_radial": 1, "num_angular": 1},
    "fixed waves": {"learnable_rbf": False},
    "hardly any angles": {"bond_graph_cutoff": 1.9, "cutoff_coeff": 1},
}


def make_chgnet(architecture, **changes) -> CHGNet:
    """A CHGNet in float64; the changes may be features that Rungs' own models do not have."""
    arguments = {**architecture.model_dump(), "composition_model": "MPtrj", **changes}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CHGNet(**arguments).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                # a fresh layer normalisation multiplies by 1 and adds 0
                parameter.add_(0.3 * torch.sin(torch.arange(len(parameter))))
    return model


@pytest.fixture(scope="module")
def batch_of(structures, store_of):
    """Structures, all unless some are named, as a batch for a model and in its precision."""

    def make(model, frames=structures):
        dtype = next(model.parameters()).dtype
        return store_of(model, frames).batch(range(len(frames)), dtype=dtype)

    return make


def loss_on(found: Prediction, names: Sequence[str] = PROPERTIES) -> Tensor:
    """A loss to which each of the properties adds about 1, however small it is."""
    terms = []
    for name in names:
        value = getattr(found, name)
        weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).view_as(value)
        terms.append((weights * value.square()).sum() / value.detach().square().sum())
    return torch.stack(terms).sum()


def trained(model) -> dict[str, Tensor]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def gradients(model, loss: Tensor, **options) -> dict[str, Tensor | None]:
    parameters = trained(model)
    found = torch.autograd.grad(loss, parameters.values(), allow_unused=True, **options)
    return dict(zip(parameters, found, strict=True))


def is_zero(gradient: Tensor | None) -> bool:
    return gradient is None or not gradient.any()


def assert_same_gradients(
    found: Mapping[str, Tensor | None], expected: Mapping[str, Tensor | None]
) -> None:
    assert found.keys() == expected.keys()
    for name, theirs in expected.items():
        if is_zero(theirs):
            assert is_zero(found[name]), name
        else:
            difference = (found[name] - theirs).abs().max()
            assert difference < 1e-10 * theirs.abs().max(), name


def assert_same(found: Prediction, expected: Prediction) -> None:
    """Bit for bit."""
    for name in PROPERTIES:
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@needs_compiler
@pytest.mark.parametrize("changes", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_any_architecture_equals_pytorch(changes, architecture, batch_of):
    model = make_chgnet(architecture, **changes)
    assert spec_of(model) is not None
    batch = batch_of(model)
    ours = BatchedCHGNet(model)(batch, reference=False)
    theirs = BatchedCHGNet(model, compiled=False)(batch, reference=False)
    for name in PROPERTIES:
        expected = getattr(theirs, name)
        difference = (getattr(ours, name) - expected).abs().max()
        assert difference < 1e-10 * expected.abs().max(), name
    expected = gradients(model, loss_on(theirs))
    assert sum(not is_zero(gradient) for gradient in expected.values()) > 0.8 * len(expected)
    assert_same_gradients(gradients(model, loss_on(ours)), expected)


@needs_compiler
@pytest.mark.parametrize("changes", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_both_sides_count_the_same_parameters(changes, architecture):
    model = make_chgnet(architecture, **changes)
    spec = ctypes.byref(spec_of(model))
    found = library.compiled_library()
    assert found.n_parameters_float(spec) == len(parameters_of(model))
    assert found.n_parameters_double(spec) == len(parameters_of(model))


@needs_compiler
@pytest.mark.parametrize(
    ("wanted", "used", "idle"),
    [
        ([], ["energy"], "site_wise.weight"),
        (["magmoms"], ["energy", "magmoms"], None),
        (["magmoms"], ["magmoms"], "atom_conv_layers.2.mlp_out.layers.1.weight"),
        (["forces"], ["forces"], "mlp.layers.5.bias"),
        (["stress"], ["stress"], "mlp.layers.5.bias"),
        (["forces", "stress"], ["energy", "stress"], "site_wise.bias"),
        (["forces", "stress"], ["energy", "forces"], "site_wise.bias"),
        (["forces", "stress", "magmoms"], ["energy"], "site_wise.bias"),
        (["forces", "stress", "magmoms"], ["magmoms"], "mlp.layers.0.weight"),
        (["forces", "stress", "magmoms"], ["forces", "magmoms"], "mlp.layers.5.bias"),
    ],
)
def test_some_predictions_and_a_loss_on_some(wanted, used, idle, architecture, batch_of):
    model = make_chgnet(architecture, mlp_out_bias=True)
    batch = batch_of(model)
    asked = {name: name in wanted for name in PROPERTIES[1:]}
    everything = BatchedCHGNet(model)(batch, reference=False)
    found = {}
    for compiled in (True, False):
        some = BatchedCHGNet(model, compiled=compiled)(batch, **asked, reference=False)
        found[compiled] = gradients(model, loss_on(some, used))
        if compiled:
            for name in PROPERTIES:
                value = getattr(some, name)
                if name == "energy" or asked[name]:
                    assert torch.equal(value, getattr(everything, name))
                else:
                    assert value is None
    assert_same_gradients(found[True], found[False])
    assert idle is None or is_zero(found[True][idle])


@needs_compiler
@pytest.mark.parametrize("offset", [0, 1])
def test_frozen_parameters_get_no_gradient(offset, small_model, batch_of):
    model = small_model.double()
    batch = batch_of(model)
    every = gradients(model, loss_on(BatchedCHGNet(model)(batch)))
    frozen = list(trained(model))[offset::2]
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    loss = loss_on(BatchedCHGNet(model)(batch))
    loss.backward()
    for name in frozen:
        assert model.get_parameter(name).grad is None
    found = {name: parameter.grad for name, parameter in trained(model).items()}
    expected = {name: every[name] for name in found}
    assert_same_gradients(found, expected)
    eager = loss_on(BatchedCHGNet(model, compiled=False)(batch))
    assert_same_gradients(gradients(model, eager), expected)


@needs_compiler
def test_with_all_parameters_frozen_predictions_are_numbers(small_model, batch_of):
    batch = batch_of(small_model)
    expected = BatchedCHGNet(small_model)(batch)
    small_model.requires_grad_(False)
    found = BatchedCHGNet(small_model)(batch)
    assert_same(found, expected)
    assert not any(getattr(found, name).requires_grad for name in PROPERTIES)


@needs_compiler
@pytest.mark.parametrize("with_references", [False, True])
@pytest.mark.parametrize("used", [PROPERTIES, ["energy"], ["magmoms"]])
def test_the_gradient_of_a_flat_vector(used, with_references, small_model, batch_of):
    model = small_model.double()
    references = list(model.composition_model.parameters())
    model.composition_model.requires_grad_(with_references)
    model.bond_embedding.requires_grad_(False)
    flat = FlatParameters(model, last=references)
    batch = batch_of(model)

    def by_parameter(compiled):
        loss = loss_on(BatchedCHGNet(model, compiled=compiled)(batch), used)
        found = torch.autograd.grad(loss, flat.parameters, allow_unused=True)
        pairs = zip(found, flat.parameters, strict=True)
        return torch.cat([(torch.zeros_like(p) if g is None else g).view(-1) for g, p in pairs])

    found = flat.gradient(loss_on(BatchedCHGNet(model, flat=flat)(batch), used))
    assert torch.equal(found, by_parameter(compiled=True))
    expected = by_parameter(compiled=False)
    assert (found - expected).abs().max() < 1e-10 * expected.abs().max()
    if with_references:
        assert is_zero(found[-flat.n_last :]) == ("energy" not in used)
    eager = BatchedCHGNet(model, compiled=False, flat=flat)(batch)
    assert torch.equal(flat.gradient(loss_on(eager, used)), expected)


@needs_compiler
def test_float32_is_no_farther_from_float64_than_pytorch(batch_of):
    model = load_published("0.3.0")
    batch = batch_of(model)
    found = {
        compiled: BatchedCHGNet(model, compiled=compiled)(batch, create_graph=False)
        for compiled in (True, False)
    }
    model.double()
    truth = BatchedCHGNet(model, compiled=False)(batch_of(model), create_graph=False)
    for name in ("energy", "forces", "stress"):
        errors = {
            compiled: (getattr(some, name) - getattr(truth, name)).square().mean().sqrt()
            for compiled, some in found.items()
        }
        assert 0 < errors[True] < errors[False], name


@needs_compiler
def test_threads_do_not_change_predictions(small_model, batch_of):
    model = small_model.double()
    batch = batch_of(model)
    potential = BatchedCHGNet(model)
    with threads(1):
        one = potential(batch)
        of_one = gradients(model, loss_on(one))
    for n in (2, 3, 50):
        with threads(n):
            several = potential(batch)
            of_several = gradients(model, loss_on(several), retain_graph=True)
            assert_same(potential(batch, create_graph=False), one)
            once_more = gradients(model, loss_on(potential(batch)))
        assert_same(several, one)
        for name, gradient in of_one.items():
            if gradient is not None:
                # the sums of threads are added up in another order, but always in the same
                scale = gradient.abs().max()
                assert (of_several[name] - gradient).abs().max() <= 1e-12 * scale
                assert torch.equal(once_more[name], of_several[name])


@needs_compiler
def test_one_frame_and_several_threads(small_model, structures, batch_of):
    model = small_model.double()
    batch = batch_of(model, structures[-1:])
    with threads(1):
        one = BatchedCHGNet(model)(batch)
        of_one = gradients(model, loss_on(one))
    with threads(3):
        several = BatchedCHGNet(model)(batch)
        of_several = gradients(model, loss_on(several))
    assert_same(several, one)
    assert_same_gradients(of_several, of_one)


@needs_compiler
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_frame_is_the_same_in_any_company(n_threads, small_model, structures, batch_of):
    potential = BatchedCHGNet(small_model)
    begin = 0
    with threads(n_threads):
        together = potential(batch_of(small_model), create_graph=False)
        for i, structure in enumerate(structures):
            alone = potential(batch_of(small_model, [structure]), create_graph=False)
            end = begin + len(structure)
            of_batch = Prediction(
                together.energy[i : i + 1],
                together.forces[begin:end],
                together.stress[i : i + 1],
                together.magmoms[begin:end],
            )
            assert_same(alone, of_batch)
            begin = end


@needs_compiler
def test_cores_go_to_the_compiled_network(small_model, batch_of, monkeypatch):
    call, seen = network._Call, []

    def watched(*arguments):
        seen.append((torch.get_num_threads(), arguments[-1]))
        return call(*arguments)

    monkeypatch.setattr(network, "_Call", watched)
    batch, potential = batch_of(small_model), BatchedCHGNet(small_model)
    with threads(3):
        with potential.cores():
            potential(batch)
            with potential.cores():
                potential(batch)
            potential(batch)
        potential(batch)
        with pytest.raises(ValueError, match="inside"), potential.cores():
            raise ValueError("inside")
        potential(batch)
    assert seen == [(1, 3)] * 3 + [(3, 3)] * 2


def test_cores_stay_with_pytorch_where_it_does_the_work(
    small_model, architecture, batch_of, monkeypatch
):
    unknown = make_chgnet(architecture, non_linearity="tanh")
    with threads(3):
        for potential in (BatchedCHGNet(small_model, compiled=False), BatchedCHGNet(unknown)):
            with potential.cores():
                assert torch.get_num_threads() == 3
        monkeypatch.setattr(network, "compiled_library", lambda: None)
        potential = BatchedCHGNet(small_model)
        with potential.cores():
            assert torch.get_num_threads() == 3
            found = potential(batch_of(small_model), create_graph=False)
        eager = BatchedCHGNet(small_model, compiled=False)
        assert_same(found, eager(batch_of(small_model), create_graph=False))


@needs_compiler
@pytest.mark.parametrize("is_flat", [False, True])
def test_backward_twice(is_flat, small_model, batch_of):
    flat = FlatParameters(small_model) if is_flat else None
    leaves = [flat.leaf] if is_flat else list(trained(small_model).values())
    loss = loss_on(BatchedCHGNet(small_model, flat=flat)(batch_of(small_model)))
    with pytest.raises(RuntimeError, match="cannot be differentiated once more"):
        torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, retain_graph=True)
    once = torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True)
    twice = torch.autograd.grad(loss, leaves, allow_unused=True)
    assert not all(map(is_zero, once))
    for a, b in zip(once, twice, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(loss, leaves, allow_unused=True)


@needs_compiler
def test_the_way_back_has_the_weights_and_the_batch_of_the_way_there(small_model, batch_of):
    """PyTorch would refuse; the network has a copy of the weights, and holds on to the batch."""
    loss = loss_on(BatchedCHGNet(small_model)(batch_of(small_model)))
    expected = gradients(small_model, loss, retain_graph=True)
    with torch.no_grad():
        for parameter in small_model.parameters():
            parameter.mul_(1.5)
    found = gradients(small_model, loss)
    assert all(torch.equal(found[n], g) for n, g in expected.items() if g is not None)


@needs_compiler
def test_what_is_kept_goes_with_its_last_use(small_model, batch_of, monkeypatch):
    class Counted(network._Kept):
        alive = made = 0

        def __init__(self, *arguments):
            super().__init__(*arguments)
            Counted.alive += 1
            Counted.made += 1

        def __del__(self):
            super().__del__()
            Counted.alive -= 1

    monkeypatch.setattr(network, "_Kept", Counted)
    batch, potential = batch_of(small_model), BatchedCHGNet(small_model)
    found = potential(batch, create_graph=False)
    assert Counted.made == 0
    found = potential(batch)
    assert Counted.alive == 1
    loss = loss_on(found)
    gradients(small_model, loss, retain_graph=True)
    assert Counted.alive == 1
    gradients(small_model, loss)
    assert Counted.alive == 0  # with predictions and loss still there
    found = potential(batch)
    assert Counted.alive == 1
    del found
    assert Counted.alive == 0
    assert Counted.made == 2


@needs_compiler
@needs_linux
def test_memory_does_not_grow(small_model, batch_of):
    batch, potential = batch_of(small_model), BatchedCHGNet(small_model)

    def resident_after(n: int) -> float:
        for _ in range(n):
            potential(batch, create_graph=False)
            potential(batch)
            gradients(small_model, loss_on(potential(batch)))
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = resident_after(2)
    # what is kept of one batch takes 12 MiB
    assert resident_after(10) < before + 24


STARVE = """
import resource
from pathlib import Path

import numpy as np
import torch

from rungs.config.architectures import CHGNetArchitecture
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.models import new_model

model = new_model(CHGNetArchitecture(), 0)
parameters = [p for p in model.parameters() if p.requires_grad]
potential = BatchedCHGNet(model)
sites = np.array([[0, 0, 0], [1.5, 1.4, 1.6]])
graph = build_graph(np.eye(3) * 3.0, np.array([11, 17]), sites, 6.0, 3.0)
store = GraphStore.from_graphs([graph] * 150, 6.0, 3.0)
few, many = store.batch(range(4)), store.batch(range(150))


def step(batch):
    found = potential(batch)
    loss = found.forces.square().sum() + found.energy.sum()
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([g.view(-1) for g in gradients if g is not None])


torch.set_num_threads(1)
expected = step(few)
for megabytes in (0, 10, 20, 40, 60, 80, 120):
    compiled_library().clear_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        step(many)
        print("done")
    except MemoryError:
        print("MemoryError")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    assert torch.equal(step(few), expected)
"""


def python(code: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


@needs_compiler
@needs_linux
def test_no_memory_is_an_error_and_no_crash():
    """And the next batch is right again. On one thread: the C library itself ends a process that
    has no memory for a new thread."""
    outcomes = python(STARVE).stdout.split()
    assert outcomes == ["MemoryError"] * 7


@pytest.mark.parametrize(
    "changes",
    [
        {"non_linearity": "tanh"},
        {"atom_fea_dim": 257},
        {"atom_conv_hidden_dim": [8, 8]},
        {"bond_conv_hidden_dim": [8, 8]},
        {"angle_layer_hidden_dim": [8, 8]},
        {"mlp_hidden_dims": [4] * 9},
    ],
    ids=str,
)
def test_what_is_not_known_is_left_to_pytorch(changes, architecture, batch_of):
    model = make_chgnet(architecture, **changes)
    assert spec_of(model) is None
    batch = batch_of(model)
    found = BatchedCHGNet(model)(batch)
    expected = BatchedCHGNet(model, compiled=False)(batch)
    assert_same(found, expected)
    assert_same_gradients(gradients(model, loss_on(found)), gradients(model, loss_on(expected)))


def test_a_batch_of_no_frames_is_left_to_pytorch(small_model, batch_of):
    found = BatchedCHGNet(small_model)(batch_of(small_model, []))
    assert found.energy.shape == (0,)
    loss = found.energy.sum() + found.forces.sum()
    assert all(is_zero(g) for g in gradients(small_model, loss).values())
