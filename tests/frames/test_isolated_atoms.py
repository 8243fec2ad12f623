"""Isolated atoms: recognised, set aside by name, kept in a table."""

import csv

import numpy as np
import pytest

from rungs.config.data import Level, Screening
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.frames.isolated_atoms import (
    isolated_atom,
    known_atoms,
    lines,
    read_atom_table,
    read_isolated_energies,
    recognised,
    write_isolated_atoms,
)
from rungs.frames.screening import ScreenedFrames


def atom(z=29, edge=20.0, energy=-0.24, frame_id="atom", **fields):
    fields = {"cell": edge * np.eye(3), "cart_coords": [[1, 2, 3]], "atomic_numbers": [z]} | fields
    return Frame(frame_id, frame_id, "PBE", energy=energy, **fields)


def level(**options):
    data = {"kind": "crystals", "labels": "0.3.0"}
    return Level.model_validate({"label": "a", "functional": "a", "data": data} | options)


def crystal(number):
    return atom(edge=2.6, energy=-3.5 - number / 100, frame_id=f"crystal:{number}")


@pytest.mark.parametrize(
    "group",
    ["IsolatedAtom", "isolated_atom", "Isolated atoms", "isolated-atom", "single atom", "E0"],
)
def test_a_marked_atom_is_one_whatever_its_box(group):
    assert recognised(atom(edge=5.0, group=group)) == f"marked as '{group}'"


@pytest.mark.parametrize("edge", [8.5, 10.0, 20.0, 60.0])
def test_an_atom_alone_in_a_large_cell_is_one(edge):
    assert recognised(atom(edge=edge)) == "one atom with no image within 8 Å"


@pytest.mark.parametrize(
    "frame",
    [
        crystal(0),
        atom(
            z=55,
            edge=6.14,
            cell=6.14 * np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
        ),
        atom(cell=np.diag([20.0, 20, 2.6])),  # a chain
        atom(atomic_numbers=[29, 29], cart_coords=[[0, 0, 0], [0, 0, 9]], group="IsolatedAtom"),
        atom(edge=2.6, group="isolated atomic chain"),
    ],
)
def test_crystals_chains_and_pairs_are_none(frame):
    assert recognised(frame) is None


def test_isolated_atoms_are_set_aside_by_name_and_counted(tmp_path):
    items = [crystal(0), atom(frame_id="Cu"), crystal(1), atom(z=28, energy=-0.53, frame_id="Ni")]
    screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
    assert [frame.frame_id for frame in screened] == ["crystal:0", "crystal:1"]
    assert screened.counts == {"isolated atom": 2}
    assert screened.rejects[0].reason == (
        "one atom with no image within 8 Å; its energy is kept beside the frames, for `reference: "
        "isolated_atoms`; `screening: {isolated_atoms: keep}` trains and tests on it too"
    )
    assert [(a.element, a.energy_ev, a.frame_id) for a in screened.isolated_atoms] == [
        ("Cu", -0.24, "Cu"),
        ("Ni", -0.53, "Ni"),
    ]
    assert lines(screened.isolated_atoms, kept=False) == ["2 isolated atoms (Ni, Cu) set aside"]


def test_kept_ones_stay_among_the_frames_and_are_known_all_the_same(tmp_path):
    items = [crystal(0), atom()]
    limits = Screening(isolated_atoms="keep")
    screened = ScreenedFrames(items, limits, tmp_path / "rejects.csv")
    assert len(list(screened)) == 2
    assert screened.counts == {}
    assert [a.element for a in screened.isolated_atoms] == ["Cu"]
    assert lines(screened.isolated_atoms, kept=True) == [
        "1 isolated atom (Cu) kept among the frames"
    ]


def test_one_without_an_energy_is_set_aside_too(tmp_path):
    items = [crystal(0), atom(energy=None, forces=np.zeros((1, 3)))]
    screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
    assert len(list(screened)) == 1
    assert screened.counts == {"isolated atom": 1}
    assert screened.isolated_atoms == []


def test_the_energies_of_isolated_atoms_do_not_move_the_fit(tmp_path):
    """A level of one crystal frame and an atom far from it in energy."""
    items = [crystal(0), atom(energy=-900.0)]
    assert len(list(ScreenedFrames(items, Screening(), tmp_path / "rejects.csv"))) == 1


def test_the_table_holds_them_by_element(tmp_path):
    atoms = [
        isolated_atom(atom(z=28, energy=-0.5, frame_id="a"), "in words"),
        isolated_atom(atom(energy=-0.24, frame_id="b"), "in words"),
        isolated_atom(atom(energy=-0.26, frame_id="c"), "in words"),
        *known_atoms(level(isolated_atom_energies={"energies": {"Ni": -0.1, "H": -1.1}}), None),
    ]
    path = tmp_path / "source_isolated_atoms.csv"
    write_isolated_atoms(path, atoms)
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["element"] for row in rows] == ["H", "Ni", "Ni", "Cu", "Cu"]
    assert rows[0] == {
        "element": "H",
        "energy_ev": "-1.1",
        "frame_id": "",
        "known_from": "the configuration",
    }
    energies = read_isolated_energies(path)
    # what the configuration gives counts, and of several frames the lowest
    assert {z + 1: energies[z] for z in np.flatnonzero(np.isfinite(energies))} == {
        1: -1.1,
        28: -0.1,
        29: -0.26,
    }
    assert lines(atoms, kept=False) == [
        "3 isolated atoms (Ni, Cu) set aside",
        "the isolated atoms of Cu have energies from -0.26 to -0.24 eV: the lowest counts",
    ]


def test_without_any_the_table_has_its_header_only(tmp_path):
    write_isolated_atoms(tmp_path / "x.csv", [])
    assert (tmp_path / "x.csv").read_text() == "element,energy_ev,frame_id,known_from\n"
    assert np.isnan(read_isolated_energies(tmp_path / "x.csv")).all()
    assert lines([], kept=False) == []


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "element,energy_ev,frame_id\nXx,1,\n", None])
def test_what_is_no_such_table_is_said(tmp_path, text):
    path = tmp_path / "x.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StudyError, match="is no table of isolated atoms"):
        read_isolated_energies(path)


def test_a_level_knows_the_atoms_of_its_table(tmp_path):
    (tmp_path / "mine.csv").write_text("element,PBE\nNi,-0.5\n")
    options = {"file": "mine.csv", "energy_column": "PBE"}
    one = level(isolated_atom_energies=options)
    assert one.atom_files("here") == ["here/mine.csv"]
    (atom,) = known_atoms(one, tmp_path / "mine.csv")
    assert atom == ("Ni", -0.5, "", "mine.csv, PBE")
    assert known_atoms(level(), None) == level().atom_files("here") == []
    with pytest.raises(StudyError, match=r"declared as target\.isolated_atom_energies\.energy_col"):
        known_atoms(
            level(isolated_atom_energies={"file": "mine.csv"}), tmp_path / "mine.csv", "target"
        )


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\ufeffElement,PBE,r2SCAN\nH,-1.1176,-1.1225\nHe,,-0.3\nPu,-10.8,-82.98\n")
    found = read_atom_table(path, "Element", "PBE", "source.isolated_atom_energies")
    assert found == {"H": -1.1176, "Pu": -10.8}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("element,energy\nH,-1\n", "has no column 'Element', declared as here.element_column"),
        ("Element,energy\nH,-1\n", "has no column 'PBE', declared as here.energy_column; its"),
        ("Element,PBE\nH,-1\nh,-2\n", "row 3: 'h' is no element from H to Pu"),
        ("Element,PBE\nH,-1\nH,-2\n", "row 3: 'H' stands there twice"),
        ("Element,PBE\nH,low\n", "row 2: the energy of H, 'low', is no number"),
        (None, r"cannot be read \(No such file or directory\); mend here.file"),
    ],
)
def test_a_fault_in_ones_own_table_is_said_with_its_row(tmp_path, text, words):
    path = tmp_path / "mine.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StudyError, match=words):
        read_atom_table(path, "Element", "PBE", "here")


def test_the_published_table_of_isolated_atoms_is_read(shared_data):
    path = shared_data / "isolated_atomic_energies" / "atomic_energies.csv"
    if not path.is_file():
        pytest.skip(f"needs the table {path}, absent here")
    energies = read_atom_table(path, "Element", "r2SCAN", "target.isolated_atom_energies")
    assert len(energies) == 89
    assert energies["O"] == -3.22012274
