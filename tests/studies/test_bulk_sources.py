"""Whole studies on real calculations in bulk formats, and what is said when files are missing."""

import csv
import gzip
import json
import re
import shutil

import numpy as np
import pytest
import yaml
from ase.io import read
from pymatgen.core import Lattice, Structure

from rungs.frames.table import read_frames, read_provenance

REFERENCES = "MatPES-{}-Element-Refs.json.gz"


def rows(path):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def mptrj_json(shared_data, tmp_path_factory):
    """Real MPtrj frames in the published form of the JSON."""
    source = shared_data / "mptrj_random_1k/mptrj-random-1k.xyz"
    if not source.is_file():
        pytest.skip(f"needs the MPtrj frames in {source}, absent here")
    nested: dict[str, dict] = {}
    for atoms in read(source, "::12"):
        if len(atoms) > 20:
            continue
        structure = Structure(
            Lattice(atoms.cell.array), atoms.numbers, atoms.positions, coords_are_cartesian=True
        )
        energy = atoms.get_potential_energy()
        material = nested.setdefault(atoms.info["mptrj_traj_id"], {})
        material[atoms.info["mptrj_snapshot_id"]] = {
            "structure": structure.as_dict(),
            "uncorrected_total_energy": energy,
            "corrected_total_energy": energy,
            "energy_per_atom": energy / len(atoms),
            "force": atoms.get_forces().tolist(),
            "stress": (-1602.1766208 * atoms.get_stress(voigt=False)).tolist(),
            "magmom": None,
        }
    path = tmp_path_factory.mktemp("mptrj") / "mptrj.json"
    path.write_text(json.dumps(nested))
    return path


@pytest.fixture(scope="module")
def pairs(shared_data):
    """The elements' documents of PBE and r2SCAN whose ids are in both."""
    folder = shared_data / "matcalc_elemental_refs"
    if not folder.is_dir():
        pytest.skip(f"needs the elements' calculations in {folder}, absent here")
    found = {}
    for functional in ("PBE", "r2SCAN"):
        with gzip.open(folder / REFERENCES.format(functional)) as handle:
            found[functional] = json.load(handle)
    ids = [{d["matpes_id"] for d in documents.values()} for documents in found.values()]
    both = ids[0] & ids[1]
    return {
        functional: {name: d for name, d in documents.items() if d["matpes_id"] in both}
        for functional, documents in found.items()
    }


@pytest.fixture
def study(tmp_path, repository, tiny_config):
    """A function that writes config/mptrj_to_elements.yaml with a network of toy size."""

    def configure():
        values = yaml.safe_load((repository / "config/mptrj_to_elements.yaml").read_text())
        with open(tiny_config) as handle:
            tiny = yaml.safe_load(handle)
        values |= {key: tiny[key] for key in ("architecture", "pretraining", "fine_tuning")}
        values["source"]["data"] = {
            "kind": "mp_json",
            "train": ["MPtrj_2022.9_full.json"],
            "energy": "uncorrected",
        }
        values["subsets"] = {"sizes": [0, 8, 30], "seeds": [0]}
        del values["tuning"]
        wanted = "scratch", "target_reference", "frozen_reference"
        values["methods"] = {name: values["methods"][name] for name in wanted}
        values["methods"]["frozen_reference"]["sizes"] = [0, 30]
        values["data_folder"] = str(tmp_path / "data")
        path = tmp_path / "elements.yaml"
        path.write_text(yaml.safe_dump(values))
        return str(path)

    return configure


@pytest.fixture
def real_files(tmp_path, mptrj_json, pairs):
    """Both files of the study, in their published forms."""
    (tmp_path / "data").mkdir()
    shutil.copy(mptrj_json, tmp_path / "data/MPtrj_2022.9_full.json")
    with gzip.open(tmp_path / "data" / REFERENCES.format("r2SCAN"), "wt") as handle:
        json.dump(pairs["r2SCAN"], handle)


@pytest.mark.usefixtures("real_files")
def test_real_mptrj_frames_and_the_63_elemental_pairs_are_divided(
    snakemake, study, tmp_path, pairs
):
    configuration = study()
    split = "results/mptrj_to_elements/splits/split.csv"
    snakemake(tmp_path, split, "--cores", "2", "--configfile", configuration)
    frames = tmp_path / "results/mptrj_to_elements/frames"
    target = read_frames(frames / "target.parquet")
    assert len(target) == 63
    pbe = {d["matpes_id"]: d for d in pairs["PBE"].values()}
    for frame in target:  # the geometries are those of the PBE partners
        sites = pbe[frame.frame_id]["structure"]["sites"]
        np.testing.assert_allclose(frame.cart_coords, [s["xyz"] for s in sites], atol=1e-6)
        assert frame.magmoms is not None
    assert len(read_frames(frames / "source.parquet")) > 40
    said = read_provenance(frames / "source.parquet")
    assert said["kind"] == "mp_json"
    assert [line.split(":")[0] for line in said["label_check"][:2]] == ["forces", "stress"]
    parts = {row["part"] for row in rows(tmp_path / split) if row["level"] == "target"}
    assert parts == {"train", "validation", "test"}


@pytest.mark.slow
@pytest.mark.usefixtures("real_files")
def test_a_study_from_real_mptrj_frames_to_the_63_elemental_pairs(snakemake, study, tmp_path):
    snakemake(tmp_path, "--cores", "2", "--configfile", study())
    results = tmp_path / "results/mptrj_to_elements"
    curve = rows(results / "learning_curve.csv")
    assert {(row["method"], row["size"]) for row in curve} == {
        ("scratch", "8"),
        ("scratch", "30"),
        ("target_reference", "0"),
        ("target_reference", "8"),
        ("target_reference", "30"),
        ("frozen_reference", "0"),
        ("frozen_reference", "30"),
    }
    for row in curve:
        errors = [float(row[key]) for key in row if key not in ("method", "size", "seed")]
        assert all(np.isfinite(errors))
        assert min(errors) > 0
    assert (results / "figures/learning_curves.png").stat().st_size > 10_000


def test_the_paper_on_absent_data_names_files_and_where_they_are(snakemake, tmp_path, repository):
    configuration = str(repository / "config/gga_to_r2scan.yaml")
    done = snakemake(tmp_path, "-n", "--configfile", configuration, check=False)
    assert done.returncode
    text = done.stdout
    assert "source.data: data/materials_project/MPtrj_2022.9_full.json" in text
    assert "MPtrj, 1.58 million GGA/GGA+U frames, 11.4 GB, MIT licence" in text
    assert "https://doi.org/10.6084/m9.figshare.23713842" in text
    assert "target.data: data/materials_project/MP-r2SCAN.json" in text
    assert "https://doi.org/10.6084/m9.figshare.28245650" in text
    assert "--config data_folder=DIR" in text


def test_the_paper_on_present_data_is_planned_without_the_sources_graphs(
    snakemake, tmp_path, repository
):
    """Graphs of 1.58 million frames that no training sees would fill a disk for nothing."""
    for name in ("MPtrj_2022.9_full.json", "MP-r2SCAN.json"):
        (tmp_path / name).touch()
    done = snakemake(
        *(tmp_path, "-n", "--configfile", str(repository / "config/gga_to_r2scan.yaml")),
        *("--config", f"data_folder={tmp_path}"),
    )
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert jobs["fine_tune"] == "21"
    assert jobs["make_frames"] == "2"
    assert jobs["build_graphs"] == "1"


def test_a_wrong_declaration_stops_the_study_with_the_reason(
    snakemake, tmp_path, shared_data, tiny_config
):
    """Frames whose stress is in eV/Å³ are declared to be in GPa."""
    if not (shared_data / "mlearn_extxyz").is_dir():
        pytest.skip("needs the silicon frames, absent here")
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["data_folder"] = str(shared_data / "mlearn_extxyz")
    values["source"]["data"] = {
        "kind": "extended_xyz",
        "train": ["Si_training.extxyz"],
        **{"energy_key": "energy", "energy_unit": "eV"},
        **{"forces_key": "forces", "forces_unit": "eV/Å"},
        **{"stress_key": "stress", "stress_unit": "GPa", "stress_sign": "tension_positive"},
    }
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(values))
    frames = "results/tiny/frames/source.parquet"
    done = snakemake(tmp_path, frames, "--cores", "1", "--configfile", str(path), check=False)
    assert done.returncode
    assert "source.data: energies and stress do not belong together" in done.stdout
    assert "a stress in eV/Å³ that is read as GPa" in done.stdout
    assert not (tmp_path / frames).exists()

    values["screening"] = {"check_labels": False}
    path.write_text(yaml.safe_dump(values))
    snakemake(tmp_path, frames, "--cores", "1", "--configfile", str(path))
    assert "label_check" not in read_provenance(tmp_path / frames)
