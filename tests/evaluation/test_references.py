"""The table of rules for the reference energies: its rows, and that the errors are the model's."""

import csv

import numpy as np
import pytest
import torch

from rungs.evaluation.references import REFERENCE_ERROR_COLUMNS, compare_references
from rungs.frames.frame import Frame
from rungs.frames.isolated_atoms import IsolatedAtom, write_isolated_atoms
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.model_files import save_model
from rungs.potentials.models import new_model
from rungs.potentials.prediction_errors import evaluate
from rungs.potentials.references import set_reference
from rungs.references.fit import ReferenceEnergies, fit_reference, write_reference
from rungs.splits.files import write_order, write_split
from rungs.splits.split import SplitRow
from rungs.training.interactions import write_interactions


@pytest.fixture(scope="module")
def study(tmp_path_factory, toy_architecture):
    """Rock-salt cells of four cations; the last two frames, of another one, are the test."""
    folder = tmp_path_factory.mktemp("references")
    rng = np.random.default_rng(0)
    source = rng.normal(-5, 2, size=94)
    frames, rows = [], []
    for i in range(14):
        cation = [12, 20, 25, 30][i % 4] if i < 12 else 38
        cell = 2.2 * (np.ones((3, 3)) - np.eye(3))
        coords = np.array([[0.0, 0, 0], cell.sum(axis=0) / 2 + rng.normal(0, 0.05, 3)])
        energy = source[cation - 1] + source[7] - cation**1.5 / 9 + rng.normal(0, 0.1)
        frames.append(
            Frame(
                frame_id=f"f{i}",
                material_id=f"m{i % 4 if i < 12 else 9}",
                functional="test",
                cell=cell,
                atomic_numbers=np.array([cation, 8]),
                cart_coords=coords,
                energy=energy,
                forces=np.zeros((2, 3)),
                stress=None,
                magmoms=None,
            )
        )
        part = "train" if i < 12 else "test"
        rows.append(SplitRow("target", frames[-1].material_id, f"f{i}", part))
    write_graphs(frames, folder / "graphs.safetensors", 4.0, 3.0)
    write_split(folder / "split.csv", rows)
    for seed in (0, 1):
        order = rng.permutation(12)
        write_order(folder / f"seed_{seed}.csv", [f"f{i}" for i in order])
    write_reference(folder / "source.csv", ReferenceEnergies(source, np.zeros(94, dtype=int)))
    model = new_model(toy_architecture, 0)
    set_reference(model, rng.normal(size=94))  # the table must not depend on these
    save_model(model, folder / "model.pt")
    write_interactions(
        model=folder / "model.pt",
        graphs=folder / "graphs.safetensors",
        names=[row.frame_id for row in rows],
        checkpoint=folder / "interactions.pt",
        output=folder / "interactions.parquet",
    )
    said, table = compare(folder)
    return folder, model, source, table, said


def compare(folder, **options):
    said = compare_references(
        interactions=folder / "interactions.parquet",
        graphs=folder / "graphs.safetensors",
        split=folder / "split.csv",
        subsets={0: folder / "seed_0.csv", 1: folder / "seed_1.csv"},
        sizes=[0, 3, 12],
        source_reference=folder / "source.csv",
        output=folder / "errors.csv",
        **options,
    )
    with open(folder / "errors.csv", newline="", encoding="utf-8") as handle:
        return said, list(csv.DictReader(handle))


ELEMENTS = {"Mg": 12, "Ca": 20, "Mn": 25, "Zn": 30, "Sr": 38, "O": 8}


@pytest.fixture
def atoms(tmp_path):
    """A function that writes energies of isolated atoms of both levels, those of the source lower
    by what the made-up levels differ by, and gives the tables."""

    def make(source=ELEMENTS, target=ELEMENTS):
        tables = {"source": tmp_path / "source.csv", "target": tmp_path / "target.csv"}
        shift = {symbol: -(z**1.5) / 9 if z > 8 else 0.0 for symbol, z in ELEMENTS.items()}
        energies = {
            "source": dict.fromkeys(source, -0.1),
            "target": {symbol: shift[symbol] - 0.1 for symbol in target},
        }
        for level, path in tables.items():
            known = [IsolatedAtom(s, e, "", "a test") for s, e in energies[level].items()]
            write_isolated_atoms(path, known)
        return tables

    return make


def test_isolated_atoms_have_their_rows_where_there_are_such_of_every_element(study, atoms):
    folder, _, _, before, _ = study
    _, table = compare(folder, atoms=atoms())
    of_target, of_both = table[1:3]
    assert [row["rule"] for row in (of_target, of_both)] == ["isolated_atoms"] * 2
    assert of_target["fitted_on"] == "isolated atoms of the target"
    assert of_both["fitted_on"] == "isolated atoms of both levels"
    # the made-up energies are sums over atoms, that change as the isolated atoms do
    assert float(of_both["reference_mae_mev_per_atom"]) < 100
    assert float(of_target["reference_mae_mev_per_atom"]) > 1000
    assert table[:1] + table[3:] == before


def test_without_an_atom_of_every_element_there_is_no_row(study, atoms):
    folder, _, _, before, _ = study
    some = {symbol: z for symbol, z in ELEMENTS.items() if symbol != "Sr"}
    # no frame of the source is known to have any element, so that one atom of it will do
    assert len(compare(folder, atoms=atoms(source=some))[1]) == len(before) + 2
    assert len(compare(folder, atoms=atoms(source={}))[1]) == len(before) + 1
    assert compare(folder, atoms=atoms(target=some))[1] == before


def test_a_row_for_every_rule_size_and_seed(study):
    _, _, _, table, said = study
    assert tuple(table[0]) == REFERENCE_ERROR_COLUMNS
    rules = ["target", "shrunken", "residual", "shrunken_residual"]
    assert [row["rule"] for row in table] == ["source", *rules * 5]
    keys = [(row["fitted_on"], row["size"], row["seed"]) for row in table[::4]]
    assert keys[1:] == [(kind, size, seed) for kind, size, seed in keys[1:] if int(size) > 0]
    assert {row["size"] for row in table if row["fitted_on"] == "subset"} == {"3", "12"}
    assert {row["size"] for row in table if row["fitted_on"] == "training"} == {"12"}
    assert all(row["test_elements_absent"] == "1" for row in table)
    assert "on 3 frames" in said
    assert "on 12 frames" in said


def test_errors_are_those_of_the_model_with_these_references(study):
    """The whole way round: references into the model, the model onto the test frames."""
    folder, model, source, table, _ = study
    store = GraphStore.open(folder / "graphs.safetensors")
    training, test = np.arange(12), np.array([12, 13])
    energies = store.energies_per_atom
    least_squares = fit_reference(store.compositions(training), energies[training], source)
    row = next(r for r in table if (r["rule"], r["fitted_on"]) == ("target", "training"))
    set_reference(model, least_squares.energies)
    error = evaluate(BatchedCHGNet(model), store, test, torch.device("cpu"))["energy"]
    assert float(row["pretrained_mae_mev_per_atom"]) == pytest.approx(error.mae, rel=1e-4)
    alone = np.abs(energies[test] - least_squares.predict(store.compositions(test))).mean()
    assert float(row["reference_mae_mev_per_atom"]) == pytest.approx(1000 * alone)
    set_reference(model, source)
    error = evaluate(BatchedCHGNet(model), store, test, torch.device("cpu"))["energy"]
    assert float(table[0]["pretrained_mae_mev_per_atom"]) == pytest.approx(error.mae, rel=1e-4)


def test_all_training_frames_as_subset_are_the_training_part(study):
    _, _, _, table, _ = study
    whole = {
        (row["rule"], row["fitted_on"]): float(row["pretrained_mae_mev_per_atom"])
        for row in table
        if row["size"] == "12"
    }
    for rule in ("target", "shrunken", "residual", "shrunken_residual"):
        assert whole[rule, "subset"] == pytest.approx(whole[rule, "training"], rel=1e-6)


def test_an_element_that_the_frames_lack_is_served_better_by_a_shrunken_shift(study):
    _, _, _, table, _ = study
    errors = {
        row["rule"]: float(row["reference_mae_mev_per_atom"])
        for row in table
        if row["fitted_on"] == "training"
    }
    assert errors["shrunken"] < 0.5 * errors["target"]
