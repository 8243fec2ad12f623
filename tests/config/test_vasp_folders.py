"""Searching a folder of calculations: links, circles, copies, patterns."""

import os
from pathlib import Path

import pytest

from rungs.config.bulk import VaspRuns
from rungs.config.vasp_folders import FoundRuns, find_runs

PATTERN = "**/vasprun.xml*"


@pytest.fixture
def put(tmp_path):
    """A function that makes a file in the searched folder, or a link to what is named."""
    root = tmp_path / "runs"
    root.mkdir()

    def make(name: str, target: str | None = None) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target is None:
            path.write_text(name)
        else:
            path.symlink_to(target)

    return make


def found(folder: Path, pattern: str = PATTERN) -> FoundRuns:
    return FoundRuns(
        *([item.name for item in kind] for kind in find_runs(folder / "runs", pattern))
    )


def test_files_in_folders_of_any_depth(put, tmp_path):
    for name in ("vasprun.xml", "b/c/vasprun.xml.gz", "a/vasprun.xml", "a/OUTCAR"):
        put(name)
    assert found(tmp_path) == FoundRuns(["a/vasprun.xml", "b/c/vasprun.xml.gz", "vasprun.xml"])


def test_folders_and_files_behind_links(put, tmp_path):
    for place in ("elsewhere/deep", "further", "single"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "vasprun.xml").write_text("")
    # a link in a folder that only a link leads to
    (tmp_path / "elsewhere/more").symlink_to("../further")
    put("a/vasprun.xml")
    put("b", "../elsewhere")
    put("c/vasprun.xml", "../../single/vasprun.xml")
    put("d", "nowhere")
    assert found(tmp_path) == FoundRuns(
        ["a/vasprun.xml", "b/deep/vasprun.xml", "b/more/vasprun.xml", "c/vasprun.xml"],
        dead_links=["d"],
    )


def test_the_folder_itself_may_be_a_link(put, tmp_path):
    put("a/vasprun.xml")
    (tmp_path / "link").symlink_to("runs")
    path = str(tmp_path / "link/a/vasprun.xml")
    assert find_runs(tmp_path / "link", PATTERN).files == [("a/vasprun.xml", path)]


def test_links_that_became_files_with_a_path_are_followed(put, tmp_path):
    """As Git and archives make them where there are no links."""
    for place in ("real/m0", "real/m1"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "vasprun.xml").write_text("<modeling>")
    put("m0")
    (tmp_path / "runs/m0").write_text("../real/m0")
    put("m1/vasprun.xml")
    (tmp_path / "runs/m1/vasprun.xml").write_text("../../real/m1/vasprun.xml")
    for name, text in (("m2", "../real/m2"), ("m3", "../real/m0\n"), ("m4", "/"), ("m5", "m5")):
        put(name)
        (tmp_path / "runs" / name).write_text(text)
    assert found(tmp_path) == FoundRuns(
        ["m0/vasprun.xml", "m1/vasprun.xml"], written_links=["m0", "m1/vasprun.xml"]
    )
    (tmp_path / "linked").write_text("real")
    assert [run.name for run in find_runs(tmp_path / "linked", PATTERN).files] == [
        "m0/vasprun.xml",
        "m1/vasprun.xml",
    ]


def test_dead_links_beside_a_run_are_its_own(put, tmp_path):
    put("a/vasprun.xml")
    put("a/WAVECAR", "/scratch/gone")
    put("b/vasprun.xml", "/scratch/gone")
    put("c", "/scratch/gone")
    assert found(tmp_path) == FoundRuns(["a/vasprun.xml"], dead_links=["b/vasprun.xml", "c"])


def test_circles_and_ways_upwards_have_an_end(put, tmp_path):
    put("a/vasprun.xml")
    put("a/self", ".")
    put("a/up", "..")
    put("b/top", "../..")
    put("b/far", "/")
    put("x", "y")
    put("y", "x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/vasprun.xml").write_text("")
    assert found(tmp_path) == FoundRuns(
        ["a/vasprun.xml"],
        dead_links=["x", "y"],
        again=["a/self", "a/up"],
        upwards=["b/far", "b/top"],
    )


def test_what_two_ways_lead_to_is_found_once_and_by_its_own_name(put, tmp_path):
    put("z/vasprun.xml")
    put("latest", "z")
    put("a/vasprun.xml", "../z/vasprun.xml")
    assert found(tmp_path) == FoundRuns(["z/vasprun.xml"], again=["a/vasprun.xml", "latest"])


COPIES = (
    *("vasprun.xml.bak", "vasprun.xml~", "vasprun.xml.old", "vasprun.xml.orig", "vasprun.xml.BAK2"),
    *("vasprun.xml.save", "vasprun.xml (copy)", "vasprun.xml.copy", "vasprun.xml.bak.gz"),
    *("vasprun.xml.gz.old", "vasprun.xml.~1~", "vasprun.xml.backup", "vasprun.xml_copy"),
    *("vasprun.xml.swp", "vasprun.xml (1)", "#vasprun.xml#", ".#vasprun.xml", "vasprun.xml.tmp"),
)


@pytest.mark.parametrize("copy", COPIES)
def test_backup_copies_are_no_calculations(put, tmp_path, copy):
    put("a/vasprun.xml")
    put(f"a/{copy}")
    pattern = "**/*vasprun.xml*"
    assert found(tmp_path, pattern) == FoundRuns(["a/vasprun.xml"], [f"a/{copy}"])


def test_copies_are_read_where_they_are_asked_for(put, tmp_path):
    put("a/vasprun.xml.bak")
    assert found(tmp_path, "**/vasprun.xml.bak").files == ["a/vasprun.xml.bak"]


@pytest.mark.parametrize(
    "name", ["vasprun.xml.relax1.gz", "vasprun.xml.1", "vasprun.xml.static", "vasprun.xml.zst"]
)
def test_further_runs_of_a_folder_are_no_copies(put, tmp_path, name):
    put(name)
    assert found(tmp_path).files == [name]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*/vasprun.xml", ["a/vasprun.xml"]),
        ("a/**/vasprun.xml", ["a/b/vasprun.xml", "a/vasprun.xml"]),
        ("**/b/*", ["a/b/run.xml", "a/b/vasprun.xml"]),
        ("?/[a-c]/v*.xml", ["a/b/vasprun.xml"]),
        ("vasprun.xml", ["vasprun.xml"]),
        ("**/none", []),
    ],
)
def test_patterns(put, tmp_path, pattern, wanted):
    for name in ("vasprun.xml", "a/vasprun.xml", "a/b/vasprun.xml", "a/b/run.xml"):
        put(name)
    assert found(tmp_path, pattern).files == wanted
    # the same as the standard library finds where there are no links
    root = tmp_path / "runs"
    listed = sorted(str(path.relative_to(root)) for path in root.glob(pattern) if path.is_file())
    assert listed == wanted


def test_a_pattern_without_stars_for_folders_does_not_search_deeper(put, tmp_path, monkeypatch):
    put("a/b/c/vasprun.xml")
    seen = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (seen.append(path), scan(path))[1])
    assert found(tmp_path, "*/vasprun.xml").files == []
    assert [Path(path).name for path in seen] == ["runs", "a"]


def test_a_folder_that_is_not_there_has_nothing(tmp_path):
    assert find_runs(tmp_path / "nowhere", PATTERN) == FoundRuns([])


def test_a_folder_that_may_not_be_read_is_told(put, tmp_path, monkeypatch):
    put("a/vasprun.xml")
    put("b/vasprun.xml")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found(tmp_path) == FoundRuns(["b/vasprun.xml"], closed=["a"])


@pytest.mark.parametrize("pattern", ["/vasprun.xml", "../vasprun.xml", ""])
def test_a_pattern_leads_inside(pattern):
    with pytest.raises(ValueError, match="names no files in the folder"):
        VaspRuns(kind="vasp_runs", folder="runs", pattern=pattern)
