"""Chemistry that a run's frames lack."""

import dataclasses

import numpy as np

from rungs.evaluation.chemistry import Chemistry
from rungs.frames.frame import Frame
from rungs.graphs.store import GraphStore, write_graphs


def frame(name, numbers):
    return Frame(
        frame_id=name,
        material_id=name,
        functional="test",
        cell=4.0 * np.eye(3),
        atomic_numbers=np.array(numbers),
        cart_coords=np.arange(3 * len(numbers)).reshape(-1, 3) * 0.6,
        energy=-1.0,
        forces=np.zeros((len(numbers), 3)),
        stress=None,
        magmoms=None,
    )


def test_a_system_counts_and_not_a_composition(tmp_path):
    frames = [
        frame("MgO", [12, 8]),
        frame("Mg2O", [12, 12, 8]),
        frame("NaCl", [11, 17]),
        frame("NaMgO", [11, 12, 8]),
    ]
    write_graphs(frames, tmp_path / "graphs.safetensors", 4.0, 3.0)
    store = GraphStore.open(tmp_path / "graphs.safetensors")
    chemistry = Chemistry(store, {"Mg2O": "a", "NaCl": "b", "NaMgO": "c"})
    assert chemistry.lacking(["MgO"]) == {"b", "c"}
    assert chemistry.lacking(["NaCl", "MgO"]) == {"c"}
    assert chemistry.lacking([]) == {"a", "b", "c"}


def test_a_material_of_several_systems_is_new_only_where_all_are(tmp_path):
    frames = [frame("x1", [12, 8]), frame("x2", [11, 17]), frame("t", [11, 17])]
    frames = [dataclasses.replace(f, material_id="x") for f in frames]
    write_graphs(frames, tmp_path / "graphs.safetensors", 4.0, 3.0)
    store = GraphStore.open(tmp_path / "graphs.safetensors")
    assert Chemistry(store, {"x1": "x", "x2": "x"}).lacking(["t"]) == frozenset()
