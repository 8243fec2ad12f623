"""The files of graphs are safetensors files: other tools can read them."""

import numpy as np
from safetensors.numpy import load_file

from rungs.frames.frame import Frame
from rungs.graphs.store import GraphStore, write_graphs


def test_the_safetensors_library_reads_them(tmp_path):
    frame = Frame(
        frame_id="MgO",
        material_id="MgO",
        functional="test",
        cell=np.array([[0, 2.1, 2.1], [2.1, 0, 2.1], [2.1, 2.1, 0]]),
        atomic_numbers=np.array([12, 8]),
        cart_coords=np.array([[0.0, 0, 0], [2.1, 2.1, 2.1]]),
        energy=-12.0,
        forces=np.zeros((2, 3)),
        stress=None,
        magmoms=None,
    )
    write_graphs([frame], tmp_path / "graphs.safetensors", 5.0, 3.0)
    theirs = load_file(tmp_path / "graphs.safetensors")
    ours = GraphStore.open(tmp_path / "graphs.safetensors").arrays
    assert set(theirs) == set(ours)
    for name, array in ours.items():
        assert np.array_equal(theirs[name], array, equal_nan=array.dtype.kind == "f"), name
