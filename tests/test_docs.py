"""The documentation: it builds, its links lead somewhere, its examples run, it needs no network."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[1]
OUTSIDE = ("README.md", "CONTRIBUTING.md", "profiles/README.md")
"""Pages of the site that do not lie in docs/."""
PAGES = [*(ROOT / name for name in OUTSIDE), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
LOADS = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
"""What a browser loads by itself; links that a person has to click are not among them."""


def code(page: str, language: str) -> list[str]:
    """The blocks of code in a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site."""
    for package in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package, reason="needs the extra `docs`, absent here")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def links(page: Path) -> list[str]:
    """Links of a page to other files, without those to a place within one."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = [link.partition("#")[0] for link in LINK.findall(text)]
    return [link for link in found if link and "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_where_the_repository_is_read(page):
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_navigation():
    def leaves(item) -> list[str]:
        inner = item.values() if isinstance(item, dict) else item
        return [item] if isinstance(item, str) else [x for part in inner for x in leaves(part)]

    class Loader(yaml.SafeLoader):
        """MkDocs' own tags are of no interest here."""

    Loader.add_multi_constructor("", lambda *_: None)
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = leaves(yaml.load(text, Loader)["nav"])
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES[len(OUTSIDE) :]]
    assert sorted(listed) == sorted([*pages, "index.md", "contributing.md", "profiles.md"])


def test_every_figure_is_shown():
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in links(page)
        if link.endswith((".png", ".svg"))
    }
    assert shown == set((ROOT / "docs/figures").iterdir())


def test_every_figure_says_what_it_shows():
    for page in PAGES:
        assert "![](" not in page.read_text(encoding="utf-8"), page


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\nmake study\n" in text
    assert "`make test`" in text


def test_the_site_builds_and_every_page_is_there(site):
    assert len(list(site.rglob("*.html"))) == len(PAGES) + 1  # and that of errors
    assert (site / "search/search_index.js").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a](missing.md)", "missing.md"),
        ("[a](other.md#nowhere)", "nowhere"),
        ("[a](#nowhere)", "nowhere"),
        ("![a](figures/missing.png)", "missing.png"),
    ],
)
def test_a_dead_link_would_fail_the_build(tmp_path, caplog, text, complaint):
    """With the site's own settings, on pages that are quick to build."""
    config_module = pytest.importorskip("mkdocs.config", reason="needs the extra `docs`")
    from mkdocs.commands.build import build
    from mkdocs.exceptions import Abort

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(text)
    (tmp_path / "docs/other.md").write_text("# Other\n")
    config = config_module.load_config(
        str(ROOT / "mkdocs.yml"),
        docs_dir=str(tmp_path / "docs"),
        site_dir=str(tmp_path / "site"),
        nav=None,
        hooks=[],
        plugins=[],
        theme="mkdocs",
    )
    with pytest.raises(Abort):
        build(config)
    assert complaint in caplog.text


class Loaded(HTMLParser):
    """Collects the addresses that a page loads by itself, and its text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in LOADS:
            self.addresses.append(known.get(LOADS[tag]) or "")
            self.addresses += (known.get("srcset") or "").split()
        elif tag == "link" and known.get("rel") not in ("canonical", "next", "prev", "edit"):
            self.addresses.append(known["href"])

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_pages_load_nothing_from_a_network(site):
    for page in site.rglob("*.html"):
        found = [x for x in Loaded(page).addresses if re.match(r"(?i)(https?:)?//", x)]
        assert found == [], page
    for sheet in site.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']*", sheet.read_text())
        assert found == [], sheet


def test_what_pages_load_is_there(site):
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # wherever a server shows it
            continue
        for address in Loaded(page).addresses:
            name = address.partition("?")[0].partition("#")[0]
            assert not name or name.startswith("data:") or (page.parent / name).exists(), page


def test_search_works_in_pages_opened_from_a_disk(site, tmp_path):
    browsers = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, browsers)), None)
    if browser is None:
        pytest.skip(f"needs a browser on the PATH, one of {', '.join(browsers)}; none here")
    done = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"),
            f"--user-data-dir={tmp_path / 'profile'}",
            *("--virtual-time-budget=20000", "--dump-dom"),
            f"file://{site}/index.html?q=energy_window",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = done.stdout.partition("md-search-result__list")[2].partition("</ol>")[0]
    assert "configuration.html" in found
    assert "splits.html" in found


def test_no_docstring_shows_its_markup(site):
    for page in (site / "functions").glob("*.html"):
        text = "".join(Loaded(page).words)
        assert re.findall(r":(?:func|class|meth|mod|data|attr|exc):\S*", text) == [], page
        assert "::\n" not in text, page


def test_references_in_docstrings_are_links(site):
    """One to another page, one within the page, by its whole path and by its name alone."""
    page = (site / "functions/scaling.html").read_text(encoding="utf-8")
    assert re.search(r'href="#rungs\.scaling\.fit_power_law"[^>]*><code>fit_power_law', page)
    page = (site / "functions/references.html").read_text(encoding="utf-8")
    assert re.search(r'href="#rungs\.references\.fit_reference"[^>]*><code>fit_reference', page)
    for page in (site / "functions").glob("*.html"):
        assert "<autoref" not in page.read_text(encoding="utf-8"), page


@pytest.mark.parametrize("page", ["config", "references", "scaling"])
def test_examples_that_need_no_study_run(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    errors = [100 * n**-0.3 * (1 + 0.03 * s) for s in range(3) for n in (10, 32, 100, 320, 1000)]
    for example in code(f"functions/{page}.md", "python"):
        exec(example, {"errors": errors})


def test_the_tutorial_makes_its_two_files(tmp_path):
    """docs/tutorial.md, on runs of two atoms in the form in which they are published."""
    from rungs.config import read_study
    from rungs.sources import read_source

    (script,) = code("tutorial.md", "python")
    for part, element, number in itertools.product(
        ("train", "test"), ("Ag", "Au"), (100020, 10106)
    ):
        folder = tmp_path / f"runs/{part}-standard-{element}1"
        folder.mkdir(parents=True, exist_ok=True)
        run = COMPRESSED_RUN.replace("ELEMENT", element)
        (folder / f"vasprun-{number}.xml.polymlp").write_text(run)
    (tmp_path / "convert.py").write_text(script)
    command = [sys.executable, "convert.py", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "source_Ag.xyz: 4 frames\ntarget_Au.xyz: 4 frames\n"

    study = read_study(ROOT / "config/tutorial.yaml")
    frames = list(read_source(study.target, tmp_path, study.seed, "target"))
    assert len(frames) == 4
    assert len({frame.material_id for frame in frames}) == 2  # crystals 100 and 101
    frame = frames[0]
    assert frame.formula == "Au2"
    assert frame.energy == pytest.approx(-6.5)
    assert frame.forces[1].tolist() == [-0.1, 0.0, 0.2]
    assert frame.cart_coords[1].tolist() == [2.0, 2.0, 2.0]
    assert frame.stress == pytest.approx([-1.0, -2.0, -3.0, -0.3, -0.2, -0.1])  # kbar, compression
    study = read_study(ROOT / "config/ag_to_au.yaml")  # which keeps the published division
    parts = [frame.given_part for frame in read_source(study.target, tmp_path, 0, "target")]
    assert parts == ["train", "train", "test", "test"]


def test_salt_water_is_converted(tmp_path):
    """docs/salt_water.md, on frames of one molecule in atomic units."""
    from rungs.config import read_study
    from rungs.sources import read_source

    (script,) = code("salt_water.md", "python")
    frame = """begin
comment
lattice 20.0 0.0 0.0
lattice 0.0 20.0 0.0
lattice 0.0 0.0 20.0
atom 1.0 1.0 1.0 O 0.0 0.0 0.01 0.0 -0.02
atom 2.8 1.0 1.0 H 0.0 0.0 -0.01 0.0 0.0
atom 21.0 2.7 1.0 H 0.0 0.0 0.0 0.0 0.02
energy -17.0
charge 0.0
end
"""
    for name in ("gen2", "gen3"):
        (tmp_path / f"{name}.data").write_text(frame)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    study = read_study(ROOT / "config/salt_water.yaml")
    first, second = read_source(study.target, tmp_path, study.seed, "target")
    assert (first.formula, first.group, second.group) == ("H2O", "gen2", "gen3")
    assert first.energy == pytest.approx(-17 * 27.211386, abs=1e-5)
    assert first.forces[0] == pytest.approx([0.514221, 0.0, -1.028441], abs=1e-5)
    assert first.cell[0] == pytest.approx([10.583544, 0, 0], abs=1e-5)
    assert first.cart_coords[2, 0] == pytest.approx(0.529177, abs=1e-5)  # back in the cell


def test_elements_are_converted_and_meet_their_pairs(tmp_path):
    """docs/elements.md, on one element at both levels and a frame of MPtrj."""
    import gzip

    import numpy as np
    from pymatgen.core import Lattice, Structure

    from rungs.config import read_study
    from rungs.sources import read_source

    (script,) = code("elements.md", "python")
    crystal = Structure(Lattice.cubic(3.2), ["Li", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for functional, energy in (("PBE", -3.8), ("r2SCAN", -4.6)):
        document = {
            "structure": crystal.as_dict(),
            "energy": energy,
            "forces": [[0.1, 0, 0], [-0.1, 0, 0]],
            "stress": [10.0, 20.0, 30.0, 1.0, 2.0, 3.0],
            "matpes_id": "mp-135",
            "functional": functional,
            "provenance": {"original_mp_id": "mp-135"},
        }
        with gzip.open(tmp_path / f"MatPES-{functional}-Element-Refs.json.gz", "wt") as file:
            json.dump({"Li": document}, file)
    (tmp_path / "mptrj-random-1k.xyz").write_text(
        '1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0 '
        'mptrj_traj_id=mp-1 mptrj_snapshot_id=mp-1-0-3 stress="0 0 0 0 0 0 0 0 0" pbc="T T T"\n'
        "Cs 0 0 0 0 0 0\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    study = read_study(ROOT / "config/mptrj_to_elements.yaml")
    sample, source = read_source(study.source, tmp_path, study.seed, "source")
    (target,) = read_source(study.target, tmp_path, study.seed, "target")
    assert (sample.frame_id, sample.material_id) == ("mp-1-0-3", "mp-1")
    assert source.frame_id == source.material_id == target.frame_id == "mp-135"
    assert (source.energy, target.energy) == (-3.8, -4.6)
    np.testing.assert_allclose(source.cart_coords, target.cart_coords, atol=1e-6)
    np.testing.assert_allclose(source.stress, target.stress, atol=1e-6)  # kbar of both, as GPa
    np.testing.assert_allclose(source.forces, target.forces)


def test_energies_alone_are_left_where_nothing_is_tested(tmp_path):
    """docs/energies_only.md, on two frames."""
    from rungs.config.loading import load_study
    from rungs.sources import read_source

    (script,) = code("energies_only.md", "python")
    frame = (
        '1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy=-3.0 '
        'stress="1 0 0 0 1 0 0 0 1" group={} pbc="T T T"\nAu 0 0 0 0.1 0 0\n'
    )
    (tmp_path / "given.xyz").write_text(frame.format("100_64") + frame.format("101_64"))
    (tmp_path / "split.csv").write_text("material_id,part\n100_64,train\n101_64,test\n")
    (tmp_path / "hide.py").write_text(script)
    command = [sys.executable, "hide.py", "given.xyz", "split.csv", "gold_energies.xyz"]
    subprocess.run(command, cwd=tmp_path, check=True)

    with open(ROOT / "config/tutorial.yaml", encoding="utf-8") as handle:
        values = yaml.safe_load(handle)
    for part in code("energies_only.md", "yaml"):
        more = yaml.safe_load(part)
        values["study"] = more["study"]
        values["target"]["data"] |= more["target"]["data"]
    study = load_study(values, "the page's study")
    hidden, tested = read_source(study.target, tmp_path, study.seed, "target")
    assert (hidden.material_id, hidden.labels) == ("100_64", ("energy",))
    assert (tested.material_id, tested.labels) == ("101_64", ("energy", "forces", "stress"))


COMPRESSED_RUN = """<?xml version="1.0" ?><modeling><calculation><energy>
<i name="e_fr_energy"> -6.5 </i><i name="e_wo_entrp"> -6.6 </i><i name="e_0_energy"> 0.04 </i>
</energy>
<varray name="forces"><v> 0.1 0.0 -0.2 </v><v> -0.1 0.0 0.2 </v></varray>
<varray name="stress"><v> 10 1 2 </v><v> 1 20 3 </v><v> 2 3 30 </v></varray>
<structure name="finalpos">
<crystal><varray name="basis"><v> 4 0 0 </v><v> 0 4 0 </v><v> 0 0 4 </v></varray></crystal>
<varray name="positions"><v> 0 0 0 </v><v> 0.5 0.5 0.5 </v></varray>
</structure>
<array name="atomtypes"><set><rc><c> 2 </c><c>ELEMENT</c></rc></set></array>
<array name="atoms"><set><rc><c>ELEMENT</c><c> 1</c></rc>
<rc><c>ELEMENT</c><c> 1</c></rc></set></array>
</calculation></modeling>
"""
"""Energies in eV, forces in eV/Å, stresses in kbar with VASP's sign."""


def test_the_reader_of_the_example_reads(tmp_path):
    """docs/add_source.md"""
    import numpy as np

    from rungs.config import bulk
    from rungs.config.data import Screening
    from rungs.errors import StudyError
    from rungs.frames.faults import reason_to_reject

    section, reader = code("add_source.md", "python")
    names = vars(bulk).copy()
    exec(section, names)
    exec(reader.replace("from rungs.config.bulk import NumpyTrajectories", ""), names)
    data = names["NumpyTrajectories"](
        kind="npz", train=["a.npz"], energy_unit="eV/atom", forces_unit="meV/Å"
    )
    level = SimpleNamespace(functional="PBE", data=data)
    arrays = {
        "cell": 4.2 * np.eye(3),
        "atomic_numbers": np.array([12, 8]),
        "positions": np.tile([[0.0, 0, 0], [2.1, 2.1, 2.1]], (3, 1, 1)),
        "energies": np.array([-5.9, -5.8, -5.7]),
        "forces": np.full((3, 2, 3), 30.0),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    frames = list(names["read_npz"](level, tmp_path))
    assert [frame.frame_id for frame in frames] == ["a:0", "a:1", "a:2"]
    assert frames[0].energy == pytest.approx(-11.8)
    assert frames[0].forces.max() == pytest.approx(0.03)
    assert all(reason_to_reject(frame, Screening()) is None for frame in frames)
    np.savez(tmp_path / "a.npz", cell=arrays["cell"])
    with pytest.raises(StudyError, match="has no array atomic_numbers"):
        list(names["read_npz"](level, tmp_path))


def test_the_figure_of_the_example_is_drawn():
    """docs/add_figure.md"""
    function, _, _, test = code("add_figure.md", "python")
    names: dict = {}
    exec(function, names)
    exec(test.replace("from rungs.figures.training_times import draw_training_times", ""), names)
    names["test_a_dot_for_each_training"]()


def test_the_step_of_the_example_does_what_it_says(toy_architecture):
    """docs/add_method.md"""
    from rungs.config.methods import Method

    key, check, step, test = code("add_method.md", "python")
    assert "empty_readout: bool = False" in key
    assert "initial" in Method.model_fields
    assert 'self.initial == "random"' in check
    names: dict = {}
    exec(_IMPORTS_OF_THE_STEP + step + test, names)
    names["test_an_empty_readout_leaves_the_reference_energies"](toy_architecture)


_IMPORTS_OF_THE_STEP = """
import numpy as np
import pytest
import torch
from rungs.graphs.build import build_graph
from rungs.potentials.models import new_model
from rungs.potentials.predict import predict
from rungs.potentials.references import set_reference
"""
