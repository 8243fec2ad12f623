"""The phases outside the test part: which they are, and what models predict for them."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from rungs.config import Run
from rungs.errors import StudyError
from rungs.evaluation import runs
from rungs.evaluation.competing_phases import (
    PHASE_ERROR_COLUMNS,
    competing_phases,
    read_phase_errors,
    write_phase_errors,
)
from rungs.evaluation.frames import read_frame_errors
from rungs.evaluation.runs import EvaluationFiles, evaluate_runs
from rungs.evaluation.stability import Phase, PhaseSet, fractions_of
from rungs.frames.frame import Frame
from rungs.graphs.store import write_graphs
from rungs.potentials.model_files import load_model
from rungs.potentials.predict import predict
from rungs.splits.files import read_split, write_split
from rungs.splits.split import SplitRow

PLACES = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) * 2.0
# Of each material, its part, atomic numbers and the energies of its frames in eV/atom.
MATERIALS = {
    "lithia": ("test", [3, 3, 8], [-4.5, -4.9]),
    "no oxide": ("test", [9, 19], [-2.0]),
    "lithium": ("train", [3], [-1.8, -1.9]),
    "oxygen": ("validation", [8, 8], [-4.9, None]),
    "peroxide": ("train", [3, 8], [None, -4.4, -4.4]),
    "lithia again": ("train", [8, 3, 3], [-4.8]),
    "without energy": ("train", [3, 8, 8], [None]),
    "fluorine": ("train", [9, 9], [-1.0]),
    "elsewhere": ("train", [11, 8], [-3.0]),
}


def frame(material, number, atoms, energy):
    return Frame(
        frame_id=f"{material}-{number}",
        material_id=material,
        functional="PBE",
        cell=np.eye(3) * 4.0,
        atomic_numbers=atoms,
        cart_coords=PLACES[: len(atoms)],
        energy=None if energy is None else energy * len(atoms),
    )


@pytest.fixture
def study(study_of, tmp_path):
    """A toy study whose target has ``MATERIALS``, and whose split puts them into all parts."""
    study = study_of(tmp_path)
    frames = [
        frame(material, number, atoms, energy)
        for material, (_, atoms, energies) in MATERIALS.items()
        for number, energy in enumerate(energies)
    ]
    study.frames["target"] = frames
    write_graphs(frames, study.graphs("target"), 4.0, 3.0)
    rows = [
        SplitRow("target", f.material_id, f.frame_id, MATERIALS[f.material_id][0]) for f in frames
    ]
    write_split(study.split, [*rows, SplitRow("source", "lithium", "unknown", "train")])
    return study


def test_a_phase_is_the_lowest_frame_of_what_competes(study):
    """Neither a polymorph of the test compound competes, nor what holds another element; fluorine
    is an element of a test compound, although that cannot be made up."""
    found = competing_phases(study.store(), read_split(study.split))
    assert [(p.frame_id, p.formula, p.part, p.energy) for p in found] == [
        ("fluorine-0", "F2", "train", -1.0),
        ("lithium-1", "Li", "train", -1.9),
        ("oxygen-0", "O2", "validation", -4.9),
        ("peroxide-1", "LiO", "train", -4.4),
    ]


def test_other_frames_of_a_test_material_are_no_phase(study):
    rows = [
        row._replace(part="test") if row.frame_id == "peroxide-2" else row
        for row in read_split(study.split)
    ]
    found = competing_phases(study.store(), rows)
    assert "peroxide" not in {phase.material_id for phase in found}


def test_without_test_compounds_no_phase_is_predicted(study):
    tested = {"lithia": "train", "no oxide": "validation", "oxygen": "test"}
    rows = [
        row._replace(part=tested.get(row.material_id, row.part)) for row in read_split(study.split)
    ]
    assert competing_phases(study.store(), rows) == []


@pytest.mark.parametrize("seed", range(5))
def test_no_energy_depends_on_phases_left_out(seed, study):
    """Random parts: energies among the phases chosen are those among all of them."""
    rng = np.random.default_rng(seed)
    names = [name for name in MATERIALS if name != "without energy"]
    parts = dict(zip(names, rng.choice(["train", "validation", "test"], len(names)), strict=True))
    rows = [
        row._replace(part=parts.get(row.material_id, row.part)) for row in read_split(study.split)
    ]
    every = []
    for name in names:
        _, atoms, energies = MATERIALS[name]
        lowest = min(energy for energy in energies if energy is not None)
        formula = frame(name, 0, atoms, lowest).formula
        every.append(Phase(name, name, formula, fractions_of(formula), parts[name], lowest))
    kept = {phase.material_id for phase in competing_phases(study.store(), rows)}
    some = [phase for phase in every if phase.part == "test" or phase.material_id in kept]
    for among in (PhaseSet.formation_energies, PhaseSet.decomposition_energies):
        values = [
            dict(zip(names_of(phases), among(PhaseSet(phases), energies_of(phases)), strict=True))
            for phases in (every, some)
        ]
        for name in (name for name in names if parts[name] == "test"):
            assert values[0][name] == pytest.approx(values[1][name], abs=1e-9, nan_ok=True)


def names_of(phases):
    return [phase.material_id for phase in phases]


def energies_of(phases):
    return np.array([phase.energy for phase in phases])


@pytest.fixture
def outputs(tmp_path):
    names = ("e.csv", "f.parquet", "el.csv", "c.parquet", "p.parquet")
    return EvaluationFiles(*(tmp_path / name for name in names))


def test_every_run_predicts_the_phases(study, outputs):
    models = {Run("m", 10, seed): study.model(f"m{seed}", seed, -3.0) for seed in (0, 1)}
    evaluate_runs(models, graphs=study.graphs("target"), split=study.split, outputs=outputs)
    assert tuple(pq.read_table(outputs.phases).column_names) == PHASE_ERROR_COLUMNS
    phases, errors = found = read_phase_errors(outputs.phases)
    expected = competing_phases(study.store(), read_split(study.split))
    assert list(map(str, phases)) == list(map(str, expected))
    assert set(read_frame_errors(outputs.frames)["frame_id"].to_pylist()) == {
        *("lithia-0", "lithia-1", "no oxide-0")
    }
    store = study.store()
    places = store.index(phase.frame_id for phase in phases)
    for run, model in models.items():
        predicted = [p.energy_per_atom for p in predict(load_model(model), store, places)]
        truth = [phase.energy for phase in phases]
        assert errors[run.seed] == pytest.approx(1000 * np.subtract(predicted, truth), abs=2e-3)
        assert found.of_seed(run.seed) is errors[run.seed]
    with pytest.raises(StudyError, match="no phases were predicted with seed 7"):
        found.of_seed(7)


def test_other_sizes_predict_no_phase(study, outputs):
    models = {Run("m", 10, 0): study.model("m", 0, -3.0)}
    evaluate_runs(
        models,
        graphs=study.graphs("target"),
        split=study.split,
        outputs=outputs,
        with_phases=False,
    )
    assert read_phase_errors(outputs.phases) == ([], {})
    outputs.phases.unlink()
    alone = outputs._replace(phases=None)
    evaluate_runs(models, graphs=study.graphs("target"), split=study.split, outputs=alone)
    assert not outputs.phases.exists()


def test_a_phase_without_a_finite_energy_is_an_error(study, outputs, monkeypatch):
    models = {Run("m", 10, 0): study.model("m", 0, -3.0)}
    monkeypatch.setattr(runs, "energy_errors", lambda *_: np.array([0.0, np.nan, 0.0, 0.0]))
    with pytest.raises(StudyError, match="training or validation material is not finite"):
        evaluate_runs(models, graphs=study.graphs("target"), split=study.split, outputs=outputs)


def test_a_file_of_phases_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "p.parquet"
    with pytest.raises(StudyError, match="cannot be read as a table of phases"):
        read_phase_errors(path)
    phases = [Phase("m", "f", "NaCl", fractions_of("NaCl"), "train", -3.0)]
    errors = [(Run("m", 10, seed), np.array([1.5 + seed])) for seed in (0, 1)]
    write_phase_errors(path, phases, errors)
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 2).set_column(3, "frame_id", [["f", "g"]]), path)
    with pytest.raises(StudyError, match="the phases of seed 1 are others"):
        read_phase_errors(path)
    pq.write_table(table.drop_columns(["part"]), path)
    with pytest.raises(StudyError, match="lacks the columns part"):
        read_phase_errors(path)
