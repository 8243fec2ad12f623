import csv
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from rungs.errors import StudyError
from rungs.evaluation.levels import compare_levels, write_levels
from rungs.frames.frame import Frame

SOURCE = np.linspace(-1.0, -10.0, 94)
TARGET = SOURCE - np.linspace(5.0, 30.0, 94)


def frame(frame_id, numbers, energy, rng, forces=None, shift=0.0):
    n = len(numbers)
    coords = np.random.default_rng(len(numbers)).uniform(0, 4, size=(n, 3)) + shift
    return Frame(
        frame_id=frame_id,
        material_id=frame_id.split("-", maxsplit=1)[0],
        functional="PBE",
        cell=4 * np.eye(3),
        atomic_numbers=numbers,
        cart_coords=coords,
        energy=energy,
        forces=rng.normal(size=(n, 3)) if forces is None else forces,
    )


@pytest.fixture
def levels():
    """Frames whose energies differ between the levels by their references and little noise."""
    rng = np.random.default_rng(0)
    source, target = [], []
    for i in range(40):
        numbers = rng.integers(1, 95, size=rng.integers(2, 6))
        bonding = rng.normal(-1, 0.5) * len(numbers)
        forces = rng.normal(size=(len(numbers), 3))
        source.append(frame(f"m{i}-0", numbers, SOURCE[numbers - 1].sum() + bonding, rng, forces))
        energy = TARGET[numbers - 1].sum() + bonding + 0.01 * rng.normal()
        target.append(frame(f"m{i}-0", numbers, energy, rng, 1.1 * forces))
    return source, target[::-1]


def rows(tables):
    return {row["comparison"]: row for row in tables.correlations}


def test_shared_frames_are_paired_by_id_in_any_order(levels):
    source, target = levels
    tables = compare_levels(source, target, SOURCE, TARGET)
    energies = tables.energies
    assert energies["frame_id"] == [f.frame_id for f in source]
    by_id = {f.frame_id: f for f in target}
    for i, f in enumerate(source):
        other = by_id[f.frame_id]
        numbers = f.atomic_numbers - 1
        assert energies["n_atoms"][i] == f.n_atoms
        assert energies["source_energy"][i] == pytest.approx(f.energy_per_atom)
        assert energies["target_energy"][i] == pytest.approx(other.energy_per_atom)
        for column, energy, reference in (
            ("source_minus_source_ref", f.energy_per_atom, SOURCE),
            ("target_minus_source_ref", other.energy_per_atom, SOURCE),
            ("target_minus_target_ref", other.energy_per_atom, TARGET),
        ):
            assert energies[column][i] == pytest.approx(energy - reference[numbers].mean())
    assert "40 source and 40 target frames, 40 shared" in tables.summary


def test_correlations_come_back_once_each_level_has_its_own_reference(levels):
    found = rows(compare_levels(*levels, SOURCE, TARGET))
    assert list(found) == ["raw", "source_reference", "own_reference", "forces"]
    assert found["own_reference"]["pearson_r"] > 0.99
    assert found["source_reference"]["pearson_r"] < 0.9
    assert abs(found["own_reference"]["mean_shift"]) < 0.01
    assert found["own_reference"]["mae"] < 0.02
    energies = compare_levels(*levels, SOURCE, TARGET).energies
    shift = energies["target_energy"] - energies["source_energy"]
    assert found["raw"]["mean_shift"] == pytest.approx(shift.mean())
    assert found["raw"]["mae"] == pytest.approx(np.abs(shift).mean())
    assert found["raw"]["n"] == 40
    assert found["forces"]["pearson_r"] == pytest.approx(1.0)
    assert found["forces"]["unit"] == "eV/Å"


def test_forces_are_those_of_the_same_atoms(levels):
    source, target = levels
    forces = compare_levels(source, target, SOURCE, TARGET).forces
    assert len(forces["source"]) == 3 * sum(f.n_atoms for f in source)
    assert np.allclose(forces["target"], 1.1 * forces["source"])
    assert len(forces["frame_id"]) == len(forces["source"])


def test_forces_are_drawn_by_frame_and_by_seed(levels):
    draws = [
        compare_levels(*levels, SOURCE, TARGET, n_force_components=30, seed=seed).forces
        for seed in (0, 0, 1)
    ]
    assert 30 <= len(draws[0]["source"]) < 30 + 15
    assert draws[0]["frame_id"] == draws[1]["frame_id"]
    assert set(draws[0]["frame_id"]) != set(draws[2]["frame_id"])


def test_frames_of_one_level_only_have_nan_for_the_other(levels):
    source, target = levels
    tables = compare_levels(source[:30], target[:30], SOURCE, TARGET)  # m0-m29, m39-m10
    energies = tables.energies
    assert len(energies["frame_id"]) == 40
    both = np.isfinite(energies["source_energy"]) & np.isfinite(energies["target_energy"])
    assert both.sum() == 20
    assert rows(tables)["raw"]["n"] == 20
    only_target = np.isnan(energies["source_energy"])
    assert only_target.sum() == 10
    assert np.isnan(energies["source_minus_source_ref"][only_target]).all()
    assert np.isfinite(energies["target_minus_target_ref"][only_target]).all()
    assert (energies["n_atoms"] > 0).all()


def test_levels_without_shared_frames(levels, tmp_path):
    source, target = levels
    tables = compare_levels(source[:10], target[:10], SOURCE, TARGET)
    assert "0 shared" in tables.summary
    assert len(tables.forces["source"]) == 0
    assert all(row["n"] == 0 and row["pearson_r"] is None for row in tables.correlations)
    names = ("energies.parquet", "forces.parquet", "others.parquet", "correlations.csv")
    write_levels(tables, *(tmp_path / name for name in names))
    assert pq.read_table(tmp_path / names[0]).num_rows == 20
    assert pq.read_table(tmp_path / names[1]).num_rows == 0
    assert pq.read_table(tmp_path / names[1]).column_names == ["frame_id", "source", "target"]
    assert pq.read_table(tmp_path / names[2]).num_rows == 0
    with open(tmp_path / names[3], newline="") as handle:
        assert [row["pearson_r"] for row in csv.DictReader(handle)] == [""] * 4


def test_same_id_with_other_atoms_is_not_shared_and_counted(levels):
    source, target = levels
    rng = np.random.default_rng(1)
    impostor = frame(source[0].frame_id, [1, 1, 1, 1, 1, 1, 1], -7.0, rng)
    target = [f for f in target if f.frame_id != impostor.frame_id] + [impostor]
    tables = compare_levels(source, target, SOURCE, TARGET)
    assert rows(tables)["raw"]["n"] == 39
    assert tables.energies["frame_id"].count(impostor.frame_id) == 2
    assert "1 have the same id but other atoms" in tables.summary


def test_forces_of_moved_atoms_are_not_compared(levels):
    source, target = levels
    rng = np.random.default_rng(1)
    first = target[0]
    target[0] = frame(
        first.frame_id, first.atomic_numbers, first.energy, rng, first.forces, shift=0.01
    )
    tables = compare_levels(source, target, SOURCE, TARGET)
    assert first.frame_id not in tables.forces["frame_id"]
    assert rows(tables)["raw"]["n"] == 40
    assert "1 drawn frames have the same id but other positions" in tables.summary


def test_streams_are_opened_twice_and_give_the_same(levels, tmp_path):
    source, target = levels
    lists = compare_levels(source, target, SOURCE, TARGET)
    streams = compare_levels(lambda: iter(source), lambda: iter(target), SOURCE, TARGET)
    assert lists.correlations == streams.correlations
    with pytest.raises(ValueError, match="read twice"):
        compare_levels(iter(source), target, SOURCE, TARGET)
    names = ("energies.parquet", "forces.parquet", "others.parquet", "correlations.csv")
    write_levels(streams, *(tmp_path / name for name in names))
    back = pq.read_table(tmp_path / names[0])
    assert back["frame_id"].to_pylist() == lists.energies["frame_id"]
    assert np.array_equal(back["source_energy"].to_numpy(), lists.energies["source_energy"])


def test_equal_energies_have_no_correlation():
    rng = np.random.default_rng(0)
    frames = [frame(f"a-{i}", [3, 9], -8.0, rng) for i in range(3)]
    found = rows(compare_levels(frames, frames, SOURCE, SOURCE))
    assert found["raw"]["pearson_r"] is None
    assert found["raw"]["mae"] == 0


def test_bad_input_is_refused(levels):
    source, target = levels
    with pytest.raises(ValueError, match=r"shape \(94,\)"):
        compare_levels(source, target, SOURCE[:10], TARGET)
    heavy = frame("am-0", [95, 8], -8.0, np.random.default_rng(0))
    with pytest.raises(StudyError, match="am-0: element 95"):
        compare_levels([heavy], target, SOURCE, TARGET)


def test_stresses_and_moments_where_both_levels_have_them():
    rng = np.random.default_rng(0)
    source, target = [], []
    for i in range(8):
        pair = [frame(f"m-{i}", [3, 9], -8.0, rng) for _ in range(2)]
        stress = rng.normal(size=6)
        with_stress = [{"stress": stress}, {"stress": None if i == 0 else 2 * stress}]
        moments = rng.normal(size=2)
        # the other sign of all moments is the same magnetic order
        with_moments = [{"magmoms": moments}, {"magmoms": None if i < 3 else -moments}]
        for k, level in enumerate((source, target)):
            level.append(replace(pair[k], **with_stress[k], **with_moments[k]))
    tables = compare_levels(source, target, SOURCE, TARGET)
    found = rows(tables)
    assert (found["stress"]["n"], found["stress"]["unit"]) == (42, "GPa")
    assert (found["magmom"]["n"], found["magmom"]["unit"]) == (10, "μB")
    assert found["stress"]["pearson_r"] == pytest.approx(1)
    assert found["stress"]["mae"] > 0.5
    assert found["magmom"]["mae"] == pytest.approx(0, abs=1e-12)
    names, values = tables.others["property"], tables.others["source"]
    assert (values[names == "magmom"] >= 0).all()
    assert "m-0" not in tables.others["frame_id"]
    assert tables.others["frame_id"].count("m-1") == 6
    bare = compare_levels(
        [replace(f, stress=None, magmoms=None) for f in source], target, SOURCE, TARGET
    )
    assert {"stress", "magmom"}.isdisjoint(rows(bare))
