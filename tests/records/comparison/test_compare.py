"""Two studies compared: what counts as a difference, and what is said of it."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from rungs.cli.main import main
from rungs.config.loading import read_study
from rungs.frames.table import FrameWriter
from rungs.potentials.model_files import load_model, save_model
from rungs.potentials.models import new_model

METHODS = {"scratch": {"initial": "random", "reference": "target"}}
RECORD = {
    "started": "2026-01-31T18:00:00+00:00",
    "torch": "2.13.0",
    "python": "3.11.7",
    "device": "a processor",
    "wall_seconds": 1.5,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository, toy_architecture):
    """A study of one method, one size and two seeds, with a file of every kind."""
    folder = tmp_path_factory.mktemp("finished") / "results/tiny"
    values = yaml.safe_load((repository / "tests/studies/tiny.yaml").read_text())
    values |= {"methods": METHODS, "subsets": {"sizes": [4], "seeds": [0, 1]}}
    values |= {"simulations": None, "properties": None}
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    for run in read_study(folder / "study.yaml").runs:
        place = folder / f"runs/{run.method}/{run.size}/seed_{run.seed}"
        place.mkdir(parents=True)
        save_model(new_model(toy_architecture, run.seed), place / "model.pt")
        (place / "record.json").write_text(json.dumps(RECORD))
        (place / "history.csv").write_text("update,validation_loss,seconds\n3,0.5,1.25\n")
    (folder / "learning_curve.csv").write_text(
        "method,size,seed,energy_mae_mev_per_atom\nscratch,4,0,40.0\nscratch,4,1,41.0\n"
    )
    (folder / "scaling_laws.csv").write_text("method,exponent,note\nscratch,0.5,\n")
    (folder / "summary.json").write_text(json.dumps({"points": [40.5], "versions": {"a": "1"}}))
    for sub in ("frames", "simulations", "tables", "logs"):
        (folder / sub).mkdir()
    with FrameWriter(folder / "frames/source.parquet", {"made_by": {"at": "2026"}}):
        pass
    table = pd.DataFrame({"frame_id": ["a", "b"], "error": [1.0, np.nan], "of": [[1.0], [2.0]]})
    table.to_parquet(folder / "tables/frames.parquet")
    np.savez(folder / "simulations/4.npz", positions_0=np.ones((2, 3)), positions_1=np.ones(3))
    (folder / "tables/costs.csv").write_text("method,wall_seconds\nscratch,1.5\n")
    (folder / "logs/a.csv").write_text("1")
    return folder


@pytest.fixture
def studies(finished, tmp_path):
    """The study and a copy, to be changed."""
    return finished, shutil.copytree(finished, tmp_path / "results/tiny")


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def compared(studies, capsys, *more):
    status = main(["compare", *map(str, studies), *more])
    return status, capsys.readouterr()


def test_times_dates_and_logs_are_no_results(studies, capsys):
    run = studies[1] / "runs/scratch/4/seed_0"
    replace(run / "history.csv", "1.25", "2.5")
    replace(run / "record.json", "1.5", "7.5")
    replace(studies[1] / "tables/costs.csv", "1.5", "7.5")
    (studies[1] / "logs/b.csv").write_text("2")
    with FrameWriter(studies[1] / "frames/source.parquet", {"made_by": {"at": "2027"}}):
        pass
    # the same weights in other bytes
    model = torch.load(run / "model.pt", weights_only=True)
    torch.save(model | {"rungs": {"other": 1}}, run / "model.pt")
    status, said = compared(studies, capsys)
    assert status == 0, said.out
    assert "The same numbers, bit for bit." in said.out


def test_versions_and_machines_are_told_and_decide_nothing(studies, capsys):
    replace(studies[1] / "runs/scratch/4/seed_0/record.json", "2.13.0", "2.12.0")
    status, said = compared(studies, capsys)
    assert status == 0
    assert "torch: 2.13.0 | 2.12.0, 2.13.0" in said.out


def test_a_title_is_told_and_decides_nothing(studies, capsys):
    replace(studies[1] / "study.yaml", "A tiny study", "Another study")
    status, said = compared(studies, capsys)
    assert status == 0
    assert "title: A tiny study" in said.out


def test_the_last_bit_of_a_number_counts(studies, capsys):
    other = float(np.nextafter(41.0, 42.0))
    replace(studies[1] / "learning_curve.csv", "41.0", repr(other))
    status, said = compared(studies, capsys)
    assert status == 1
    assert "learning_curve.csv: 1 of 2 rows differ; energy_mae_mev_per_atom by up to 7" in said.out


def test_the_last_bit_of_a_weight_counts(studies, capsys):
    path = studies[1] / "runs/scratch/4/seed_1/model.pt"
    model = load_model(path)
    with torch.no_grad():
        weight = next(model.parameters()).view(-1)
        weight[0] = torch.nextafter(weight[0], torch.tensor(9.0))
    save_model(model, path)
    status, said = compared(studies, capsys)
    assert status == 1
    assert "Models: 1 equal, 1 different" in said.out
    assert "runs/scratch/4/seed_1/model.pt: 1 of " in said.out


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        ({"error": [1.0, 2.0]}, "error: a number in one, none in the other"),
        ({"of": [[1.0], [2.5]]}, "of by up to 0.5 (0.2 of the value)"),
        ({"frame_id": ["a", "c"]}, "frame_id: b | c"),
    ],
)
def test_tables_of_frames_count_too(studies, capsys, change, said_of_it):
    path = studies[1] / "tables/frames.parquet"
    pd.read_parquet(path).assign(**change).to_parquet(path)
    status, said = compared(studies, capsys)
    assert status == 1
    assert said_of_it in said.out


def test_trajectories_count_too(studies, capsys):
    path = studies[1] / "simulations/4.npz"
    np.savez(path, positions_0=np.ones((2, 3)), positions_1=np.full(3, 1.25))
    status, said = compared(studies, capsys)
    assert status == 1
    assert "simulations/4.npz: positions by up to 0.25" in said.out


def test_an_added_seed_is_told_apart_from_changed_numbers(studies, capsys):
    replace(studies[1] / "study.yaml", "- 1\n", "- 1\n  - 2\n")
    table = studies[1] / "learning_curve.csv"
    table.write_text(table.read_text() + "scratch,4,2,39.0\n")
    runs = studies[1] / "runs/scratch/4"
    shutil.copytree(runs / "seed_1", runs / "seed_2")
    status, said = compared(studies, capsys)
    assert status == 1
    assert "subsets.seeds: [0, 1] | [0, 1, 2]" in said.out
    assert "Only in B: 2 files" in said.out
    assert "  learning_curve.csv: 1 rows only in B\n" in said.out


def test_a_summary_counts_without_its_versions(studies, capsys):
    replace(studies[1] / "summary.json", '"1"', '"2"')
    assert compared(studies, capsys)[0] == 0
    replace(studies[1] / "summary.json", "40.5", "40.6")
    status, said = compared(studies, capsys)
    assert status == 1
    assert "summary.json: differs in points" in said.out


def test_for_programs(studies, capsys):
    replace(studies[1] / "scaling_laws.csv", "0.5", "0.75")
    status, said = compared(studies, capsys, "--json")
    facts = json.loads(said.out)
    assert (status, facts["same_numbers"]) == (1, False)
    assert facts["different"][0]["columns"] == {"exponent": 0.25}


@pytest.mark.parametrize(
    ("name", "said_of_it"),
    [
        ("study.yaml", "has no study.yaml, so it is not the results of a study"),
        ("learning_curve.csv", "is not finished: learning_curve.csv missing"),
        ("runs/scratch/4/seed_0/model.pt", "is not finished: runs/scratch/4/seed_0/model.pt"),
    ],
)
def test_unfinished_studies_get_a_sentence(studies, capsys, name, said_of_it):
    (studies[1] / name).unlink()
    status, said = compared(studies, capsys)
    assert status == 2
    assert said_of_it in said.err


@pytest.mark.parametrize(
    "name",
    [
        "learning_curve.csv",
        "summary.json",
        "tables/frames.parquet",
        "simulations/4.npz",
        "runs/scratch/4/seed_0/model.pt",
        "runs/scratch/4/seed_0/record.json",
    ],
)
def test_damaged_files_get_a_sentence(studies, capsys, name):
    path = studies[1] / name
    path.write_bytes(path.read_bytes()[:-20])
    status, said = compared(studies, capsys)
    assert status == 2
    assert path.name in said.err
    assert "Traceback" not in said.err
