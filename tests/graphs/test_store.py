"""A file of graphs gives back what was written, and a bad file is named as such."""

import subprocess
import sys
from itertools import chain

import numpy as np
import pytest

from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore, write_graphs


@pytest.fixture
def path(frames, cutoffs, tmp_path):
    write_graphs(frames, tmp_path / "graphs.safetensors", *cutoffs)
    return tmp_path / "graphs.safetensors"


def test_round_trip(frames, cutoffs, path):
    store = GraphStore.open(path)
    assert len(store) == len(frames)
    assert store.cutoffs == cutoffs
    assert store.frame_ids == [frame.frame_id for frame in frames]
    assert store.n_atoms.tolist() == [frame.n_atoms for frame in frames]
    assert store.energies_per_atom.tolist() == [frame.energy_per_atom for frame in frames]
    for i, frame in enumerate(frames):
        graph = build_graph(frame.cell, frame.atomic_numbers, frame.cart_coords, *cutoffs)
        assert (store.n_bonds[i], store.n_angles[i]) == (graph.n_bonds, graph.n_angles)
        rows = {
            kind: slice(*store.arrays[f"{kind}_offsets"][i : i + 2])
            for kind in ("atom", "bond", "angle")
        }
        for name, kind in {
            "cart_coords": "atom",
            "atomic_numbers": "atom",
            "bond_atoms": "bond",
            "bond_images": "bond",
            "angle_halves": "angle",
        }.items():
            assert np.array_equal(store.arrays[name][rows[kind]], getattr(graph, name)), name
        assert np.array_equal(store.arrays["cells"][i], frame.cell)
        assert np.allclose(store.arrays["forces"][rows["atom"]], frame.forces, atol=1e-7)
        for name, rows_of in (("stress", i), ("magmoms", rows["atom"])):
            stored, label = store.arrays[name][rows_of], getattr(frame, name)
            if label is None:
                assert np.isnan(stored).all()
            else:
                assert np.allclose(stored, label, atol=1e-7)


def test_counts(frames, cutoffs, tmp_path):
    counts = write_graphs(frames, tmp_path / "graphs.safetensors", *cutoffs)
    store = GraphStore.open(tmp_path / "graphs.safetensors")
    assert counts == (
        len(frames),
        0,
        store.n_atoms.sum(),
        store.n_bonds.sum(),
        store.n_angles.sum(),
    )


def test_compositions(frames, path):
    store = GraphStore.open(path)
    expected = [
        np.bincount(frame.atomic_numbers, minlength=95)[1:] / frame.n_atoms for frame in frames
    ]
    assert np.array_equal(store.compositions(), expected)
    assert np.array_equal(store.compositions([4, 0, 4]), [expected[i] for i in (4, 0, 4)])


def test_index(path):
    store = GraphStore.open(path)
    assert store.index(["frame µ3", "frame µ0"]).tolist() == [3, 0]
    with pytest.raises(StudyError, match="'frame 3' has no graph"):
        store.index(["frame 3"])


def test_from_graphs_equals_the_file(frames, cutoffs, path):
    graphs = [build_graph(f.cell, f.atomic_numbers, f.cart_coords, *cutoffs) for f in frames]
    in_memory, stored = GraphStore.from_graphs(graphs, *cutoffs), GraphStore.open(path)
    for name, array in stored.arrays.items():
        if name in ("frame_ids", "energies_per_atom", "forces", "stress", "magmoms"):
            continue
        assert np.array_equal(in_memory.arrays[name], array), name
        assert in_memory.arrays[name].dtype == array.dtype, name
    assert np.isnan(in_memory.energies_per_atom).all()


@pytest.mark.parametrize("max_rows", [1, 500, 10**9])
def test_chunks_keep_order_and_stay_small(path, max_rows):
    store = GraphStore.open(path)
    indices = np.array([5, 1, 8, 8, 0, 2, 7, 3])
    chunks = list(store.chunks(indices, max_rows))
    assert np.concatenate(chunks).tolist() == indices.tolist()
    for chunk in chunks:
        rows = 2 * store.n_bonds[chunk] + store.n_angles[chunk] + store.n_atoms[chunk]
        assert len(chunk) == 1 or rows.sum() <= max_rows
    assert len(chunks) == {1: len(indices), 10**9: 1}.get(max_rows, len(chunks))


def test_a_file_without_frames(cutoffs, tmp_path):
    write_graphs([], tmp_path / "none.safetensors", *cutoffs)
    store = GraphStore.open(tmp_path / "none.safetensors")
    assert (len(store), store.frame_ids, list(store.chunks())) == (0, [], [])


def with_coincident_atoms(frame: Frame) -> Frame:
    return Frame(
        frame_id="broken",
        material_id="m",
        functional="test",
        cell=frame.cell,
        atomic_numbers=[8, 8],
        cart_coords=np.zeros((2, 3)),
        energy=0.0,
        forces=np.zeros((2, 3)),
    )


def test_frames_without_a_graph_are_set_aside(frames, cutoffs, tmp_path):
    rejects = []
    mixed = [frames[0], with_coincident_atoms(frames[0]), frames[1]]
    counts = write_graphs(mixed, tmp_path / "g.safetensors", *cutoffs, rejects=rejects.append)
    assert (counts.frames, counts.rejected) == (2, 1)
    assert [(r.frame_id, "Å apart" in r.reason) for r in rejects] == [("broken", True)]
    assert GraphStore.open(tmp_path / "g.safetensors").frame_ids == ["frame µ0", "frame µ1"]
    with pytest.raises(StudyError, match="frame broken: atoms"):
        write_graphs(mixed, tmp_path / "other.safetensors", *cutoffs)


def test_nothing_is_left_of_an_interrupted_write(frames, cutoffs, tmp_path):
    def interrupted():
        yield from frames[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_graphs(interrupted(), tmp_path / "graphs.safetensors", *cutoffs)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_id_twice_is_refused(frames, cutoffs, tmp_path):
    with pytest.raises(StudyError, match="'frame µ0' occurs twice"):
        write_graphs(chain(frames, frames[:1]), tmp_path / "graphs.safetensors", *cutoffs)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.999])
def test_a_file_cut_short_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(StudyError, match=r"graphs\.safetensors.*delete it"):
        GraphStore.open(path)


def test_foreign_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "foreign.safetensors"
    with pytest.raises(StudyError, match="no such file"):
        GraphStore.open(path)
    save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(StudyError, match="no file of graphs of this version"):
        GraphStore.open(path)
    for content in (b"", b"PAR1" * 100, bytes(range(256)) * 10, b"\x02" + bytes(7) + b"[]"):
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"foreign\.safetensors: is no whole file"):
            GraphStore.open(path)
    with pytest.raises(StudyError, match="cannot be opened"):
        GraphStore.open(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"bond_atoms"', b'"bond_atomz"'), (b'"dtype": "I16"', b'"dtype": "F16"')]
)
def test_damage_to_the_header_is_noticed(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(StudyError, match=r"graphs\.safetensors.*(is damaged|makes no sense)"):
        GraphStore.open(path)


def test_building_and_storing_do_not_import_torch():
    code = "import sys, rungs.graphs.store, rungs.graphs.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
