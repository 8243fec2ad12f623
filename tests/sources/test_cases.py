"""Small inputs after public bug reports, read as their configurations say: the right values, or the
right words.

Each case of a reader is in the list below; what else was tried with inputs made by the tests
themselves stands in the tests of each reader.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml

from rungs.config.data import Level, Screening
from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.frames.screening import ScreenedFrames
from rungs.sources import read_source
from rungs.sources.notes import Notes


class Case(NamedTuple):
    """What came of a target's file."""

    frames: dict[str, Frame]
    rejects: Counter[str]
    reasons: list[str]
    notes: list[str]
    screened: ScreenedFrames


@pytest.fixture
def read(shared_cases, tmp_path):
    """A function that reads the target of a case, with some options changed, and screens it."""

    def make(name: str, level: str = "target", **options) -> Case:
        folder = shared_cases / name.split("/", maxsplit=1)[0]
        path = shared_cases / f"{name}.yaml"
        values = yaml.safe_load(path.read_text(encoding="utf-8"))[level]
        values["data"] |= options
        notes = Notes()
        items = read_source(Level.model_validate(values), folder, 0, level, notes)
        screened = ScreenedFrames(items, Screening(), tmp_path / "rejects.csv")
        frames = {frame.frame_id: frame for frame in screened}
        return Case(
            frames,
            Counter(screened.counts),
            [refused.reason for refused in screened.rejects],
            list(notes.lines()),
            screened,
        )

    return make


@pytest.fixture
def plain(read) -> list[Frame]:
    """The 48 frames of which most cases are a variation."""
    return list(read("22_comment_line/study").frames.values())


def agree(frames, wanted, names=("cell", "cart_coords", "forces", "stress"), atol=1e-7) -> None:
    assert len(frames) == len(wanted)
    for one, other in zip(frames, wanted, strict=True):
        assert one.atomic_numbers.tolist() == other.atomic_numbers.tolist()
        assert one.energy == pytest.approx(other.energy, abs=1e-7)
        for name in names:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=atol)


def test_12_odd_ids_are_what_is_written(read):
    for name in ("study", "hashes"):
        target, source = (read(f"12_odd_ids/{name}", level) for level in ("target", "source"))
        ids = {level: {f.material_id for f in case.frames.values()} for level, case in
               (("target", target), ("source", source))}  # fmt: skip
        assert len(target.frames) == 48
        assert ids["source"] == ids["target"]
        assert len(ids["target"]) == 12
    assert {"5e1234", "6e9876", "0012", "T"} <= ids["target"]
    assert {"inf", "12", "True"} & ids["target"] == {"12", "True"} & ids["target"]


def test_12_two_kinds_of_files_have_the_same_ids(read):
    """Which a leak hung on: the test materials of one stood in the training of the other."""
    json, xyz = read("12_odd_ids/two_kinds"), read("12_odd_ids/two_kinds", "source")
    by_material = [Counter(f.material_id for f in case.frames.values()) for case in (json, xyz)]
    assert by_material[0] == by_material[1]
    assert "0012" in by_material[0]


def test_12_a_given_division_by_such_ids(shared_cases, read):
    from rungs.config.data import GivenParts
    from rungs.splits.given_parts import read_listed

    parts = read_listed(GivenParts(file="parts.csv"), shared_cases / "12_odd_ids")
    ids = {frame.material_id for frame in read("12_odd_ids/parts").frames.values()}
    assert set(parts) <= ids


@pytest.mark.parametrize(
    "how", ["blanks", "bom", "cr", "crlf", "fortran", "latin1", "noeol", "trailing", "utf16"]
)
def test_13_line_ends_and_encodings(read, plain, how):
    case = read(f"13_line_ends/{how}")
    assert not case.rejects
    agree(case.frames.values(), plain)
    told = {"latin1": "was read as Latin-1", "noeol": "the last line has no line break"}
    assert [how in told and told[how] in line for line in case.notes] == [True] * (how in told)


@pytest.mark.parametrize("how", ["numbers", "tagged", "upper", "zcol"])
def test_14_names_of_atoms(read, plain, how):
    case = read(f"14_species/{how}")
    agree(case.frames.values(), plain)
    assert bool(case.notes) == (how == "numbers")


def test_14_deuterium_by_an_option_and_ghosts_by_name(read):
    refused = read("14_species/deuterium")
    assert set(refused.rejects) == {"hydrogen isotope"}
    assert "`hydrogen_isotopes: true` reads it as hydrogen" in refused.reasons[0]
    whole = read("14_species/deuterium", hydrogen_isotopes=True)
    assert len(whole.frames) == 48
    assert any(1 in frame.atomic_numbers for frame in whole.frames.values())
    ghosts = read("14_species/ghost")
    assert set(ghosts.rejects) == {"ghost atom"}
    assert "'X' is a ghost atom" in ghosts.reasons[0]
    assert len(ghosts.frames) + ghosts.rejects.total() == 48


def test_16_labels_that_are_nan_missing_or_zero(read, plain):
    nan = read("16_nan_labels/study")
    assert not nan.rejects
    assert nan.screened.labels.not_finite == {"stress": 16}
    assert nan.screened.labels.labelled == {"energy": 48, "forces": 48, "stress": 32, "magmoms": 0}
    agree(nan.frames.values(), plain, ("forces",))
    missing = read("16_nan_labels/missing")
    assert not missing.rejects
    counts = missing.screened.labels.labelled
    assert (counts["energy"], counts["forces"]) == (48, 48)
    assert 0 < counts["stress"] < 48
    zeros = read("16_nan_labels/zeros")
    assert zeros.screened.labels.labelled["stress"] == 48


def test_22_odd_comment_lines(read, plain):
    case = read("22_comment_line/study", group_key="config_type", temperature_key="step")
    assert {frame.group for frame in case.frames.values()} == {"md-300K"}
    assert [frame.temperature for frame in case.frames.values()] == list(range(48))
    agree(case.frames.values(), plain)


def test_26_columns_beside_change_nothing(read, plain):
    case = read("26_move_mask/study")
    assert not case.rejects
    agree(case.frames.values(), plain)


def test_27_moments_on_some_frames(read, plain):
    case = read("27_magmoms_some/study")
    assert not case.rejects
    agree(case.frames.values(), plain)
    assert 0 < case.screened.labels.labelled["magmoms"] < 48


def test_10_asterisks_reject_their_step(read):
    case = read("10_vasp_asterisks/study")
    assert len(case.frames) == 46
    assert case.rejects == {"overflow": 2}
    assert sorted({f"m{i:02}:{j}" for i in range(12) for j in range(4)} - set(case.frames)) == [
        "m00:1",
        "m01:1",
    ]
    assert "has asterisks in place of numbers in its forces" in case.reasons[0]
    assert "has asterisks in place of numbers in its energy" in case.reasons[1]


@pytest.mark.parametrize("how", ["study", "all", "root"])
def test_23_runs_behind_links(read, plain, how):
    """Also where a copy of the inputs has made of them files that hold the path."""
    case = read(f"23_vasp_symlinks/{how}")
    assert not case.rejects
    assert [frame.material_id for frame in case.frames.values()] == [
        f"m{i:02}" for i in range(12) for _ in range(4)
    ]
    agree(case.frames.values(), plain, ("cell", "forces", "stress"), atol=1e-6)


READ = ["study", "bz2", "flat", "forces_name", "lines", "zip", "per_atom_only", "per_atom_unc"]


@pytest.mark.parametrize("how", READ)
def test_40_json_in_any_form(read, plain, how):
    case = read(f"40_mp_json/{how}")
    assert not case.rejects
    agree(case.frames.values(), plain, atol=1e-6)
    materials = [f"m{i:02}" for i in range(12) for _ in range(4)]
    assert [frame.material_id for frame in case.frames.values()] == materials


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("html", "html.json: is a web page, where JSON is expected"),
        ("lfs", "lfs.json: is a pointer file of Git LFS, where JSON is expected"),
        ("empty", "empty.json: holds no frames; mend target.data.train"),
    ],
)
def test_40_what_is_no_json(read, how, words):
    with pytest.raises(StudyError) as error:
        read(f"40_mp_json/{how}")
    assert words in str(error.value)


def test_40_moments_of_another_number_of_atoms(read):
    case = read("40_mp_json/mags")
    assert case.rejects == {"shape": 12}
    assert "magmoms has shape (3,), expected (4,) for 4 atoms" in case.reasons[0]
    assert case.screened.labels.labelled["magmoms"] == 24


@pytest.mark.parametrize("how", ["study", "fixed", "numeric", "nostress", "traj"])
def test_42_databases(read, plain, how):
    options = {"material_key": None} if how == "traj" else {}
    case = read(f"42_ase_db/{how}", **options)
    assert not case.rejects
    names = ("cell", "cart_coords", "forces") + ("stress",) * (how != "nostress")
    agree(case.frames.values(), plain, names)
    ids = {frame.material_id for frame in case.frames.values()}
    assert len(ids) == (48 if how == "traj" else 12)
    if how == "numeric":
        assert ids == {str(number) for number in range(12)}


def test_42_labels_among_pairs_and_data_are_declared(read, plain):
    with pytest.raises(StudyError, match="no row has the key 'energy'") as error:
        read("42_ase_db/kv_only")
    assert "the rows have mat, REF_energy, forces; mend it" in str(error.value)
    case = read("42_ase_db/kv_only", energy_key="REF_energy")
    agree(case.frames.values(), plain, ("forces",))


def test_42_an_empty_database_stays_empty(read, shared_cases):
    with pytest.raises(StudyError, match=r"empty\.db: is empty, it has 0 bytes"):
        read("42_ase_db/empty")
    folder = shared_cases / "42_ase_db"
    assert (folder / "empty.db").stat().st_size == 0
    assert not list(folder.glob("*-journal")) + list(folder.glob("*.lock"))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("bad_select", "target.data.select: 'formula==' selects nothing that ASE understands"),
        ("none_selected", "good.db: holds no rows that are asked for; mend target.data.train or"),
        ("key_missing", "mp_id.db: no row has the key 'mat' declared as target.data.material_key"),
        ("not_a_db", "source.xyz: is a text, where an ASE database or trajectory is expected"),
    ],
)
def test_42_what_is_wrong_with_a_database_is_named(read, how, words):
    with pytest.raises(StudyError) as error:
        read(f"42_ase_db/{how}")
    assert words in str(error.value)


def test_42_a_trajectory_without_the_declared_key(read):
    with pytest.raises(StudyError, match=r"'mat' declared as target\.data\.material_key"):
        read("42_ase_db/traj")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("binary", "binary.xyz: is a binary file of an unknown kind, where extended XYZ"),
        ("zero_bytes", "zero.xyz: holds no frames; mend target.data.train"),
        ("gz", None),
    ],
)
def test_50_rude_files(read, how, words):
    if words is None:
        assert len(read(f"50_rude/{how}").frames) == 48
        return
    with pytest.raises(StudyError) as error:
        read(f"50_rude/{how}")
    assert words in str(error.value)


@pytest.mark.parametrize(("how", "unit"), [("unit", "eV"), ("unit_hartree", "Ha")])
def test_50_units_in_any_spelling(shared_cases, how, unit):
    path = shared_cases / f"50_rude/{how}.yaml"
    target = yaml.safe_load(path.read_text(encoding="utf-8"))["target"]
    assert Level.model_validate(target).data.energy_unit == unit


def test_every_case_of_a_reader_is_read_here(shared_cases):
    tried = Path(__file__).read_text(encoding="utf-8")
    for number in (10, 12, 13, 14, 16, 22, 23, 26, 27, 40, 42):
        (folder,) = shared_cases.glob(f"{number}_*")
        for path in folder.glob("*.yaml"):
            assert f"{folder.name}/" in tried
            assert f'"{path.stem}"' in tried or f"/{path.stem}" in tried, path
