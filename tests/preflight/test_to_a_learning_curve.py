"""Two files of every kind become a learning curve without an edit: ``rungs init``, ``rungs check``,
a study."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zipfile

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


def fortran_in_gzip(write, path, frames):
    """A byte order mark, exponents as Fortran writes them, keys in small letters, labelled
    species, energies per atom, and no line break at the end."""
    plain = write.xyz(path.with_suffix(".plain"), frames, per_atom=True).read_text()
    text = plain.replace("Lattice=", "lattice=").replace("Properties=", "properties=")
    text = re.sub(r"(?m)^(Cu|Au) (-?\d+\.\d+)", lambda m: f"{m[1]}1 {float(m[2]):.9E}", text)
    text = re.sub(r"(\d)E([+-]\d\d)\b", r"\1D\2", text)
    assert "D+0" in text
    assert "Cu1 " in text
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.rstrip("\n").encode()))
    return path


def latin_1_in_bzip2(write, path, frames):
    """Letters beyond ASCII, species as numbers, and nine components of stress."""
    plain = write.xyz(path.with_suffix(".plain"), frames, more=lambda _: 'note="geprüft"')
    text = re.sub(r"(?m)^Au ", "79 ", plain.read_text(encoding="utf-8"))

    def nine(found):
        xx, yy, zz, yz, xz, xy = found[1].split()
        return f'stress="{xx} {xy} {xz} {xy} {yy} {yz} {xz} {yz} {zz}"'

    text = re.sub(r'stress="([^"]*)"', nine, text)
    path.write_bytes(bz2.compress(text.encode("latin-1")))
    return path


def lines_in_zstandard(write, path, frames):
    """Documents, one a line, with ids of their own, and the functional in small letters."""
    import pyarrow as pa

    documents = json.loads(write.matpes_json(path.with_suffix(".plain"), frames).read_text())
    for number, document in enumerate(documents):
        del document["provenance"]
        document |= {"matpes_id": f"own-{number:04d}", "functional": "pbe"}
    text = "\n".join(json.dumps(document) for document in documents)
    path.write_bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))
    return path


def list_in_zip(write, path, frames):
    """Nested documents with ``forces`` for ``force``, energies per atom alone, in a zip archive."""
    nested = json.loads(write.mp_json(path.with_suffix(".plain"), frames).read_text())
    for documents in nested.values():
        for document in documents.values():
            document["forces"] = document.pop("force")
            n_atoms = len(document["forces"])
            document["energy_per_atom"] = document.pop("uncorrected_total_energy") / n_atoms
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.json", json.dumps(nested))
    path.write_bytes(buffer.getvalue())
    return path


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
        pytest.param(("a.xyz.gz", fortran_in_gzip), ("b.bz2", latin_1_in_bzip2), id="odd texts"),
        pytest.param(
            ("a.jsonl.zst", lines_in_zstandard), ("b.zip", list_in_zip), id="odd documents"
        ),
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
