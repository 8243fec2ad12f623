"""A handful of labelled frames as graphs, small enough to train on in a second."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from rungs.frames.frame import Frame
from rungs.graphs.store import GraphStore, write_graphs


@pytest.fixture(scope="session")
def architecture(toy_architecture):
    return toy_architecture


@pytest.fixture(scope="session")
def frames() -> list[Frame]:
    """Twenty rattled rock-salt cells with a pair energy, its forces, and no stress on some."""
    random = np.random.default_rng(0)
    made = []
    for i in range(20):
        cell = np.array([[0, 2.1, 2.1], [2.1, 0, 2.1], [2.1, 2.1, 0]]) * random.uniform(0.95, 1.05)
        displacement = random.normal(0, 0.05, 3)
        coords = np.array([[0.0, 0.0, 0.0], cell.sum(axis=0) / 2 + displacement])
        made.append(
            Frame(
                frame_id=f"f{i:02d}",
                material_id=f"m{i // 2}",
                functional="test",
                cell=cell,
                atomic_numbers=np.array([12, 8]),
                cart_coords=coords,
                energy=-12.0 + 5.0 * displacement @ displacement,
                forces=np.array([10.0 * displacement, -10.0 * displacement]),
                stress=None if i % 3 == 0 else np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
                magmoms=None if i % 4 == 0 else np.array([0.1, -0.2]),
            )
        )
    return made


@pytest.fixture(scope="session")
def partly_labelled(frames, tmp_path_factory) -> GraphStore:
    """The twenty frames: twelve with every choice of labels, four with forces alone, four with
    energies alone."""
    names = ("energy", "forces", "stress", "magmoms")
    lacking = {i: [n for k, n in enumerate(names) if (i + 1) >> k & 1 == 0] for i in range(12)}
    lacking |= {i: ["energy", "stress", "magmoms"] for i in range(12, 16)}
    lacking |= {i: ["forces", "stress", "magmoms"] for i in range(16, 20)}
    path = tmp_path_factory.mktemp("graphs") / "partly_labelled.safetensors"
    made = (dataclasses.replace(f, **dict.fromkeys(lacking[i])) for i, f in enumerate(frames))
    write_graphs(made, path, 4.0, 3.0)
    return GraphStore.open(path)


@pytest.fixture(scope="session")
def graphs_file(frames, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("graphs") / "frames.safetensors"
    write_graphs(frames, path, 4.0, 3.0)
    return path


@pytest.fixture(scope="session")
def store(graphs_file) -> GraphStore:
    return GraphStore.open(graphs_file)
