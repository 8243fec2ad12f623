"""Interaction energies, predicted once: the same numbers, and jobs that are killed go on."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from rungs.errors import StudyError
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.model_files import load_model, save_model
from rungs.potentials.models import new_model
from rungs.potentials.predict import interaction_energies
from rungs.potentials.references import set_reference
from rungs.references.interactions import read_interactions
from rungs.training import interactions, predicting
from rungs.training.interactions import known_or_predicted, write_interactions


@pytest.fixture
def asked(graphs_file, architecture, tmp_path):
    """What :func:`write_interactions` is asked for, of all frames in another order."""
    model = new_model(architecture, 0)
    set_reference(model, np.linspace(-9, 3, 94))
    save_model(model, tmp_path / "model.pt")
    return {
        "model": tmp_path / "model.pt",
        "graphs": graphs_file,
        "names": list(reversed(GraphStore.open(graphs_file).frame_ids)),
        "checkpoint": tmp_path / "checkpoint.pt",
        "output": tmp_path / "interactions.parquet",
    }


@pytest.fixture
def one_by_one(monkeypatch):
    """Batches of a frame each; the places that were predicted."""
    predicted = []
    original = interactions.iter_interaction_energies

    def by_frames(network, store, places):
        for place, energies in zip(
            places, original(network, store, places, max_rows=1), strict=True
        ):
            predicted.append(place)
            yield energies

    monkeypatch.setattr(interactions, "iter_interaction_energies", by_frames)
    return predicted


def test_what_is_read_is_what_would_be_predicted(asked):
    said = write_interactions(**asked)
    assert said == "interaction energies of 20 target frames"
    store = GraphStore.open(asked["graphs"])
    places = np.array([3, 0, 19])
    expected = interaction_energies(load_model(asked["model"]), store, places)
    assert np.array_equal(read_interactions(asked["output"], store, places), expected)
    assert not asked["checkpoint"].exists()


def test_frames_without_an_energy_are_not_predicted(asked, frames, tmp_path):
    """Nothing is fitted to them."""
    made = (replace(f, energy=None if i % 4 else f.energy) for i, f in enumerate(frames))
    write_graphs(made, tmp_path / "some.safetensors", 4.0, 3.0)
    asked["graphs"] = tmp_path / "some.safetensors"
    assert write_interactions(**asked) == "interaction energies of 5 target frames"
    found = read_interactions(asked["output"], GraphStore.open(asked["graphs"]), np.arange(20))
    assert np.flatnonzero(np.isfinite(found)).tolist() == [0, 4, 8, 12, 16]


def test_only_what_the_file_lacks_is_predicted(asked, monkeypatch):
    write_interactions(**asked | {"names": asked["names"][:15]})
    store, model = GraphStore.open(asked["graphs"]), load_model(asked["model"])
    everything = np.arange(len(store))
    expected = interaction_energies(model, store, everything)
    seen = []

    def remember(network, graphs, places):
        seen.extend(places.tolist())
        return interaction_energies(network, graphs, places)

    monkeypatch.setattr(interactions, "interaction_energies", remember)
    found = known_or_predicted(asked["output"], model, store, everything)
    assert np.array_equal(found, expected)
    assert seen == [0, 1, 2, 3, 4]
    assert np.array_equal(known_or_predicted(None, model, store, everything), expected)


def test_a_job_that_is_stopped_goes_on_where_it_was(asked, one_by_one, monkeypatch):
    straight = asked | {"output": asked["output"].with_name("straight.parquet")}
    write_interactions(**straight)
    one_by_one.clear()
    add = predicting.tqdm.update

    def terminate_at_seven(bar, n):
        add(bar, n)
        if bar.n == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(predicting.tqdm, "update", terminate_at_seven)
    with pytest.raises(StudyError, match=r"SIGTERM\) after 7 of 20 frames"):
        write_interactions(**asked)
    assert len(one_by_one) == 7
    write_interactions(**asked)
    assert len(one_by_one) == 20
    store = GraphStore.open(asked["graphs"])
    found, expected = (
        read_interactions(path, store, np.arange(20))
        for path in (asked["output"], straight["output"])
    )
    assert np.array_equal(found, expected)


def test_a_checkpoint_of_another_model_is_refused(asked, one_by_one, monkeypatch, capsys):
    monkeypatch.setattr(predicting, "CHECKPOINT_SECONDS", 0.0)
    keep = asked["checkpoint"].with_name("kept.pt")
    save = predicting.save_checkpoint

    def save_and_keep(path, state, fingerprint):
        save(path, state, fingerprint)
        keep.write_bytes(path.read_bytes())

    monkeypatch.setattr(predicting, "save_checkpoint", save_and_keep)
    write_interactions(**asked)
    keep.rename(asked["checkpoint"])
    save_model(new_model_of(asked), asked["model"])
    one_by_one.clear()
    write_interactions(**asked)
    assert len(one_by_one) == 20
    assert "checkpoint of another training refused (model:" in capsys.readouterr().err


def new_model_of(asked):
    model = load_model(asked["model"])
    set_reference(model, np.zeros(94))
    return model
