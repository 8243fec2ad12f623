"""Two files of every kind become a learning curve without an edit: ``rungs init``, ``rungs check``,
a study."""

import csv
import lzma

import pytest

from rungs.config import read_study

ELEMENTS = {"scratch", "target_reference"}
"""Methods that are proposed where the target has other elements than the source."""


def packed(write, path, frames):
    plain = write.xyz(path.with_suffix(".plain"), frames)
    path.write_bytes(lzma.compress(plain.read_bytes()))
    return path


def molecules(write, path, frames):
    return write.xyz(path, frames, keys=("energy", "forces", None), periodic=False)


def energies_alone(write, path, frames):
    return write.xyz(path, frames, keys=("energy", None, None))


def other_units(write, path, frames):
    return write.xyz(
        path, frames, keys=("E_pa", "REF_F", "virial"), per_atom=True, times_volume=True
    )


def of_kind(name):
    return lambda write, path, frames: getattr(write, name)(path, frames)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(("a.db", of_kind("ase_db")), ("b.parquet", of_kind("parquet")), id="tables"),
        pytest.param(("a.traj", of_kind("trajectory")), ("runs", of_kind("vasp_runs")), id="runs"),
        pytest.param(
            ("a.json", of_kind("mp_json")), ("b.json", of_kind("matpes_json")), id="documents"
        ),
        pytest.param(("a.xyz.xz", packed), ("b.xyz", other_units), id="packed, other units"),
        pytest.param(("a.xyz", molecules), ("b.xyz", molecules), id="molecules"),
        pytest.param(("a.db", of_kind("ase_pairs")), ("b.xyz", energies_alone), id="energies"),
    ],
)
def test_two_files_become_a_learning_curve(
    init, check, write, tmp_path, copper, gold, snakemake, source, target
):
    paths = [
        make(write, tmp_path / name, frames)
        for (name, make), frames in ((source, copper), (target, gold))
    ]
    found = init(*paths)
    assert found.status == 0, found.err
    checked = check(found.path)
    assert checked.status == 0, checked.out
    folder = found.path.parent
    snakemake(folder, "--cores", "2", "--configfile", str(found.path))
    with open(folder / "results/proposed/learning_curve.csv", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    study = read_study(found.path)
    assert {row["method"] for row in rows} == ELEMENTS
    assert {int(row["size"]) for row in rows} == set(study.subsets.sizes)
    assert all(float(row["energy_mae_mev_per_atom"]) > 0 for row in rows)
    has_forces = study.target.data.kind != "extended_xyz" or study.target.data.forces_key
    assert all(bool(row["force_mae_mev_per_angstrom"]) == bool(has_forces) for row in rows)
