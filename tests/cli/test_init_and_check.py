"""``rungs init`` and ``rungs check`` as a person meets them: words, exit codes, files."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from rungs.cli.main import main

COMMENT = (
    'Lattice="{a} 0 0 0 {a} 0 0 0 {a}" Properties=species:S:1:pos:R:3:forces:R:3 energy={e} '
    'mat={m} pbc="T T T"'
)
COPPER = f"""\
4
{COMMENT}
Cu 0.0 0.0 0.0 0.01 0.0 0.0
Cu {{h}} {{h}} 0.0 -0.01 0.0 0.0
Cu {{h}} 0.0 {{h}} 0.0 0.02 0.0
Cu 0.0 {{h}} {{h}} 0.0 -0.02 0.0
"""


def write_cells(path: Path, element: str = "Cu", number: int = 24) -> Path:
    """Cells of different size, a dozen materials of two."""
    text = ""
    for k in range(number):
        a = 3.5 + 0.02 * k
        cell = COPPER.format(a=a, h=a / 2, e=-14 + (a - 3.7) ** 2, m=f"m{k // 2:02d}")
        text += cell.replace("Cu ", f"{element} ")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def two(tmp_path) -> tuple[str, str]:
    """A source and a target."""
    files = (write_cells(tmp_path / "cheap_PBE.xyz"), write_cells(tmp_path / "dear.xyz", "Ag"))
    return tuple(map(str, files))


def test_a_study_is_written_under_the_name_of_what_was_found(here, two, capsys):
    assert main(["init", *two]) == 0
    said = capsys.readouterr().out
    (path,) = here.glob("*.yaml")
    assert f"written: {path.name}" in said
    assert f"rungs check {path.name}" in said
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["study"] == path.stem


def test_nothing_is_overwritten(here, two, capsys):
    (here / "mine.yaml").write_text("precious", encoding="utf-8")
    assert main(["init", *two, "--output", "mine.yaml"]) == 2
    assert "--output mine_2.yaml" in capsys.readouterr().err
    assert (here / "mine.yaml").read_text(encoding="utf-8") == "precious"


def test_data_stay_as_they_are(here, two):
    before = {path: (Path(path).read_bytes(), Path(path).stat().st_mtime_ns) for path in two}
    assert main(["init", *two, "--name", "mine"]) == 0
    main(["check", "mine.yaml"])
    assert {p: (Path(p).read_bytes(), Path(p).stat().st_mtime_ns) for p in two} == before
    assert sorted(path.name for path in here.iterdir()) == ["mine.yaml"]


@pytest.mark.parametrize("name", ["a b", "../x", "", "é", "x" * 300])
def test_a_name_that_is_none(two, name, capsys):
    assert main(["init", *two, "--name", name]) == 2
    assert capsys.readouterr().err.startswith("error: --name")


def test_source_and_target_alike(two, capsys):
    assert main(["init", two[0], two[0]]) == 2
    assert "shows nothing" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\0\1\2\3" * 400, b"words\n"])
def test_bad_files_are_one_sentence(two, tmp_path, content, capsys):
    (tmp_path / "bad").write_bytes(content)
    assert main(["init", two[0], str(tmp_path / "bad")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def strained_copper(path, seed):
    """Frames whose labels belong together, by a calculator of ASE."""
    random = np.random.default_rng(seed)
    for i in range(24):
        atoms = bulk("Cu", a=3.6 * random.uniform(0.97, 1.03)).repeat((2, 1, 1))
        atoms.rattle(0.1, seed=int(random.integers(1 << 30)))
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.info["mat"] = f"m{i // 2}"
        atoms.calc = SinglePointCalculator(atoms, **labels)
        write(path, atoms, format="extxyz", append=i > 0)
    return str(path)


def test_a_proposal_passes_its_check(here, capsys):
    two = [strained_copper(here / f"{name}.xyz", k) for k, name in enumerate(("cheap", "dear"))]
    assert main(["init", *two, "--name", "mine"]) == 0
    capsys.readouterr()
    assert main(["check", "mine.yaml"]) == 0
    said = capsys.readouterr().out
    assert "✗" not in said
    assert said.splitlines()[-1].startswith("nothing stops this study")


def changed(here: Path, two: tuple[str, str], **sections: object) -> str:
    """The proposal with some keys changed; dots lead into sections."""
    main(["init", *two, "--name", "mine"])
    values = yaml.safe_load((here / "mine.yaml").read_text(encoding="utf-8"))
    for place, value in sections.items():
        *around, key = place.split("__")
        section = values
        for name in around:
            section = section[name]
        section[key] = value
    (here / "changed.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return "changed.yaml"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"subsets__sizes": [0, 4, 5000]}, "subsets.sizes has 5000"),
        ({"methods__target_reference__copy_embedding": {"Au": "Cu"}}, "no target frame has Au"),
        ({"target__data__energy_key": "enrgy"}, "no frame has the key 'enrgy'"),
        ({"target__data__train": ["gone.xyz"]}, "gone.xyz is missing"),
        ({"split": {"parts": {"test": ["nowhere"]}}}, "nowhere"),
        ({"screening": {"max_force": 1e-6}}, "no frame of the"),
        ({"subsets__size": [1]}, "did you mean 'sizes'"),
    ],
)
def test_what_stops_a_study_is_a_cross(here, two, sections, words, capsys):
    path = changed(here, two, **sections)
    capsys.readouterr()
    assert main(["check", path]) == 1
    crosses = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert any(words in line for line in crosses), crosses


def test_all_faults_of_a_configuration_are_told(here, two, capsys):
    path = changed(here, two, seed="many", subsets__seeds=[], fine_tuning__epoch=3)
    capsys.readouterr()
    assert main(["check", path]) == 1
    assert sum(line.startswith("✗") for line in capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\0", b"a: [", b"- 1\n"])
def test_no_study_is_a_usage_error(here, content, capsys):
    if content is not None:
        (here / "study.yaml").write_bytes(content)
    assert main(["check", "study.yaml"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_light_part_reads_no_data(here, two, capsys):
    path = changed(here, two, subsets__sizes=[0, 4, 5000])
    capsys.readouterr()
    assert main(["check", "--configuration", path]) == 0
    assert "frames" not in capsys.readouterr().out


def test_another_folder_of_data(here, two, tmp_path, capsys):
    path = changed(here, two, data_folder=str(tmp_path / "elsewhere"))
    capsys.readouterr()
    assert main(["check", "--configuration", path]) == 1
    assert main(["check", "--configuration", path, "--data-folder", str(tmp_path)]) == 0
