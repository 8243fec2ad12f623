"""What a kill -9 of Snakemake leaves behind, and what the same command makes of it.

Only Snakemake is killed, as a person or the kernel does: its jobs find themselves alone.
"""

import csv
import re
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from rungs.cli.main import main


@pytest.fixture(scope="module")
def longer_config(tiny_config, tmp_path_factory):
    """The tiny study with trainings that last long enough to be killed in the middle."""
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["pretraining"]["training"]["updates"] = 60
    values["fine_tuning"]["updates"] = 60
    path = tmp_path_factory.mktemp("longer") / "longer.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def numbers(folder):
    """Weights and history of a training, without its timings."""
    weights = torch.load(folder / "model.pt", map_location="cpu", weights_only=False)
    with open(folder / "history.csv", newline="", encoding="utf-8") as handle:
        history = [{**row, "seconds": None} for row in csv.DictReader(handle)]
    return weights["model"]["state_dict"], history


def assert_nothing_half_written(folder):
    assert not list(folder.rglob(".partial-*"))


@pytest.mark.parametrize(
    ("output", "log"),
    [
        ("pretrained", "pretrain/pretrained.log"),
        ("runs/scratch/4/seed_0", "fine_tune/scratch/4/seed_0.log"),
    ],
)
def test_a_training_goes_on_by_the_same_command(
    start, snakemake, tiny_study, longer_config, tmp_path, output, log
):
    folder = tmp_path / "work"
    shutil.copytree(tiny_study.parents[1], folder)
    results = folder / "results/tiny"
    target = f"results/tiny/{output}/model.pt"
    command = (target, "--cores", "1", "--configfile", longer_config)
    shutil.rmtree(results / output)
    snakemake(folder, *command)
    weights, history = numbers(results / output)
    shutil.rmtree(results / output)
    (results / "logs" / log).unlink()

    first = start(folder, *command)
    first.wait_for(results / "logs" / log, "starts at the beginning")
    first.kill()
    snakemake(folder, *command)
    text = (results / "logs" / log).read_text()
    assert re.search(r"resuming after update \d+", text), text
    weights_again, history_again = numbers(results / output)
    assert history_again == history
    assert all(torch.equal(weights_again[name], value) for name, value in weights.items())
    assert_nothing_half_written(results)


# What a stage makes first, and the log of the job that is killed in the middle.
STAGES = {
    "frames": ("frames/target.parquet", "make_frames/target.log"),
    "splits": ("splits/split.csv", "split_materials.log"),
    "graphs": ("graphs/target.safetensors", "build_graphs/target.log"),
    "pretraining": ("pretrained/model.pt", "pretrain/pretrained.log"),
    "fine_tuning": ("runs/scratch/12/seed_1/model.pt", "fine_tune/scratch/12/seed_1.log"),
    "evaluation": ("evaluations/scratch/12.csv", "evaluate/scratch/12.log"),
    "simulations": ("simulations/scratch/12.csv", "simulate/scratch/12.log"),
    "properties": ("properties/scratch/12.csv", "calculate_properties/scratch/12.log"),
    "laws": ("scaling_laws.csv", "fit_scaling_laws.log"),
    "figures": ("figures/parity.png", "draw_parity.log"),
}


def assert_same_numbers(one, other, capsys):
    """Of all models and tables, bit for bit."""
    assert main(["compare", str(one), str(other)]) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_ends_as_an_undisturbed_one(
    start, snakemake, tiny_study, tiny_config, tmp_path, stage, capsys
):
    folder = tmp_path / "work"
    shutil.copytree(tiny_study.parents[1], folder)
    results = folder / "results/tiny"
    output, log = STAGES[stage]
    # As a study that has come so far: all that was written later is gone.
    reached = (results / output).stat().st_mtime_ns
    for file in results.rglob("*"):
        if file.is_file() and file.stat().st_mtime_ns >= reached:
            file.unlink()
    (results / "logs" / log).unlink(missing_ok=True)
    command = ("--cores", "2", "--configfile", tiny_config)
    first = start(folder, *command)
    first.wait_for(results / "logs" / log, "process ")
    first.kill()
    snakemake(folder, *command)
    assert_same_numbers(tiny_study, results, capsys)
    assert_nothing_half_written(results)
    assert "Nothing to be done" in snakemake(folder, *command).stdout


@pytest.mark.slow
def test_a_killed_report_is_written_by_the_same_command(
    start, snakemake, tiny_study, tiny_config, tmp_path
):
    report = tmp_path / "report.html"
    command = ("--cores", "1", "--configfile", tiny_config, "--report", str(report))
    first = start(tiny_study.parents[1], *command)
    first.wait_for(first.terminal, "report")
    first.kill()
    snakemake(tiny_study.parents[1], *command)
    assert "learning_curves.png" in report.read_text()


def test_two_at_once_are_kept_apart(start, snakemake, tiny_study, longer_config, tmp_path):
    """The second is told who works there, and may look; from another folder, too."""
    folder = tmp_path / "work"
    values = yaml.safe_load(Path(longer_config).read_text(encoding="utf-8"))
    values["fine_tuning"]["updates"] = 100_000  # at work until it is ended
    config = tmp_path / "at_work.yaml"
    config.write_text(yaml.safe_dump(values))
    shutil.copytree(tiny_study.parents[1], folder)
    results = folder / "results/tiny"
    command = ("results/tiny/runs/scratch/4/seed_0/model.pt", "--configfile", str(config))
    shutil.rmtree(results / "runs/scratch/4/seed_0")
    (results / "logs/fine_tune/scratch/4/seed_0.log").unlink()
    first = start(folder, *command, "--cores", "1")
    first.wait_for(results / "logs/fine_tune/scratch/4/seed_0.log", "process ")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "results").symlink_to(folder / "results")
    second = snakemake(elsewhere, *command, "--cores", "1", check=False)
    looking = snakemake(folder, *command, "--dry-run")
    first.end()
    assert second.returncode == 1
    last = second.stdout.rstrip().splitlines()[-1]
    assert re.match(
        rf"error: results/tiny: another Snakemake is at work on this study \(process "
        rf"{first.process.pid} on \S+ since [-0-9]+ [:0-9]+\); wait for its end",
        last,
    )
    assert "fine_tune" in looking.stdout
