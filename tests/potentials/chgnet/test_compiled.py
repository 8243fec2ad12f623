"""The compiled functions: alone, with several threads, and where they cannot be built."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from chgnet.model.functions import GatedMLP
from torch.autograd import gradcheck, gradgradcheck

from rungs.potentials.chgnet.compiled import library
from rungs.potentials.chgnet.compiled.messages import Rows, covers, gated_messages
from rungs.potentials.chgnet.compiled.rows import angle_rows, atom_rows
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.chgnet.second_order import Sweep

needs_compiler = pytest.mark.skipif(
    library.compiled_library() is None, reason="the compiled functions cannot be built here"
)


def make_rows(generator, n_rows: int, sizes: tuple[int, int, int, int], n_owners: int) -> Rows:
    indices = [torch.randint(size, (n_rows,), generator=generator) for size in sizes]
    owners = torch.randint(n_owners, (n_rows,), generator=generator)
    parts = torch.tensor([0, 1]), torch.tensor([[0, n_rows]])
    return Rows(*indices, owners, n_owners, parts)


def after_first_layer(mlp, rows):
    layers = list(mlp.layers)
    first = next(i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Linear))
    for layer in layers[first + 1 :]:
        rows = layer(rows)
    return rows


def reference(gated, rows, tables, weights):
    """The same by CHGNet's own modules, from the result of the first layer on."""
    first, second, third = tables
    total = first[rows.first] + second[rows.second] + third[rows.third]
    core, gate = total.chunk(2, dim=1)
    core, gate = after_first_layer(gated.mlp_core, core), after_first_layer(gated.mlp_gate, gate)
    if gated.norm is not None:
        core, gate = gated.bn1(core), gated.bn2(gate)
    messages = gated.activation(core) * torch.sigmoid(gate)
    if weights is not None:
        messages = messages * weights[rows.weights]
    return messages.new_zeros(rows.n_owners, messages.shape[1]).index_add(0, rows.owners, messages)


@needs_compiler
@pytest.mark.parametrize("norm", ["layer", None])
@pytest.mark.parametrize("hidden", [0, 5, 8])
@pytest.mark.parametrize("width", [3, 8, 16])
def test_values_and_both_derivatives(hidden, width, norm):
    """Widths that fill vectors and that do not, rows that fill tiles and that do not."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    gated = GatedMLP(4, width, hidden_dim=hidden, norm=norm, activation="silu").double()
    for parameter in gated.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=generator).double())
    assert covers(gated)
    sizes, n_rows = (4, 5, 6, 7), 53
    rows = make_rows(generator, n_rows, sizes, 3)
    inner = 2 * (hidden or width)
    values = [torch.randn(n, inner, generator=generator, dtype=torch.float64) for n in sizes[:3]]
    values.append(torch.randn(sizes[3], width, generator=generator, dtype=torch.float64))
    values = [value.requires_grad_() for value in values]
    sweep = Sweep()

    def ours(*inputs):
        return gated_messages(gated, rows, inputs[:3], inputs[3], sweep)

    assert torch.allclose(ours(*values), reference(gated, rows, values[:3], values[3]), atol=1e-12)
    assert gradcheck(ours, values, fast_mode=True)
    with sweep.to_geometry():
        assert gradgradcheck(ours, values, fast_mode=True)

    def losses(function):
        out = function(*values)
        with sweep.to_geometry():
            gradients = torch.autograd.grad(out.square().sum(), values, create_graph=True)
        loss = sum(g.sin().sum() for g in gradients) + out.sin().sum()
        used = [p for p in gated.parameters() if p.requires_grad]
        return torch.autograd.grad(loss, used, allow_unused=True)

    expected = losses(lambda *inputs: reference(gated, rows, inputs[:3], inputs[3]))
    for theirs, found in zip(expected, losses(ours), strict=True):
        assert (theirs is None) == (found is None)
        if theirs is not None:
            assert torch.allclose(found, theirs, rtol=1e-9, atol=1e-10)


@needs_compiler
def test_no_rows():
    gated = GatedMLP(4, 8, hidden_dim=8, norm="layer", activation="silu")
    empty = torch.empty(0, dtype=torch.long)
    parts = torch.tensor([0, 1]), torch.tensor([[0, 0]])
    rows = Rows(empty, empty, empty, None, empty, 2, parts)
    tables = [torch.ones(1, 16)] * 3
    assert torch.equal(gated_messages(gated, rows, tables, None, Sweep()), torch.zeros(2, 8))


@needs_compiler
@pytest.mark.parametrize("n_threads", [2, 3, 50])
def test_threads_share_frames_and_nothing_else(small_model, structures, store_of, n_threads):
    batch = store_of(small_model, structures).batch(range(len(structures)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads)
        for rows in (atom_rows(batch), angle_rows(batch, stored=True, summed=True)):
            starts, pieces = rows.parts
            seen = torch.cat([torch.arange(a, b) for a, b in pieces.tolist()])
            assert torch.equal(seen.sort().values, torch.arange(len(rows.first)))
            owned = []
            for begin, end in pairwise(starts.tolist()):
                mine = torch.cat([torch.arange(a, b) for a, b in pieces[begin:end].tolist()])
                owned.append([set(t[mine].tolist()) for t in (rows.first, rows.second, rows.third)])
            for table in range(3):
                union = set().union(*(part[table] for part in owned))
                assert sum(len(part[table]) for part in owned) == len(union)
        several = BatchedCHGNet(small_model)(batch, create_graph=False)
        torch.set_num_threads(1)
        one = BatchedCHGNet(small_model)(batch, create_graph=False)
    finally:
        torch.set_num_threads(before)
    # without gradients of parameters nothing is added up across threads in another order
    assert torch.allclose(several.forces, one.forces, atol=1e-6)
    assert torch.allclose(several.energy, one.energy, atol=1e-6)


def python(code: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


USE_TWICE = """
import torch
from rungs.potentials.chgnet.compiled.messages import can_run
print(can_run(torch.ones(1)), can_run(torch.ones(1)))
"""


def test_without_a_compiler_one_line_says_so(tmp_path):
    done = python(USE_TWICE, CXX="no-such-compiler", RUNGS_CACHE=str(tmp_path))
    assert done.stdout.split() == ["False", "False"]
    (line,) = done.stderr.strip().splitlines()
    assert "no C++ compiler: no-such-compiler is not on the PATH" in line
    assert "run in PyTorch" in line


def test_a_compiler_that_fails_is_quoted(tmp_path):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho 'fatal error: no luck' >&2\nexit 1\n")
    broken.chmod(0o755)
    done = python(USE_TWICE, CXX=str(broken), RUNGS_CACHE=str(tmp_path / "cache"))
    assert done.stdout.split() == ["False", "False"]
    assert "fatal error: no luck" in done.stderr
    assert not list((tmp_path / "cache").iterdir())


@needs_compiler
def test_what_is_built_is_found_again(tmp_path):
    found = []
    for _ in range(2):
        done = python(USE_TWICE, RUNGS_CACHE=str(tmp_path))
        assert done.stdout.split() == ["True", "True"]
        assert not done.stderr
        (built,) = tmp_path.iterdir()
        found.append((built, built.stat().st_mtime_ns))
    assert found[0] == found[1]


def test_what_is_not_covered_is_left_to_pytorch():
    assert not covers(GatedMLP(4, 8, hidden_dim=8, norm="layer", activation="relu"))
    assert not covers(GatedMLP(4, 8, hidden_dim=[8, 8], norm="layer", activation="silu"))
