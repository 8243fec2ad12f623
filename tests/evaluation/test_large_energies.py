"""Energies with all electrons: a study's errors are those with a constant for each element off."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rungs.config import Run
from rungs.config.methods import Method
from rungs.config.training import Pretraining, Training
from rungs.evaluation.frames import read_frame_errors
from rungs.evaluation.parity import parity_energies
from rungs.evaluation.references import compare_references
from rungs.evaluation.runs import EvaluationFiles, evaluate_on_source, evaluate_runs
from rungs.frames.frame import Frame
from rungs.graphs.store import write_graphs
from rungs.references.fit import read_reference, write_reference
from rungs.references.levels import fit_levels
from rungs.splits.files import read_split, write_order, write_split
from rungs.splits.split import SplitRow
from rungs.training.interactions import write_interactions
from rungs.training.runs import fine_tune, pretrain

CONSTANTS = {79: -535_650.0, 47: -144_700.0, 29: -45_000.0}
"""eV, about those of gold, silver and copper with all their electrons."""
METHODS = {
    "scratch": {"initial": "random", "reference": "target"},
    "target_reference": {"initial": "pretrained", "reference": "target"},
    "frozen_reference": {"initial": "pretrained", "reference": "source"},
    "trainable_reference": {
        "initial": "pretrained",
        "reference": "source",
        "train_reference": True,
    },
    "subset_residual": {
        "initial": "pretrained",
        "reference": "residual",
        "reference_fitted_on": "subset",
    },
}
TRAINING = Training(updates=6, batch_size=4, validations=2, learning_rate=5e-3)


def level(name, shift, seed):
    """Distorted alloys whose energies are sums over atoms, some meV of strain, and noise."""
    random = np.random.default_rng(seed)
    frames = []
    for index in range(36):
        numbers = random.choice([29, 47, 79], size=4)
        cell = 3.9 * np.eye(3) + random.normal(scale=0.05, size=(3, 3))
        places = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        energy = sum({29: -3.5, 47: -2.7, 79: -3.2}[z] + shift / 100 * z for z in numbers)
        frames.append(
            Frame(
                frame_id=f"{name}:{index}",
                material_id=f"{name}:{index}",
                functional=name,
                cell=cell,
                atomic_numbers=numbers,
                cart_coords=places @ cell + random.normal(scale=0.05, size=(4, 3)),
                energy=energy + 0.2 * random.normal(),
                forces=random.normal(scale=0.3, size=(4, 3)),
                stress=random.normal(size=6),
            )
        )
    return frames


def with_constants(frames):
    """The same frames with every electron of their atoms."""
    return [
        dataclasses.replace(f, energy=f.energy + sum(CONSTANTS[z] for z in f.atomic_numbers))
        for f in frames
    ]


def study(folder, levels, architecture):
    """Pretrain and fine-tune by every method, and measure; what of it are numbers comes back."""
    rows = [
        SplitRow(name, f.material_id, f.frame_id, part)
        for name, frames in levels.items()
        for f, part in zip(frames, ["train"] * 20 + ["validation"] * 6 + ["test"] * 10, strict=True)
    ]
    write_split(folder / "split.csv", rows)
    training = {
        name: {r.frame_id for r in rows if r.level == name and r.part == "train"} for name in levels
    }
    for name, reference in fit_levels(levels, training).items():
        write_graphs(levels[name], folder / f"{name}.safetensors", 4.0, 3.0)
        write_reference(folder / f"{name}.csv", reference)
    order = [r.frame_id for r in rows if r.level == "target" and r.part == "train"]
    write_order(folder / "order.csv", order)
    pretrain(
        Pretraining(initial="random", training=TRAINING.model_dump()),
        architecture,
        graphs=folder / "source.safetensors",
        split=folder / "split.csv",
        reference=folder / "source.csv",
        study_seed=0,
        checkpoint=folder / "checkpoint.pt",
        outputs=SimpleNamespace(
            model=folder / "pretrained.pt", history=folder / "h.csv", record=folder / "r.json"
        ),
    )
    inputs = SimpleNamespace(
        graphs=folder / "target.safetensors",
        split=folder / "split.csv",
        subset=folder / "order.csv",
        source_reference=folder / "source.csv",
        target_reference=folder / "target.csv",
        pretrained=folder / "pretrained.pt",
    )
    histories, models = {}, {}
    for name, method in METHODS.items():
        run = Run(name, 8, 0)
        outputs = SimpleNamespace(
            model=folder / f"{name}.pt",
            history=folder / f"{name}_history.csv",
            reference=folder / f"{name}_reference.csv",
            record=folder / f"{name}.json",
        )
        fine_tune(
            run,
            Method.model_validate(method),
            TRAINING,
            initial="random",
            architecture=architecture,
            inputs=inputs,
            study_seed=0,
            checkpoint=folder / f"{name}_checkpoint.pt",
            outputs=outputs,
        )
        models[run] = outputs.model
        histories[name] = pd.read_csv(outputs.history).drop(columns="seconds")
    files = EvaluationFiles(*(folder / f"errors_{x}" for x in EvaluationFiles._fields))
    evaluate_runs(models, graphs=inputs.graphs, split=inputs.split, outputs=files)
    evaluate_on_source(
        models,
        inputs.pretrained,
        graphs=folder / "source.safetensors",
        split=inputs.split,
        output=folder / "forgetting.csv",
    )
    write_interactions(
        model=inputs.pretrained,
        graphs=inputs.graphs,
        names=[row.frame_id for row in read_split(inputs.split) if row.level == "target"],
        checkpoint=folder / "interactions.pt",
        output=folder / "interactions.parquet",
    )
    compare_references(
        interactions=folder / "interactions.parquet",
        graphs=inputs.graphs,
        split=inputs.split,
        subsets={0: folder / "order.csv"},
        sizes=[8],
        source_reference=inputs.source_reference,
        output=folder / "rules.csv",
    )
    return SimpleNamespace(
        histories=histories,
        evaluation=pd.read_csv(files.errors),
        elements=pd.read_csv(files.elements),
        frames=read_frame_errors(files.frames).to_pandas(),
        frames_file=files.frames,
        forgetting=pd.read_csv(folder / "forgetting.csv"),
        rules=pd.read_csv(folder / "rules.csv"),
        folder=folder,
    )


@pytest.fixture(scope="module")
def studies(tmp_path_factory, toy_architecture):
    """The study without and with the constants."""
    plain = {"source": level("source", 0.0, 1), "target": level("target", -30.0, 2)}
    large = {name: with_constants(frames) for name, frames in plain.items()}
    return [
        study(tmp_path_factory.mktemp("study"), levels, toy_architecture)
        for levels in (plain, large)
    ]


def same(one, other, **tolerance):
    """Whether two tables have the same words, and numbers to rounding."""
    assert list(one.columns) == list(other.columns)
    numbers = one.select_dtypes("number").columns
    words = [name for name in one.columns if name not in numbers]
    assert one[words].astype(str).equals(other[words].astype(str))
    a, b = one[numbers].to_numpy(dtype=float), other[numbers].to_numpy(dtype=float)
    np.testing.assert_allclose(a, b, **tolerance)


def test_trainings_are_the_same(studies):
    one, other = studies
    for name, history in one.histories.items():
        same(history, other.histories[name], rtol=2e-3, atol=2e-3)


def test_errors_are_the_same(studies):
    """To 0.01 meV/atom: float32 steps at the size of gold are 6,000 times as large."""
    one, other = studies
    same(one.evaluation, other.evaluation, rtol=1e-4, atol=1e-2)
    same(one.elements, other.elements, rtol=1e-4, atol=1e-2)
    same(one.forgetting, other.forgetting, rtol=1e-4, atol=1e-2)
    energies = ["energy_true_ev_per_atom", "energy_predicted_ev_per_atom"]
    same(
        one.frames.drop(columns=energies), other.frames.drop(columns=energies), rtol=1e-3, atol=0.02
    )


def test_what_is_told_without_a_training_is_the_same(studies):
    one, other = studies
    unlike = one.rules["rule"].str.startswith("shrunken")  # follow the nuclear charge by design
    same(one.rules[~unlike], other.rules[~unlike], rtol=1e-4, atol=1e-2)


def test_energies_of_frames_are_kept_in_full(studies):
    one, other = studies
    assert one.frames["energy_true_ev_per_atom"].dtype == np.float32
    assert other.frames["energy_true_ev_per_atom"].dtype == np.float64
    test = with_constants(level("target", -30.0, 2))[26:]
    for name in ("scratch", "trainable_reference"):
        rows = other.frames[other.frames["method"].astype(str) == name]
        wanted = [frame.energy_per_atom for frame in test]
        assert rows["energy_true_ev_per_atom"].to_numpy() == pytest.approx(wanted, abs=1e-9)
        error = rows["energy_predicted_ev_per_atom"] - rows["energy_true_ev_per_atom"]
        assert 1000 * error.to_numpy() == pytest.approx(
            rows["energy_error_mev_per_atom"].to_numpy(), abs=1e-2
        )


def test_parity_is_the_same(studies):
    tables = []
    for made, constants in zip(studies, (0.0, 1.0), strict=True):
        test = level("target", -30.0, 2)[26:]
        reference = [
            constants * np.mean([CONSTANTS[z] for z in frame.atomic_numbers]) for frame in test
        ]
        facts = pd.DataFrame(
            {"frame_id": [f.frame_id for f in test], "reference_ev_per_atom": reference}
        )
        tables.append(parity_energies([made.frames_file], facts))
    same(*tables, rtol=0, atol=2e-5)


def test_references_are_written_in_full(studies):
    """A trained reference too: CHGNet's own part of it is what the training has added."""
    for name in METHODS:
        small, large = (
            read_reference(made.folder / f"{name}_reference.csv").energies for made in studies
        )
        for z, constant in CONSTANTS.items():
            assert large[z - 1] - constant == pytest.approx(small[z - 1], abs=1e-5), (name, z)
    other = studies[1]
    moved = read_reference(other.folder / "trainable_reference_reference.csv").energies
    source = read_reference(other.folder / "source.csv").energies
    assert np.abs(moved - source)[[28, 46, 78]].min() > 1e-3
