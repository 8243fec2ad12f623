"""Extended XYZ as other programs and people write it: read as it was meant, or named."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources import read_source
from rungs.sources.notes import Notes

LATTICE = 'Lattice="5 0 0 1 6 0 0 0 7"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"
ATOMS = ("Mg 0.5 0.25 0.0 0.1 -0.2 0.3", "O 2.5 3.0 3.5 -0.1 0.2 -0.3")
PLAIN = f"2\n{LATTICE} {COLUMNS} energy=-12.5 mat=m0\n{ATOMS[0]}\n{ATOMS[1]}\n"


def read(level, folder, text: str | bytes, notes: Notes | None = None) -> list[Frame | Rejected]:
    data = text.encode() if isinstance(text, str) else text
    (folder / "train.xyz").write_bytes(data)
    return list(read_source(level, folder, 0, "source", notes))


def same(one: Frame, other: Frame) -> bool:
    names = ("cell", "atomic_numbers", "cart_coords", "forces", "energy", "material_id")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.fixture
def by_material(declare):
    return declare(material_key="mat")


def changed(*pairs: str) -> str:
    """The plain frame with some words in place of others, by turns."""
    text = PLAIN
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return text


BASIS = '"5 0 0 1 6 0 0 0 7"'
NUMBERS = ("Mg ", "12 ", "O ", "8 ")
WRITTEN = {
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "CRLF": changed("\n", "\r\n"),
    "CR": changed("\n", "\r"),
    "trailing blanks": changed("\n", "  \t\n"),
    "blank lines around": f"\n\n{PLAIN}\n \n",
    "no last line break": PLAIN.rstrip("\n"),
    "gzip": gzip.compress(PLAIN.encode()),
    "Fortran": changed("-0.2", "-2.0D-01", "=-12.5", "=-1.25d+1"),
    "small letters": changed("Lattice", "lattice", "Properties", "properties"),
    "capitals": changed("Lattice", "LATTICE", "energy=", 'Pbc="T T T" energy='),
    "periodic in numbers": changed("mat=", 'pbc="1 1 1" mat='),
    "periodic in words": changed("mat=", 'pbc="True, True, true" mat='),
    "periodic in one word": changed("mat=", "pbc=T mat="),
    "labels": changed("Mg ", "Mg1 ", "O ", "O_s "),
    "numbers for names": changed(*NUMBERS),
    "capital names": changed("Mg ", "MG "),
    "other names of columns": changed("species", "symbols", "pos", "positions"),
    "a column Z": changed("species:S:1:", "Z:I:1:", *NUMBERS),
    "blanks around the sign": changed("energy=", "energy = "),
    "brackets": changed(BASIS, "{5 0 0, 1 6 0, 0 0 7}"),
    "nested brackets": changed(BASIS, "[[5, 0, 0], [1, 6, 0], [0, 0, 7]]"),
    "Latin-1 beside": changed("mat=", "where=Universität mat=").encode("latin-1"),
    "texts in quotes": changed("mat=", "note='a \"b\" = {c}' mat="),
    "constraints": changed("forces:R:3", "forces:R:3:move_mask:L:1", "0.3\n", "0.3 F\n"),
    "three constraints": changed("forces:R:3", "forces:R:3:move_mask:L:3", "0.3\n", "0.3 T F T\n"),
    "columns of nonsense": changed("forces:R:3", "forces:R:3:tag:I:1", "0.3\n", "0.3 x?\n"),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_frame_is_the_same_however_it_is_written(by_material, tmp_path, how):
    (wanted,) = read(by_material, tmp_path, PLAIN)
    (found,) = read(by_material, tmp_path, WRITTEN[how])
    assert isinstance(found, Frame), found
    assert same(found, wanted)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("Latin-1 beside", "is no UTF-8, so what is not was read as Latin-1"),
        ("no last line break", "the last line has no line break; its frame has all its atoms"),
        ("numbers for names", "which were taken for atomic numbers: 8 O, 12 Mg"),
    ],
)
def test_what_is_taken_on_trust_is_told(by_material, tmp_path, how, words):
    notes = Notes()
    read(by_material, tmp_path, WRITTEN[how], notes)
    (line,) = notes.lines()
    assert words in line
    assert line.startswith("train.xyz: ")
    quiet = Notes()
    read(by_material, tmp_path, PLAIN, quiet)
    assert list(quiet.lines()) == []


ID = st.text(
    st.characters(exclude_categories=["Z", "C"], exclude_characters="='\"{}[]\\"), min_size=1
)


@given(ids=st.lists(ID, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_ids_are_what_is_written(tmp_path_factory, ids):
    from rungs.config.data import Level

    folder = tmp_path_factory.mktemp("ids")
    data = {
        "kind": "extended_xyz",
        "train": ["train.xyz"],
        **dict.fromkeys(("stress_key", "forces_key")),
        **{"energy_key": "energy", "energy_unit": "eV", "material_key": "mat", "group_key": "g"},
    }
    level = Level.model_validate({"label": "a", "functional": "a", "data": data})
    text = "".join(PLAIN.replace("mat=m0", f'mat={name} g="{name}"') for name in ids)
    found = read(level, folder, text)
    assert [(frame.material_id, frame.group) for frame in found] == [(x, x) for x in ids]


def test_ids_that_look_like_values_stay_apart(by_material, tmp_path):
    """Of which two became infinity, and others True, 12 and 100000.0."""
    ids = ["0012", "12", "12.0", "1e5", "100000", "5e1234", "6e9876", "T", "True", "None", "NaN"]
    text = "".join(PLAIN.replace("m0", name) for name in ids)
    assert [frame.material_id for frame in read(by_material, tmp_path, text)] == ids


def test_deuterium_by_an_option(by_material, declare, tmp_path):
    text = changed("Mg ", "D ")
    (refused,) = read(by_material, tmp_path, text)
    assert "atom 0: 'D' is deuterium; `hydrogen_isotopes: true`" in refused.reason
    (frame,) = read(declare(hydrogen_isotopes=True), tmp_path, text)
    assert frame.atomic_numbers.tolist() == [1, 8]


@pytest.mark.parametrize(
    "text", [changed("O ", "X "), changed("species:S", "Z:I", "Mg ", "12 ", "O ", "0 ")]
)
def test_ghost_atoms_are_refused_by_name(by_material, tmp_path, text):
    refused, kept = read(by_material, tmp_path, text + PLAIN)
    assert isinstance(kept, Frame)
    assert refused.kind == "ghost atom"
    assert "atom 1" in refused.reason


OTHERS = {
    "web page": (b"<!DOCTYPE html><html>403", "is a web page, where extended XYZ is expected"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "PDF": (b"%PDF-1.7\n", "is a PDF document"),
    "JSON": (b'{"a": 1}\n', "is JSON, where extended XYZ is expected; JSON is read by `kind:"),
    "zip of two": (b"PK\x05\x06" + bytes(18), "zip archive of 0 files"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_are_called_what_they_are(declare, tmp_path, what):
    data, words = OTHERS[what]
    with pytest.raises(StudyError, match=r"train\.xyz: is ") as error:
        read(declare(), tmp_path, data)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ("1 2 3 4 5 6", "xx yy zz yz xz xy"),
        ("1 2 3 6 4 5", "xx yy zz xy yz zx"),
        ("1 6 5 6 2 4 5 4 3", "xx yy zz yz xz xy"),
        ("1 6 5 6 2 4 5 4 3", "xx yy zz xy yz zx"),
        ("_JSON [[1, 6, 5], [6, 2, 4], [5, 4, 3]]", "xx yy zz xy yz zx"),
    ],
)
@pytest.mark.parametrize("key", ["stress", "virial"])
def test_six_numbers_have_an_order_and_nine_need_none(with_stress, tmp_path, numbers, order, key):
    options = {"stress_unit": "GPa"}
    if key == "virial":
        options = {"stress_key": None, "virial_key": "virial", "virial_sign": "tension_positive"}
    level = with_stress(stress_order=order, **options)
    (frame,) = read(level, tmp_path, changed("mat=", f'{key}="{numbers}" mat='))
    unit = 1 if key == "stress" else 160.21766208 / 210
    np.testing.assert_allclose(frame.stress / unit, [1, 2, 3, 4, 5, 6], rtol=1e-6)


def test_a_virial_is_the_work_of_a_strain_with_the_other_sign(with_stress, tmp_path):
    """virial = -dE/dε, of which ASE's stress is the negative over the volume."""
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.io import write

    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    atoms.set_cell(atoms.cell @ np.array([[1.03, 0.02, 0], [0.02, 1, 0.01], [0, 0.01, 0.98]]), True)
    atoms.calc = EMT()
    virial, step = np.empty((3, 3)), 1e-5
    for i in range(3):
        for j in range(3):
            energies = []
            for sign in (1, -1):
                strained = atoms.copy()
                strain = np.eye(3)
                strain[i, j] += sign * step / 2
                strain[j, i] += sign * step / 2
                strained.set_cell(strained.cell @ strain, True)
                strained.calc = EMT()
                energies.append(strained.get_potential_energy())
            virial[i, j] = -(energies[0] - energies[1]) / (2 * step)
    plain = atoms.copy()
    plain.info = {"virial": virial, "energy_total": atoms.get_potential_energy()}
    write(tmp_path / "train.xyz", plain, format="extxyz")
    level = with_stress(
        stress_key=None, virial_key="virial", forces_key=None, energy_key="energy_total"
    )
    (frame,) = read_source(level, tmp_path, 0)
    np.testing.assert_allclose(frame.stress / 160.2176634, atoms.get_stress(), atol=1e-7)


def test_what_is_declared_of_a_stress_must_fit(with_stress):
    with pytest.raises(ValueError, match="stress_key or virial_key, not both"):
        with_stress(virial_key="virial")
    with pytest.raises(ValueError, match="so stress_unit and stress_sign are needed"):
        with_stress(stress_unit=None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (BASIS, '"5 5 5"', "'Lattice' has 3 numbers, expected 9"),
        ("energy=-12.5", 'pbc="T T" energy=-12.5', "'pbc' is 'T T', expected three of T and F"),
        ("energy=-12.5", 'pbc="T T x" energy=-12.5', "'pbc' is 'T T x'"),
        ("species:S:1:", "name:S:1:", "Properties declares no species"),
        ("pos:R:3", "place:R:3", "Properties declares no positions"),
        ("pos:R:3", "pos:R:x", "is no list of name:type:number of columns"),
        ("0.1 -0.2", "******** -0.2", "could not convert string to float: '********'"),
        ("energy=-12.5", "energy=*****", "'energy' is no number: *****"),
    ],
)
def test_what_is_wrong_with_a_frame_is_named(declare, tmp_path, old, new, words):
    kept, refused = read(declare(), tmp_path, PLAIN + changed(old, new))
    assert isinstance(kept, Frame)
    assert words in refused.reason
    assert "line 5" in refused.reason


def test_a_marked_isolated_atom_needs_no_material(by_material, tmp_path):
    mark = changed("2\n", "1\n", "mat=m0", "config_type=IsolatedAtom", f"{ATOMS[1]}\n", "")
    atom, unmarked, frame = read(by_material, tmp_path, mark + mark.replace("Iso", "no") + PLAIN)
    assert (atom.material_id, atom.group) == ("train:0", "IsolatedAtom")
    assert unmarked.kind == "missing key"
    assert frame.group is None
