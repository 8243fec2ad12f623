"""Source values for the target's frames where the levels share none."""

import csv
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from rungs.evaluation import level_predictions
from rungs.evaluation.level_predictions import PREDICTED, share_frames, write_level_predictions
from rungs.evaluation.levels import compare_levels, write_levels
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter, read_frames, read_provenance
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.model_files import save_model
from rungs.potentials.models import new_model
from rungs.potentials.predict import interaction_energies, predict
from rungs.training import interactions
from rungs.training.interactions import write_interactions

REFERENCE = np.linspace(-1.0, -10.0, 94)


def made(frame_id, numbers, **labels):
    rng = np.random.default_rng(int(frame_id[1:]))
    coords = np.array([[0.0, 0.0, 0.0], [2.1, 2.1, 2.1]]) + rng.normal(0, 0.05, (2, 3))
    cell = 2.1 * (np.ones((3, 3)) - np.eye(3))
    fields = {"energy": -11.0 - rng.random()} | labels
    return Frame(frame_id, frame_id, "test", cell, numbers, coords, **fields)


def write(path, frames):
    with FrameWriter(path, {}) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def levels(tmp_path_factory, toy_architecture):
    """A source of MgO; a target of other frames, energies alone but for one, the last with SrO."""
    folder = tmp_path_factory.mktemp("levels")
    source = [made(f"s{i}", [12, 8], forces=np.zeros((2, 3))) for i in range(4)]
    target = [made(f"t{i}", [12, 8]) for i in range(6)] + [made("t6", [38, 8])]
    target[2] = replace(target[2], forces=np.ones((2, 3)), stress=np.arange(6.0))
    write_graphs(target, folder / "graphs.safetensors", 4.0, 3.0)
    save_model(new_model(toy_architecture, 0), folder / "model.pt")
    return {
        "source": write(folder / "source.parquet", source),
        "target": write(folder / "target.parquet", target),
        "graphs": folder / "graphs.safetensors",
        "model": folder / "model.pt",
    }


NAMES = ["t6", "t4", "t2", "t0"]
MAGNESIUM_AND_OXYGEN = np.isin(np.arange(1, 95), [8, 12])


def test_frames_are_shared_by_id_and_atoms(levels, tmp_path):
    assert not share_frames(levels["source"], levels["target"])
    same_id = write(tmp_path / "other.parquet", [made("t1", [20, 8])])
    assert not share_frames(same_id, levels["target"])
    assert share_frames(write(same_id, [made("t1", [12, 8])]), levels["target"])


def test_the_asked_frames_have_the_models_predictions(levels, tmp_path):
    path = tmp_path / "predictions.parquet"
    said = write_level_predictions(
        path, **levels, names=NAMES, known=MAGNESIUM_AND_OXYGEN, magmoms=False
    )
    assert said == (
        "the levels share no frames: source values of 3 target frames predicted, 1 left out that "
        "hold Sr"
    )
    assert read_provenance(path) == {"source_values": PREDICTED}
    found = read_frames(path)
    assert [frame.frame_id for frame in found] == ["t0", "t2", "t4"]
    store = GraphStore.open(levels["graphs"])
    from rungs.potentials.model_files import load_model

    for frame, p in zip(found, predict(load_model(levels["model"]), store, [0, 2, 4]), strict=True):
        assert frame.energy_per_atom == pytest.approx(p.energy_per_atom, abs=1e-6)
        assert frame.magmoms is None
        if frame.frame_id != "t2":  # there is nothing to compare them with
            assert frame.forces is frame.stress is None
            continue
        assert np.allclose(frame.forces, p.forces, atol=1e-6)
        assert np.allclose(frame.stress, p.stress, atol=1e-5)


def test_a_model_that_knows_all_elements_predicts_all_frames(levels, tmp_path):
    path = tmp_path / "predictions.parquet"
    write_level_predictions(path, **levels, names=NAMES, known=None, magmoms=True)
    found = read_frames(path)
    assert [frame.frame_id for frame in found] == ["t0", "t2", "t4", "t6"]
    assert [frame.magmoms is not None for frame in found] == [False, True, False, False]


def test_energies_that_are_known_are_not_predicted_again(levels, tmp_path, monkeypatch):
    """And forces of as many frames as are compared, no more."""
    straight, path = tmp_path / "straight.parquet", tmp_path / "predictions.parquet"
    asked = {"names": NAMES, "known": None, "magmoms": True}
    write_level_predictions(straight, **levels, **asked)
    known = tmp_path / "interactions.parquet"
    write_interactions(
        model=levels["model"],
        graphs=levels["graphs"],
        names=["t0", "t1", "t2"],
        checkpoint=tmp_path / "checkpoint.pt",
        output=known,
    )
    seen = []

    def remember(network, store, places):
        seen.extend(store.frame_ids[i] for i in places)
        return interaction_energies(network, store, places)

    monkeypatch.setattr(interactions, "interaction_energies", remember)
    write_level_predictions(path, **levels, **asked, interactions=known)
    assert seen == ["t4", "t6"]
    energies = [[frame.energy for frame in read_frames(x)] for x in (straight, path)]
    assert energies[0] == energies[1]


def test_no_more_forces_than_are_compared(tmp_path, toy_architecture, monkeypatch):
    target = [made(f"t{i}", [12, 8], forces=np.ones((2, 3))) for i in range(9)]
    write_graphs(target, tmp_path / "graphs.safetensors", 4.0, 3.0)
    save_model(new_model(toy_architecture, 0), tmp_path / "model.pt")
    monkeypatch.setattr(level_predictions, "COMPARED_COMPONENTS", 20)  # of four frames, 6 each
    write_level_predictions(
        tmp_path / "predictions.parquet",
        source=write(tmp_path / "source.parquet", [made("s0", [12, 8])]),
        target=write(tmp_path / "target.parquet", target),
        graphs=tmp_path / "graphs.safetensors",
        names=[frame.frame_id for frame in target],
        model=tmp_path / "model.pt",
        known=None,
        magmoms=False,
    )
    found = read_frames(tmp_path / "predictions.parquet")
    assert len(found) == 9
    assert sum(frame.forces is not None for frame in found) == 4


def test_shared_frames_need_no_prediction(levels, tmp_path):
    path = tmp_path / "predictions.parquet"
    shared = write(tmp_path / "shared.parquet", read_frames(levels["target"])[:2])
    said = write_level_predictions(
        path, **levels | {"source": shared}, names=NAMES, known=None, magmoms=True
    )
    assert said == "the levels share frames: nothing is predicted"
    assert read_frames(path) == []
    assert read_provenance(path) == {"source_values": "labelled"}


def test_elements_that_the_model_never_saw_are_named(levels, tmp_path):
    path = tmp_path / "predictions.parquet"
    known = np.isin(np.arange(1, 95), [8])
    said = write_level_predictions(path, **levels, names=NAMES, known=known, magmoms=True)
    why = "the levels share no frames, and the pretrained model was not trained on Mg, Sr"
    assert said == f"{why}: nothing is predicted"
    assert read_frames(path) == []
    assert read_provenance(path) == {"source_values": f"none: {why}"}


def test_the_tables_of_the_levels_are_of_predictions_and_say_so(levels, tmp_path):
    path = tmp_path / "predictions.parquet"
    write_level_predictions(path, **levels, names=NAMES, known=MAGNESIUM_AND_OXYGEN, magmoms=True)
    predicted, target = read_frames(path), read_frames(levels["target"])
    tables = compare_levels(predicted, target, REFERENCE, REFERENCE - 1.0, source_values=PREDICTED)
    assert tables.summary == (
        "no shared frames; 3 target frames, source values predicted by the pretrained model; "
        "forces of 1 of them compared"
    )
    assert tables.energies["frame_id"] == ["t0", "t2", "t4"]
    assert tables.energies["source_energy"] == pytest.approx(
        [frame.energy_per_atom for frame in predicted]
    )
    assert tables.energies["target_energy"] == pytest.approx(
        [target[i].energy_per_atom for i in (0, 2, 4)]
    )
    rows = {row["comparison"]: row for row in tables.correlations}
    assert {row["source_values"] for row in rows.values()} == {PREDICTED}
    assert (rows["raw"]["n"], rows["forces"]["n"], rows["stress"]["n"]) == (3, 6, 6)
    assert set(tables.forces["frame_id"]) == {"t2"}
    assert "magmom" not in rows
    names = ("energies.parquet", "forces.parquet", "others.parquet", "correlations.csv")
    write_levels(tables, *(tmp_path / name for name in names))
    assert pq.read_table(tmp_path / names[0]).num_rows == 3
    with open(tmp_path / names[3], newline="") as handle:
        assert {row["source_values"] for row in csv.DictReader(handle)} == {PREDICTED}


def test_labels_that_one_level_lacks_are_compared_nowhere():
    source = [made(f"m{i}", [12, 8], forces=np.ones((2, 3))) for i in range(4)]
    target = [
        replace(source[0], forces=None),
        replace(source[1], energy=None),
        source[2],
        replace(source[3], energy=None, forces=None, magmoms=[0.1, 0.2]),
    ]
    tables = compare_levels(source, target, REFERENCE, REFERENCE)
    rows = {row["comparison"]: row["n"] for row in tables.correlations}
    assert rows == {"raw": 2, "source_reference": 2, "own_reference": 2, "forces": 12}
    assert set(tables.forces["frame_id"]) == {"m1", "m2"}
    assert "4 shared; forces of 2 of them compared" in tables.summary
