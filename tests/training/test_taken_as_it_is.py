"""A published model that is taken as it is: no graphs of the source are needed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rungs.config import load_study
from rungs.config.training import Pretraining
from rungs.errors import StudyError
from rungs.graphs.store import write_graphs
from rungs.potentials.chgnet.published import load_published
from rungs.references.fit import ReferenceEnergies, write_reference
from rungs.splits.files import write_split
from rungs.splits.split import SplitRow
from rungs.training.estimate import estimate_study
from rungs.training.runs import pretrain


def split_file(folder, frames):
    parts = ["test", "validation", *["train"] * (len(frames) - 2)]
    rows = [
        SplitRow(level, frame.material_id, frame.frame_id, part)
        for level in ("source", "target")
        for frame, part in zip(frames, parts, strict=True)
    ]
    write_split(folder / "split.csv", rows)
    return folder / "split.csv"


def test_the_published_model_comes_out(tmp_path, frames):
    outputs = SimpleNamespace(**{name: tmp_path / name for name in ("model", "history", "record")})
    line = pretrain(
        Pretraining(initial="0.3.0", training=None),
        None,
        graphs=None,
        split=split_file(tmp_path, frames),
        reference=tmp_path / "absent.csv",
        study_seed=0,
        checkpoint=tmp_path / "checkpoint.pt",
        outputs=outputs,
    )
    assert line == "pretrain: no updates"
    from chgnet.model import CHGNet

    found = CHGNet.from_file(str(outputs.model)).state_dict()
    for name, wanted in load_published("0.3.0").state_dict().items():
        assert torch.equal(found[name], wanted), name
    record = json.loads(outputs.record.read_text())
    assert (record["initial"], record["n_frames"]) == ("0.3.0", len(frames) - 2)


def test_the_estimate_has_no_pretraining(tmp_path, frames):
    write_graphs(frames, tmp_path / "graphs.safetensors", 6.0, 3.0)
    crystals = {"kind": "crystals", "labels": "0.3.0"}
    study = load_study(
        {
            "study": "s",
            "title": "t",
            "source": {"label": "a", "functional": "a", "data": crystals},
            "target": {"label": "b", "functional": "b", "data": crystals},
            "subsets": {"sizes": [2], "seeds": [0]},
            "pretraining": {"initial": "0.3.0", "training": None},
            "fine_tuning": {"updates": 1, "batch_size": 2},
            "methods": {"transfer": {"initial": "pretrained", "reference": "target"}},
        }
    )
    lines = estimate_study(
        study,
        graphs={"target": tmp_path / "graphs.safetensors"},
        split=split_file(tmp_path, frames),
        start_seconds=0.0,
        output=tmp_path / "estimate.csv",
    )
    stages = [line.split()[0] for line in lines]
    assert "fine_tune" in stages
    assert "pretrain" not in stages


def test_a_pretraining_cannot_be_larger_than_its_source(tmp_path, frames, architecture):
    zeros = ReferenceEnergies(np.zeros(94), np.zeros(94, dtype=int))
    write_reference(tmp_path / "reference.csv", zeros)
    with pytest.raises(
        StudyError, match=r"a pretraining_size is 50, but .* part has 1[0-9] frames"
    ):
        pretrain(
            Pretraining(initial="random", training={"updates": 1}),
            architecture,
            graphs=None,
            split=split_file(tmp_path, frames),
            reference=tmp_path / "reference.csv",
            size=50,
            study_seed=0,
            checkpoint=tmp_path / "checkpoint.pt",
            outputs=None,
        )
