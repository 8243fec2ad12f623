"""The same ids in files of every kind are the same materials: a leak hung on that."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.config.data import GivenParts, Level
from rungs.sources import read_source
from rungs.splits.given_parts import read_listed

ATOMS = Atoms("NaCl", [[0, 0, 0], [2, 2, 2]], cell=[4, 5, 6], pbc=True)
FORCES = [[0.0, 0.0, 0.1], [0.0, 0.0, -0.1]]
STRUCTURE = {
    "lattice": {"matrix": [[4.0, 0, 0], [0, 5.0, 0], [0, 0, 6.0]]},
    "sites": [
        {"species": [{"element": symbol, "occu": 1}], "abc": [x, x, x]}
        for symbol, x in (("Na", 0.0), ("Cl", 0.4))
    ],
}
DECLARED = {
    "x.xyz": {
        "kind": "extended_xyz",
        **{"energy_key": "E", "energy_unit": "eV", "forces_key": None, "stress_key": None},
        "material_key": "mat",
    },
    "x.json": {"kind": "matpes_json", "material_key": "mat"},
    "x.parquet": {
        "kind": "parquet",
        **{"frame_column": None, "stress_column": None, "material_column": "mat"},
        **{"energy_unit": "eV", "forces_column": None},
    },
    "x.db": {"kind": "ase_db", "material_key": "mat", "forces_key": None},
}


def materials(folder, name: str) -> list[str]:
    data = DECLARED[name] | {"train": [name]}
    level = Level.model_validate({"label": "a", "functional": "a", "data": data})
    return [frame.material_id for frame in read_source(level, folder, 0)]


def write_xyz(folder, ids) -> None:
    images = []
    for name in ids:
        images.append(ATOMS.copy())
        images[-1].info = {"mat": name, "E": -1.0}
    write(folder / "x.xyz", images, format="extxyz")


def write_json(folder, ids) -> None:
    made = [{"structure": STRUCTURE, "energy": -1.0, "forces": FORCES, "mat": name} for name in ids]
    (folder / "x.json").write_text(json.dumps(made))


def write_parquet(folder, ids) -> None:
    columns = {
        "cell": [ATOMS.cell.tolist()] * len(ids),
        "atomic_numbers": [ATOMS.numbers.tolist()] * len(ids),
        "cart_coords": [ATOMS.positions.tolist()] * len(ids),
        "energy": [-1.0] * len(ids),
        "mat": ids,
    }
    pq.write_table(pa.table(columns), folder / "x.parquet")


def write_db(folder, ids) -> None:
    (folder / "x.db").unlink(missing_ok=True)
    made = ATOMS.copy()
    made.calc = SinglePointCalculator(made, energy=-1.0)
    with connect(folder / "x.db") as database:
        for name in ids:
            database.write(made, mat=name)


WRITERS = {"x.xyz": write_xyz, "x.json": write_json, "x.parquet": write_parquet, "x.db": write_db}

ODD = ["0012", "12", "1e5", "5e1234", "6e9876", "T", "True", "None", "NaN", "mp-149", "null", "-0"]
TEXTS = st.text(
    st.characters(exclude_categories=["Z", "C"], exclude_characters="\"'{}[]\\="), min_size=1
)


@given(ids=st.lists(st.sampled_from(ODD) | TEXTS, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_texts_are_the_same_ids_in_every_kind(tmp_path_factory, ids):
    folder = tmp_path_factory.mktemp("texts")
    for name in ("x.xyz", "x.json", "x.parquet"):
        WRITERS[name](folder, ids)
        assert materials(folder, name) == ids
    # ASE keeps no text that looks like a number, a truth value or an element
    named = [f"id {number}: {name}" for number, name in enumerate(ids)]
    write_db(folder, named)
    assert materials(folder, "x.db") == named


@given(ids=st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_whole_numbers_are_the_ids_that_they_are_written_as(tmp_path_factory, ids):
    folder, wanted = tmp_path_factory.mktemp("numbers"), [str(number) for number in ids]
    for name, writer in WRITERS.items():
        writer(folder, ids)
        assert materials(folder, name) == wanted
    write_parquet(folder, [float(number) for number in ids])
    assert materials(folder, "x.parquet") == wanted


@given(ids=st.lists(st.sampled_from(ODD) | TEXTS, min_size=1, max_size=5, unique=True))
@settings(max_examples=40, deadline=None)
def test_lists_of_parts_hold_the_same_ids(tmp_path_factory, ids):
    folder = tmp_path_factory.mktemp("parts")
    rows = "".join(f"{name},test\n" if "," not in name else f'"{name}",test\n' for name in ids)
    (folder / "parts.csv").write_text(f"material_id,part\n{rows}", encoding="utf-8")
    assert list(read_listed(GivenParts(file="parts.csv"), folder)) == ids
