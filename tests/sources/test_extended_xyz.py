"""Extended-XYZ files: declared keys, units and signs, and files that are broken."""

import numpy as np
import pytest

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.frames.screening import ScreenedFrames
from rungs.sources import provenance, read_source
from rungs.sources.extended_xyz import read_extended_xyz

LATTICE = 'Lattice="5 0 0 1 6 0 0 0 7"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"
ATOMS = ("Mg 0.0 0.0 0.0 0.1 -0.2 0.3", "O 2.5 3.0 3.5 -0.1 0.2 -0.3")


def block(*extra: str, comment: str | None = None, atoms=ATOMS, energy="energy=-12.5") -> str:
    if comment is None:
        comment = " ".join([LATTICE, COLUMNS, energy, *extra])
    return "\n".join([str(len(atoms)), comment, *atoms]) + "\n"


def read(level, folder, **files: str) -> list[Frame | Rejected]:
    for name, text in (files or {}).items():
        (folder / f"{name}.xyz").write_text(text, encoding="utf-8")
    return list(read_extended_xyz(level, folder))


def test_a_plain_frame(declare, tmp_path):
    (frame,) = read(declare(), tmp_path, train=block())
    assert frame.frame_id == frame.material_id == "train:0"
    assert frame.functional == "PBE"
    assert frame.cell.tolist() == [[5, 0, 0], [1, 6, 0], [0, 0, 7]]
    assert frame.atomic_numbers.tolist() == [12, 8]
    assert frame.cart_coords[1].tolist() == [2.5, 3.0, 3.5]
    assert frame.forces[0].tolist() == [0.1, -0.2, 0.3]
    assert frame.energy == -12.5
    assert (frame.stress, frame.magmoms, frame.group, frame.given_part) == (None,) * 4


def test_with_a_vacuum_slabs_and_molecules_are_frames_without_a_stress(with_stress, tmp_path):
    level = with_stress().model_copy(update={"vacuum": 20.0})
    stress = "stress='1 2 3 0 0 0'"
    slab, molecule, crystal = read(
        level,
        tmp_path,
        train=block(stress, "pbc='T T F'")
        + block(comment=f"{COLUMNS} energy=1 {stress}")
        + block(stress),
    )
    assert slab.cell.tolist() == [[5, 0, 0], [1, 6, 0], [0, 0, 25]]
    assert molecule.cell.tolist() == np.diag([25.0, 25, 25]).tolist()
    assert (slab.stress, molecule.stress) == (None, None)
    assert crystal.stress is not None
    assert [f.cart_coords[1].tolist() for f in (slab, molecule)] == [[2.5, 3.0, 3.5]] * 2


def test_other_keys_and_labels(declare, tmp_path):
    """Names that ASE keeps as they are, beside names that it moves into a calculator."""
    level = declare(
        energy_key="DFT_energy",
        forces_key="DFT_force",
        magmoms_key="magmoms",
        material_key="mp_id",
        group_key="config",
    )
    text = block(
        "DFT_energy=-3 mp_id=mp-149 config='300 K run'",
        comment=f"{LATTICE} Properties=species:S:1:pos:R:3:DFT_force:R:3:magmoms:R:1 energy=99 "
        "DFT_energy=-3 mp_id=mp-149 config='300 K run'",
        atoms=[f"{line} {m}" for line, m in zip(ATOMS, (-1.5, 0.5), strict=True)],
    )
    (frame,) = read(level, tmp_path, train=text)
    assert frame.energy == -3
    assert frame.material_id == "mp-149"
    assert frame.group == "300 K run"
    assert frame.magmoms.tolist() == [1.5, 0.5]


SIX = '"1 2 3 4 5 6"'
NINE = '"1 6 5 6 2 4 5 4 3"'


@pytest.mark.parametrize("key", ["stress", "virial", "dft_stress"])
@pytest.mark.parametrize("numbers", [SIX, NINE])
def test_stress_of_six_or_nine_numbers_under_any_key(with_stress, tmp_path, key, numbers):
    """ASE takes nine numbers only under `stress`, and keeps them flat under other keys."""
    level = with_stress(stress_key=key, stress_unit="GPa")
    (frame,) = read(level, tmp_path, train=block(f"{key}={numbers}"))
    assert frame.stress.tolist() == [1, 2, 3, 4, 5, 6]


def test_stress_that_is_not_symmetric_becomes_so(with_stress, tmp_path):
    level = with_stress(stress_unit="GPa")
    (frame,) = read(level, tmp_path, train=block('stress="1 5 0 7 2 0 0 0 3"'))
    assert frame.stress.tolist() == [1, 2, 3, 0, 0, 6]


@pytest.mark.parametrize(
    ("unit", "sign", "first"),
    [
        ("GPa", "tension_positive", 1.0),
        ("GPa", "compression_positive", -1.0),
        ("kbar", "compression_positive", -0.1),
        ("eV/Å³", "tension_positive", 160.2176634),
        ("eV/A^3", "tension_positive", 160.2176634),
    ],
)
def test_stress_units_and_signs(with_stress, tmp_path, unit, sign, first):
    level = with_stress(stress_unit=unit, stress_sign=sign)
    (frame,) = read(level, tmp_path, train=block(f"stress={SIX}"))
    assert frame.stress[0] == pytest.approx(first, rel=1e-7)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("eV", 1),
        ("eV/atom", 2),
        ("Ha", 27.211386),
        ("kcal/mol", 0.04336411),
        ("kJ/mol", 0.01036427),
    ],
)
def test_energy_units(declare, tmp_path, unit, factor):
    (frame,) = read(declare(energy_unit=unit), tmp_path, train=block())
    assert frame.energy == pytest.approx(-12.5 * factor, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("eV/A", 1),
        ("meV/Å", 1e-3),
        ("kcal/mol/Å", 0.04336411),
        ("Ha/Bohr", 51.422067),
    ],
)
def test_force_units(declare, tmp_path, unit, factor):
    (frame,) = read(declare(forces_unit=unit), tmp_path, train=block())
    assert frame.forces[0, 2] == pytest.approx(0.3 * factor, rel=1e-6)


def test_published_test_files_are_marked(declare, tmp_path):
    level = declare(test=["test.xyz"])
    frames = read(level, tmp_path, train=block() * 2, test=block())
    assert [(f.frame_id, f.given_part) for f in frames] == [
        ("train:0", "train"),
        ("train:1", "train"),
        ("test:0", "test"),
    ]


def test_ids_and_a_published_division_from_keys(declare, tmp_path):
    level = declare(frame_key="calc", part_key="split")
    text = "".join(
        block(f"calc={name}", f"split={part}")
        for name, part in (("0012", "train"), ("5e1234", "test"), ("c", "Validation"), ("d", "us"))
    )
    *frames, unknown = read(level, tmp_path, train=text + block("calc=e"))[:4]
    assert [(f.frame_id, f.material_id, f.given_part) for f in frames] == [
        ("0012", "0012", "train"),
        ("5e1234", "5e1234", "test"),
        ("c", "c", "train"),
    ]
    assert "'split' is 'us'; parts are train, validation and test" in unknown.reason
    lost = read(level, tmp_path)[4]
    assert (lost.frame_id, lost.kind) == ("e", "missing key")
    assert lost.reason == "line 17: has no 'split', declared as part_key"


def test_a_division_is_declared_in_one_way(declare):
    with pytest.raises(ValueError, match="give part_key, or the files under test, not both"):
        declare(part_key="split", test=["b.xyz"])


def test_files_of_one_name_in_two_folders_keep_their_frames_apart(declare, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.xyz").write_text(block())
    frames = read(declare(train=["a/x.xyz", "b/x.xyz"]), tmp_path)
    assert [f.frame_id for f in frames] == ["a/x:0", "b/x:0"]


def test_a_file_listed_twice_is_refused(declare, tmp_path):
    with pytest.raises(StudyError, match=r"train\.xyz is listed more than once"):
        read(declare(test=["train.xyz"]), tmp_path, train=block())


GOOD = block()
SET_ASIDE = {
    "species": (block(atoms=("Xx" + ATOMS[0][2:], ATOMS[1])), "cannot be parsed"),
    "word for a number": (block(atoms=(ATOMS[0].replace("0.3", "abc"), ATOMS[1])), "abc"),
    "column too few": (
        block(atoms=(ATOMS[0], ATOMS[1].rsplit(" ", 1)[0])),
        "line 8 has 6 columns, Properties declares 7",
    ),
    "column too many": (block(atoms=(ATOMS[0] + " 7", ATOMS[1])), "line 7 has 8 columns"),
    "bad lattice": (
        block(comment=f'Lattice="1 2 3" {COLUMNS} energy=1'),
        "Lattice",
    ),
    "no lattice": (block(comment=f"{COLUMNS} energy=1"), "is periodic as F F F"),
    "slab": (
        block("pbc='T T F'"),
        "is periodic as T T F, expected T T T; `source.vacuum: 20.0` puts it into",
    ),
    "cell of zeros": (
        block(comment=f'Lattice="0 0 0 0 0 0 0 0 0" {COLUMNS} energy=1'),
        "is periodic as T T T and 3 of its lattice vectors have no length",
    ),
    "two energies": (block(energy='energy="1 2"'), "cannot be parsed"),
    "energy in words": (block(energy="energy=low"), "cannot be parsed"),
    "two force columns": (
        block(
            comment=f"{LATTICE} Properties=species:S:1:pos:R:3:forces:R:2 energy=1",
            atoms=("Mg 0 0 0 1 2", "O 1 2 3 1 2"),
        ),
        "'forces' has shape (2, 2), expected (2, 3)",
    ),
    "no atoms": (block(atoms=()), "no atoms"),
    "bad Properties": (block(comment=f"{LATTICE} Properties=species:S energy=1"), "columns"),
    "empty comment": (block(comment=""), "columns"),
}


@pytest.mark.parametrize("name", SET_ASIDE)
def test_a_frame_that_cannot_be_used_is_set_aside_and_the_others_kept(declare, tmp_path, name):
    text, words = SET_ASIDE[name]
    first, bad, last = read(declare(), tmp_path, train=GOOD + text + GOOD)
    assert (first.frame_id, last.frame_id) == ("train:0", "train:2")
    assert isinstance(bad, Rejected)
    assert bad.frame_id == "train:1"
    assert words in bad.reason


@pytest.mark.parametrize("stress", ["stress=5", 'stress="1 2 3 4 5 6 7"', "stress=low"])
def test_a_frame_without_a_usable_stress_is_set_aside(with_stress, tmp_path, stress):
    text = block(f"stress={NINE}") + block(stress)
    good, bad = read(with_stress(), tmp_path, train=text)
    assert isinstance(good, Frame)
    assert "stress" in bad.reason or "parsed" in bad.reason


BARE = f"2\n{LATTICE} Properties=species:S:1:pos:R:3:magmoms:R:1 energy=1\nMg 0 0 0 1\nO 1 2 3 -1\n"
NONE = ["", "stress", "stress=", "stress=None", 'stress="null"', "stress=NA"]


@pytest.mark.parametrize("stress", NONE)
def test_a_label_that_a_frame_lacks_is_missing_there(with_stress, tmp_path, stress):
    """Also where the key is there without a value, as ASE writes None."""
    level = with_stress(magmoms_key="magmoms")
    energy = stress.replace("stress", "energy")
    text = block(f"stress={NINE}") + block(stress) + block(f"stress={NINE}", energy=energy) + BARE
    labels = [frame.labels for frame in read(level, tmp_path, train=text)]
    assert labels == [
        ("energy", "forces", "stress"),
        ("energy", "forces"),
        ("forces", "stress"),
        ("energy", "magmoms"),
    ]


def test_a_level_of_energies_alone(declare, tmp_path):
    level = declare(forces_key=None, forces_unit=None)
    (frame,) = read(level, tmp_path, train=block())
    assert frame.labels == ("energy",)
    with pytest.raises(ValueError, match="forces_key is set, so forces_unit is needed"):
        declare(forces_unit=None)
    with pytest.raises(ValueError, match="declares no label"):
        declare(forces_key=None, energy_key=None)


def test_a_frame_without_its_group_is_kept_and_without_its_material_set_aside(declare, tmp_path):
    level = declare(group_key="config", material_key="mp_id")
    text = block("mp_id=a config=b") + block("mp_id=a") + block("config=b") + block("mp_id=''")
    first, second, *others = read(level, tmp_path, train=text)
    assert (first.group, second.group) == ("b", None)
    assert [item.kind for item in others] == ["missing key"] * 2
    assert others[0].reason == "line 9: has no 'mp_id', declared as material_key"


def test_numbers_that_are_none_reach_the_door(declare, tmp_path):
    level = declare()
    text = block(energy="energy=nan") + block(comment=f"{LATTICE} {COLUMNS} energy=inf") + GOOD
    screened = ScreenedFrames(
        read(level, tmp_path, train=text), Screening(), tmp_path / "rejects.csv"
    )
    assert [frame.labels for frame in screened] == [("forces",), ("forces",), ("energy", "forces")]
    assert screened.labels.not_finite == {"energy": 2}


@pytest.mark.parametrize(
    ("options", "option", "key"),
    [
        ({"energy_key": "Energy"}, "energy_key", "Energy"),
        ({"forces_key": "force"}, "forces_key", "force"),
        ({"magmoms_key": "spin"}, "magmoms_key", "spin"),
        ({"material_key": "mp_id"}, "material_key", "mp_id"),
        ({"group_key": "config"}, "group_key", "config"),
    ],
)
def test_a_key_that_no_frame_has_is_named_with_the_keys_there_are(
    declare, tmp_path, options, option, key
):
    broken = block(atoms=("Mg 1", "O 2"))
    with pytest.raises(StudyError, match=rf"'{key}' declared as source\.data\.{option}") as error:
        read(declare(**options), tmp_path, train=GOOD + broken + GOOD)
    assert "energy, species, pos, forces" in str(error.value)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_blank_lines_and_line_endings_do_no_harm(declare, tmp_path, ending):
    text = ("\n" + GOOD + "\n \n" + GOOD + "\n").replace("\n", ending)
    (tmp_path / "train.xyz").write_bytes(text.encode())
    frames = list(read_extended_xyz(declare(), tmp_path))
    assert [f.energy for f in frames] == [-12.5, -12.5]


def test_truncated_anywhere(declare, tmp_path):
    """Whatever byte a file ends at: either an error that names file and line, or whole frames."""
    text = GOOD + GOOD
    # the last line's break may be missing
    boundaries = {0: None, len(GOOD) - 1: 1, len(GOOD): 1, len(text) - 1: 2, len(text): 2}
    for end in range(len(text) + 1):
        path = tmp_path / "train.xyz"
        path.write_text(text[:end])
        expected = boundaries.get(end)
        if expected is not None:
            assert len(list(read_extended_xyz(declare(), tmp_path))) == expected
            continue
        with pytest.raises(StudyError, match=r"train\.xyz") as error:
            list(read_extended_xyz(declare(), tmp_path))
        if end:
            assert "line" in str(error.value)
            assert "cut short" in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no frames"),
        (b"\n\n", "holds no frames"),
        (b"two\n", "line 1: expected the number of atoms"),
        (b"-3\n", "line 1: expected the number of atoms"),
        (GOOD.encode() + b"Si 0 0 0 0 0 0\n", "line 5: expected the number of atoms"),
        (GOOD.replace("2\n", "1\n", 1).encode(), "line 4: expected .* found 'O 2.5"),
        (b"999999999999\nx\n", "announces 999999999999 atoms"),
        (bytes(range(256)), "is a binary file .* where extended XYZ is expected"),
        (b"\x1f\x8b\x08\x00" + bytes(range(128, 200)), "compressed file is cut short or damaged"),
    ],
)
def test_garbage_is_refused_with_the_line(declare, tmp_path, content, words):
    (tmp_path / "train.xyz").write_bytes(content)
    with pytest.raises(StudyError, match=words):
        list(read_extended_xyz(declare(), tmp_path))


def test_missing_files_name_the_keys_to_mend(declare, tmp_path):
    level = declare(train=["nowhere.xyz"])
    for read_it in (
        lambda: list(read_source(level, tmp_path, 0, "target")),
        lambda: provenance(level, tmp_path, 0, "target"),
    ):
        with pytest.raises(StudyError, match=r"nowhere\.xyz.*target\.data\.train or data_folder"):
            read_it()
    (tmp_path / "folder.xyz").mkdir()
    with pytest.raises(StudyError, match=r"folder\.xyz: cannot be read"):
        list(read_source(declare(train=["folder.xyz"]), tmp_path, 0))


def test_frames_come_one_by_one(declare, tmp_path):
    """A broken end does not keep the first frame from being read: nothing is read ahead."""
    (tmp_path / "train.xyz").write_text(GOOD + "garbage\n")
    assert next(read_extended_xyz(declare(), tmp_path)).frame_id == "train:0"


def test_provenance_has_the_digests_of_the_files(declare, tmp_path):
    (tmp_path / "train.xyz").write_bytes(b"abc")
    found = provenance(declare(), tmp_path, 0)
    assert found["functional"] == "PBE"
    assert found["files"] == [
        {
            "part": "train",
            "file": "train.xyz",
            "bytes": 3,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }
    ]
    assert found["options"]["energy_unit"] == "eV"


@pytest.fixture
def silicon(with_stress, shared_data):
    """The published silicon frames of Zuo et al. (2020): PBE, 239 of them."""
    folder = shared_data / "mlearn_extxyz"
    if not folder.is_dir():
        pytest.skip(f"needs the real DFT frames in {folder}, absent here")
    level = with_stress(train=["Si_training.extxyz"], test=["Si_test.extxyz"], group_key="group")
    return list(read_source(level, folder, 0))


def test_real_dft_frames_all_pass_the_door(silicon, tmp_path):
    screened = ScreenedFrames(silicon, Screening(), tmp_path / "rejects.csv")
    frames = list(screened)
    assert screened.counts == {}
    assert [f.given_part for f in frames].count("train") == 214
    assert [f.given_part for f in frames].count("test") == 25
    energies = np.array([f.energy_per_atom for f in frames])
    assert -5.5 < energies.min() < energies.max() < -4
    nets = [np.abs(f.forces.sum(axis=0)).max() / f.n_atoms for f in frames]
    assert max(nets) < 0.01


def test_real_stress_has_the_sign_and_unit_of_the_energy_slope(silicon):
    """dE/dε of the strained cells against their stress: tension is positive.

    The published elastic frames come as families of one cell shape under growing strain. Along a
    family the energy difference is the work of the mean stress, V₀ σ : Δε.
    """
    elastic = [f for f in silicon if f.group == "Elastic"]
    relaxed = min(elastic, key=lambda f: f.energy_per_atom)
    strains = [np.linalg.solve(relaxed.cell, f.cell) - np.eye(3) for f in elastic]
    pairs = []
    for i, one in enumerate(strains):
        for j, other in enumerate(strains):
            work_strain = (other + other.T - one - one.T) / 2
            size = np.linalg.norm(work_strain)
            same_atoms = elastic[i].n_atoms == elastic[j].n_atoms == relaxed.n_atoms
            if i < j and same_atoms and 0.003 < size < 0.06:
                voigt = (elastic[i].stress + elastic[j].stress) / 2
                xx, yy, zz, yz, xz, xy = voigt / 160.2176634
                sigma = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
                volume = (elastic[i].volume + elastic[j].volume) / 2
                work = volume * np.sum(sigma * work_strain)
                pairs.append((work, elastic[j].energy - elastic[i].energy))
    work, energy = np.array(pairs).T
    assert len(pairs) > 100
    slope = work @ energy / (work @ work)
    assert slope == pytest.approx(1, abs=0.03)
    assert np.corrcoef(work, energy)[0, 1] > 0.99


def test_real_frames_of_the_whole_periodic_table_pass_the_door(with_stress, shared_data, tmp_path):
    folder = shared_data / "mptrj_random_1k"
    if not folder.is_dir():
        pytest.skip(f"needs the MPtrj frames in {folder}, absent here")
    level = with_stress(train=["mptrj-random-1k.xyz"], material_key="mptrj_traj_id")
    screened = ScreenedFrames(read_source(level, folder, 0), Screening(), tmp_path / "rejects.csv")
    frames = list(screened)
    assert (len(frames), screened.counts) == (1000, {})
    assert all(frame.material_id.startswith("mp-") for frame in frames)
    assert len(set(np.concatenate([f.atomic_numbers for f in frames]))) > 80


PATTERN = {"key": "made_by", "pattern": r"at (\d+) K"}


def test_temperatures_from_a_key_and_from_a_text(declare, tmp_path):
    text = block('T=300.5 made_by="AIMD at 1200 K"') + block('made_by="relaxed"')
    by_key = read(declare(temperature_key="T"), tmp_path, train=text)
    assert [frame.temperature for frame in by_key] == [300.5, None]
    by_text = read(declare(temperature_pattern=PATTERN), tmp_path, train=text)
    assert [frame.temperature for frame in by_text] == [1200.0, None]
    assert [frame.temperature for frame in read(declare(), tmp_path)] == [None, None]


def test_a_temperature_that_one_file_of_a_level_has_is_enough(declare, tmp_path):
    level = declare(temperature_key="T", test=["test.xyz"])
    frames = read(level, tmp_path, train=block(), test=block("T=300"))
    assert [frame.temperature for frame in frames] == [None, 300.0]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"temperature_key": "kelvin"}, "the key 'kelvin', declared as temperature_key"),
        ({"temperature_pattern": PATTERN}, r"a 'made_by' with 'at \(\\d\+\) K'"),
    ],
)
def test_a_declared_temperature_that_no_frame_has_is_refused(declare, tmp_path, option, words):
    with pytest.raises(StudyError, match=f"no frame of train.xyz has {words}"):
        read(declare(**option), tmp_path, train=block("T=300"))


def test_a_temperature_that_is_no_number_rejects_its_frame(declare, tmp_path):
    bad, good = read(declare(temperature_key="T"), tmp_path, train=block("T=hot") + block("T=9"))
    assert isinstance(bad, Rejected)
    assert "hot" in bad.reason
    assert good.temperature == 9


@pytest.mark.parametrize(
    ("pattern", "words"), [("at K", "it has 0"), ("(at) (K)", "it has 2"), ("(", "no regular expr")]
)
def test_a_pattern_needs_one_number(declare, pattern, words):
    with pytest.raises(ValueError, match=words):
        declare(temperature_pattern={"key": "x", "pattern": pattern})


def test_a_temperature_is_declared_in_one_way(declare):
    with pytest.raises(ValueError, match="not both"):
        declare(temperature_key="T", temperature_pattern=PATTERN)
