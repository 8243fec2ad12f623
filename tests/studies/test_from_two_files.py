"""From two files to a learning curve: ``rungs init``, ``rungs check``, a study, without an edit."""

import csv

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from rungs.cli.main import main


def write_crystals(path, element, seed):
    random, frames = np.random.default_rng(seed), []
    for m in range(8):
        base = bulk(element, cubic=True)
        base.set_cell(base.cell.array * (1 + 0.02 * random.standard_normal()), scale_atoms=True)
        for _ in range(2):
            atoms = base.copy()
            atoms.rattle(0.05, rng=random)
            atoms.calc = EMT()
            atoms.get_forces()
            atoms.get_stress()
            atoms.info["mat"] = f"m{m}"
            frames.append(atoms)
    write(path, frames, format="extxyz")
    return str(path)


@pytest.mark.slow
def test_two_files_become_a_learning_curve(tmp_path, monkeypatch, snakemake):
    monkeypatch.chdir(tmp_path)
    source = write_crystals(tmp_path / "cheap_PBE.xyz", "Cu", 0)
    target = write_crystals(tmp_path / "dear.xyz", "Au", 1)
    assert main(["init", source, target, "--name", "proposed"]) == 0
    assert main(["check", "proposed.yaml"]) == 0
    snakemake(tmp_path, "--cores", "2", "--configfile", str(tmp_path / "proposed.yaml"))
    with open(tmp_path / "results/proposed/learning_curve.csv", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["method"] for row in rows} == {"scratch", "target_reference"}
    assert all(float(row["force_mae"]) > 0 for row in rows if "force_mae" in row)
