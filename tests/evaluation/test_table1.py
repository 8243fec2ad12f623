"""Table 1: errors of formation and decomposition energies, against numbers by hand and pymatgen."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from rungs.config import Run
from rungs.errors import StudyError
from rungs.evaluation.competing_phases import write_phase_errors
from rungs.evaluation.frames import read_frame_errors, write_frame_errors
from rungs.evaluation.stability import Phase, fractions_of
from rungs.evaluation.table1 import PHASE_COLUMNS, TABLE1_COLUMNS, make_table1

FORMULAS = {"Na": -1.0, "Cl2": -2.0, "Na3Cl": -1.5, "NaCl": -3.0, "NaCl3": -2.2, "KF": -2.5}


@pytest.fixture
def table(test_frames_of):
    return test_frames_of(FORMULAS)


def evaluation_of(files):
    rows = []
    for (method, size), path in files.items():
        frames = read_frame_errors(path).to_pandas()
        for seed, own in frames.groupby("seed"):
            mae = own["energy_error_mev_per_atom"].abs().mean()
            rows.append((method, size, seed, "energy", "meV/atom", mae, mae, len(own)))
    columns = ("method", "size", "seed", "property", "unit", "mae", "rmse", "n")
    return pd.DataFrame(rows, columns=columns)


def test_table1_of_a_model_with_known_errors(table, made_up, tmp_path):
    """Predictions 10 meV/atom too high for every compound and right for the elements: formation
    energies are off by 10, decomposition energies by what the products' shares make of it."""
    errors = [0.0 if f in ("Na", "Cl2") else 10.0 for f in table["formula"]]
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    path = tmp_path / "100.parquet"
    write_frame_errors(path, [(Run("m", 100, 0), made_up(table, errors))], ids, materials)
    files = {("m", 100): path}
    found = make_table1(evaluation_of(files), files, table)
    (row,) = found.methods
    assert set(row) == set(TABLE1_COLUMNS)
    assert row["n_seeds"] == 1
    assert row["energy_mae_mev_per_atom"] == pytest.approx(8 / 12 * 10)
    assert row["energy_mae_mev_per_atom_sd"] is None
    assert row["magmom_mae_mu_b"] is None
    assert row["n_formation_energies"] == row["n_decomposition_energies"] == 3
    assert row["formation_energy_mae_mev_per_atom"] == pytest.approx(10.0)
    # Na3Cl and NaCl3 fall into half an element and half NaCl: 10 − 5; NaCl into both: 10 − 10
    assert row["decomposition_energy_mae_mev_per_atom"] == pytest.approx((5 + 5 + 0) / 3, abs=1e-5)
    assert row["note"] == (
        "formation energy of 3 of 4 test compounds, 1 left out, as an element of theirs is no test "
        "material; decomposition energy of 3 of 4 test compounds, 1 left out, as other test "
        "materials do not make up their composition; 5 competing phases, all in the test part"
    )
    phases = pd.DataFrame(found.phases).set_index("material_id")
    assert set(phases.columns) | {"material_id"} == set(PHASE_COLUMNS)
    assert phases.loc["NaCl", "decomposes_into"] == "Na3Cl + NaCl3"
    assert phases.loc["NaCl", "decomposition_energy_ev_per_atom"] == pytest.approx(-1.15)
    assert phases.loc["KF", "formation_energy_left_out"] == "no elemental test material of F, K"
    assert phases.loc["Na", "decomposition_energy_left_out"] == "an element"


def test_table1_takes_the_mean_and_spread_of_seeds(table, made_up, tmp_path):
    errors = np.random.default_rng(0).normal(0, 4, (2, len(table)))
    runs = [(Run("m", 100, seed), made_up(table, errors[seed])) for seed in (0, 1)]
    largest = {("m", 100): tmp_path / "100.parquet"}
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    write_frame_errors(largest["m", 100], runs, ids, materials)
    evaluation = evaluation_of(largest)
    (row,) = make_table1(evaluation, largest, table).methods
    own = evaluation[evaluation["size"] == 100]["mae"]
    assert row["energy_mae_mev_per_atom"] == pytest.approx(own.mean())
    assert row["energy_mae_mev_per_atom_sd"] == pytest.approx(own.std())
    assert row["formation_energy_mae_mev_per_atom_sd"] > 0


def test_table1_of_one_element_says_what_is_not_defined(test_frames_of, made_up, tmp_path):
    table = test_frames_of({"Ge2": -4.4, "Ge8": -4.5})
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    path = tmp_path / "10.parquet"
    write_frame_errors(path, [(Run("m", 10, 0), made_up(table, [1.0] * 4))], ids, materials)
    files = {("m", 10): path}
    found = make_table1(evaluation_of(files), files, table)
    assert found.note == (
        "formation and decomposition energies are not defined for this study: every test material "
        "consists of one element"
    )
    assert found.methods[0]["formation_energy_mae_mev_per_atom"] is None
    assert found.methods[0]["energy_mae_mev_per_atom"] == pytest.approx(1.0)


def test_table1_without_a_labelled_energy_says_so(test_frames_of, made_up, tmp_path):
    table = test_frames_of({"NaCl": np.nan, "Na": np.nan})
    found = table1_of(table, made_up, tmp_path, {})
    assert found.note == (
        "formation and decomposition energies are not defined for this study: no test frame has "
        "a labelled energy"
    )
    assert found.phases == []


def test_table1_counts_test_materials_without_an_energy(test_frames_of, made_up, tmp_path):
    table = test_frames_of(FORMULAS | {"MgO": np.nan})
    found = table1_of(table, made_up, tmp_path, {})
    assert found.note.endswith("; test materials left out for want of a labelled energy: 1")


# Ternary system with polymorphs; the part of each material, its labelled and predicted energy.
OUTSIDE = {
    "Li": ("train", -1.9, -1.85),
    "Fe2": ("validation", -8.1, -8.3),
    "Fe4": ("train", -8.0, -8.4),
    "O2": ("train", -4.9, -4.8),
    "Li2O": ("train", -4.9, -5.0),
    "FeO": ("validation", -7.2, -7.1),
    "Fe3O4": ("train", -7.6, -7.7),
}
TESTED = {
    "LiFeO2": (-6.7, -6.6),
    "Li2Fe2O4/other": (-6.6, -6.9),
    "Fe2O3": (-7.3, -7.2),
    "KF": (-5.0, -5.1),
}


def table1_of(table, made_up, folder, outside, errors=None):
    """Table 1 of one run; of errors in meV/atom on test frames and on ``outside`` phases."""
    point = ("m", 100)
    files, phase_files = {point: folder / "f.parquet"}, {point: folder / "p.parquet"}
    errors = np.zeros(len(table)) if errors is None else errors
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    run = Run(*point, 0)
    write_frame_errors(files[point], [(run, made_up(table, errors))], ids, materials)
    phases = [
        Phase(f"{formula}-m", f"{formula}-0", formula, fractions_of(formula), part, true)
        for formula, (part, true, _) in outside.items()
    ]
    shifts = np.array([1000 * (guess - true) for _, true, guess in outside.values()])
    write_phase_errors(phase_files[point], phases, [(run, shifts)])
    return make_table1(evaluation_of(files), files, table, phase_files=phase_files)


def by_pymatgen(column):
    """Formation and decomposition energies of LiFeO2, its polymorph and Fe2O3 in eV/atom."""
    names = [*OUTSIDE, *(name for name in TESTED if name != "KF")]
    energies = [values[1 + column] for values in OUTSIDE.values()]
    energies += [TESTED[name][column] for name in names[len(OUTSIDE) :]]
    entries = []
    for name, energy in zip(names, energies, strict=True):
        composition = Composition(name.split("/")[0])
        entries.append(PDEntry(composition, energy * composition.num_atoms))
    diagram = PhaseDiagram(entries)
    return np.array(
        [
            (
                diagram.get_form_energy_per_atom(entry),
                diagram.get_decomp_and_phase_separation_energy(entry)[1],
            )
            for entry in entries[len(OUTSIDE) :]
        ]
    )


def test_table1_with_phases_outside_the_test_part_is_pymatgens(test_frames_of, made_up, tmp_path):
    table = test_frames_of({name: true for name, (true, _) in TESTED.items()}, per_material=1)
    errors = [1000 * (guess - true) for true, guess in TESTED.values()]
    found = table1_of(table, made_up, tmp_path, OUTSIDE, errors)
    true, predicted = by_pymatgen(0), by_pymatgen(1)
    mae = 1000 * np.abs(predicted - true).mean(axis=0)
    (row,) = found.methods
    assert row["n_formation_energies"] == row["n_decomposition_energies"] == 3
    assert row["formation_energy_mae_mev_per_atom"] == pytest.approx(mae[0], rel=1e-5)
    assert row["decomposition_energy_mae_mev_per_atom"] == pytest.approx(mae[1], rel=1e-5)
    assert row["note"] == (
        "formation energy of 3 of 4 test compounds, 1 left out, as an element of theirs is no "
        "target material; decomposition energy of 3 of 4 test compounds, 1 left out, as other "
        "target materials do not make up their composition; 8 competing phases: 1 in the test "
        "part, 2 in the validation part, 5 in the training part, which subsets are drawn from, so "
        "that models may have seen their labels"
    )
    phases = pd.DataFrame(found.phases).set_index("formula")
    for formula, (part, _, _) in OUTSIDE.items():
        assert phases.loc[formula, "part"] == part
        assert phases.loc[formula, "formation_energy_left_out"] == "not a test material"
    assert phases.loc["Li", "n_test_compounds"] == 2
    assert phases.loc["FeO", "n_test_compounds"] == 3
    iron_oxide = phases.loc["Fe2O3"]
    assert iron_oxide["part"] == "test"
    assert iron_oxide["formation_energy_ev_per_atom"] == pytest.approx(true[2, 0])
    assert iron_oxide["decomposition_energy_ev_per_atom"] == pytest.approx(true[2, 1])
    assert iron_oxide["decomposes_into"] == "Fe3O4-m + O2-m"
    assert phases.loc["KF", "formation_energy_left_out"] == "no elemental target material of F, K"
    assert phases.loc["KF", "decomposition_energy_left_out"] == (
        "other target materials do not make up its composition"
    )


def test_methods_have_the_same_phases(table, made_up, tmp_path):
    points = [("a", 10), ("b", 10)]
    ids, materials = table["frame_id"].tolist(), table["material_id"].tolist()
    files, phase_files = {}, {}
    for point, formula in zip(points, ("Na3Cl", "K"), strict=True):
        files[point] = tmp_path / f"{point[0]}.parquet"
        phase_files[point] = tmp_path / f"{point[0]}_phases.parquet"
        run = Run(*point, 0)
        write_frame_errors(files[point], [(run, made_up(table, [0.0] * 12))], ids, materials)
        phase = Phase(formula, f"{formula}-x", formula, fractions_of(formula), "train", -1.0)
        write_phase_errors(phase_files[point], [phase], [(run, np.zeros(1))])
    with pytest.raises(StudyError, match=r"b_phases\.parquet: its phases are not those of"):
        make_table1(evaluation_of(files), files, table, phase_files=phase_files)
    write_phase_errors(phase_files["b", 10], [], [(Run("b", 10, 0), np.zeros(0))])
    with pytest.raises(StudyError, match="its phases are not those of"):
        make_table1(evaluation_of(files), files, table, phase_files=phase_files)
