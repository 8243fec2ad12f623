"""Checkpoints: gone on from only by the training they belong to, never lost."""

import torch

from rungs.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"update": 7, "model": {"weight": torch.arange(3.0)}}
FINGERPRINT = {"training.updates": 10, "training frames": "abc"}


def test_own_checkpoint_is_used(tmp_path):
    path = tmp_path / "run.pt"
    save_checkpoint(path, STATE, FINGERPRINT)
    state, line = load_checkpoint(path, FINGERPRINT)
    assert state["update"] == 7
    assert torch.equal(state["model"]["weight"], torch.arange(3.0))
    assert "update 7" in line


def test_a_foreign_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "run.pt"
    save_checkpoint(path, STATE, FINGERPRINT)
    state, line = load_checkpoint(path, {**FINGERPRINT, "training.updates": 20})
    assert state is None
    assert "training.updates: 10 in the checkpoint, 20 now" in line
    assert "training frames" not in line
    assert not path.exists()
    assert (tmp_path / "run.refused.pt").exists()


def test_a_broken_checkpoint_is_set_aside(tmp_path):
    path = tmp_path / "run.pt"
    save_checkpoint(path, STATE, FINGERPRINT)
    path.write_bytes(path.read_bytes()[:100])
    state, line = load_checkpoint(path, FINGERPRINT)
    assert state is None
    assert "could not be read" in line
    assert (tmp_path / "run.refused.pt").exists()


def test_no_checkpoint_is_a_beginning(tmp_path):
    state, line = load_checkpoint(tmp_path / "run.pt", FINGERPRINT)
    assert state is None
    assert "beginning" in line
