"""Folders of VASP calculations: steps, convergence, energies, and runs that were cut short."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rungs.config.bulk import VaspRuns
from rungs.config.data import Level
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.sources import provenance, read_source
from rungs.sources.notes import Notes

BASIS = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.5, 0.0, 5.0]])
POSITIONS = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])


def rows(name, values):
    lines = "".join(f"<v>{' '.join(f'{x:.8f}' for x in row)}</v>" for row in np.asarray(values))
    return f'<varray name="{name}">{lines}</varray>'


def energies(free, zero):
    return (
        f'<energy><i name="e_fr_energy">{free}</i><i name="e_wo_entrp">{free}</i>'
        f'<i name="e_0_energy">{zero}</i></energy>'
    )


def structure(attributes, scale):
    return (
        f"<structure{attributes}><crystal>{rows('basis', BASIS * scale)}"
        f"{rows('rec_basis', np.linalg.inv(BASIS * scale).T)}</crystal>"
        f"{rows('positions', POSITIONS)}</structure>"
    )


def step(energy, scale, n_loops, zero=None):
    """An ionic step; the step's own e_0_energy is wrong, as some versions of VASP write it."""
    loops = f"<scstep>{energies(energy, energy - 0.25)}</scstep>" * n_loops
    forces, stress = rows("forces", [[0.1, 0, 0], [-0.1, 0, 0]]), rows("stress", STRESS)
    return (
        f"<calculation>{loops}{structure('', scale)}{forces}{stress}"
        f"{energies(energy, 0.0 if zero is None else zero)}</calculation>"
    )


STRESS = [[10, 60, 50], [60, 20, 40], [50, 40, 30]]


def vasprun(*steps, nsw=10, ibrion=2, nelm=5, pstress=0.0):
    atoms = "".join(f"<rc><c>{symbol}</c><c>{i}</c></rc>" for i, symbol in ((1, "Mg"), (2, "O ")))
    types = "".join(
        f"<rc><c>1</c><c>{symbol}</c><c>1.0</c><c>1.0</c><c>PAW_PBE {symbol} 06Sep2000</c></rc>"
        for symbol in ("Mg", "O ")
    )
    parameters = (
        f'<i type="int" name="NELM">{nelm}</i><i type="int" name="NSW">{nsw}</i>'
        f'<i type="int" name="IBRION">{ibrion}</i><i name="PSTRESS">{pstress}</i>'
        '<i type="int" name="ISPIN">2</i>'
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><modeling>'
        '<generator><i name="program" type="string">vasp</i>'
        '<i name="version" type="string">6.3.0</i></generator>'
        '<incar><i type="string" name="ALGO">Normal</i></incar>'
        '<kpoints><generation param="Gamma"><v type="int" name="divisions">1 1 1</v></generation>'
        f"{rows('kpointlist', [[0, 0, 0]])}{rows('weights', [[1]])}</kpoints>"
        f'<parameters><separator name="general">{parameters}</separator></parameters>'
        f'<atominfo><atoms>2</atoms><types>2</types><array name="atoms"><set>{atoms}</set></array>'
        f'<array name="atomtypes"><set>{types}</set></array></atominfo>'
        + structure(' name="initialpos"', 1)
        + "".join(steps)
        + structure(' name="finalpos"', 1)
        + "</modeling>"
    )


RELAXATION = (step(-10.0, 1.02, 3), step(-11.0, 1.01, 5), step(-12.0, 1.0, 2))
OUTCAR = """\
 running on    1 total cores
   number of bands    NBANDS=          8
 total plane-waves  NPLWV =       1000
   ISPIN  =      2    spin polarized calculation?
   IBRION =      2    ionic relax: 0-MD 1-quasi-New 2-CG
 magnetization (x)

# of ion       s       p       d       tot
------------------------------------------
    1        0.010   0.020  -2.030  -2.000
    2        0.000   0.010   0.490   0.500
--------------------------------------------------
tot          0.010   0.030  -1.540  -1.500
"""


def level(**options) -> Level:
    data = VaspRuns.model_validate({"kind": "vasp_runs", "folder": "runs"} | options)
    return Level(label="PBE", functional="PBE", data=data)


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vasprun.xml", data)
    return packed.getvalue()


def zstandard(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.fixture
def put(tmp_path):
    """A function that writes a file into the folder of runs."""

    def write(name: str, text: str) -> None:
        path = tmp_path / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    return write


def read(folder, **options):
    return list(read_source(level(**options), folder, 0))


def test_every_ionic_step_is_a_frame(put, tmp_path):
    put("MgO/relax/vasprun.xml", vasprun(*RELAXATION))
    frames = read(tmp_path)
    assert [f.frame_id for f in frames] == [f"MgO/relax:{i}" for i in range(3)]
    assert {f.material_id for f in frames} == {"MgO/relax"}
    assert [f.energy for f in frames] == pytest.approx([-10.25, -11.25, -12.25])
    assert [f.converged for f in frames] == [True, False, True]  # NELM is 5
    assert [f.relaxed_energy for f in frames] == pytest.approx([-6.125] * 3)
    first = frames[0]
    np.testing.assert_allclose(first.cell, BASIS * 1.02)
    np.testing.assert_allclose(first.cart_coords, POSITIONS @ BASIS * 1.02)
    assert first.atomic_numbers.tolist() == [12, 8]
    assert first.forces.tolist() == [[0.1, 0, 0], [-0.1, 0, 0]]
    assert first.stress.tolist() == pytest.approx([-1, -2, -3, -4, -5, -6])
    assert first.magmoms is None


def test_the_free_energy_and_the_work_of_a_pressure(put, tmp_path):
    put("a/vasprun.xml", vasprun(*RELAXATION, pstress=100.0))
    frames = read(tmp_path, energy="e_fr_energy")
    volumes = np.array([f.volume for f in frames])
    wanted = np.array([-10.0, -11.0, -12.0]) - 100 * volumes / 1602.1766208
    assert [f.energy for f in frames] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"nsw": 3}, RELAXATION),  # all steps were taken
        ({"nsw": 0, "ibrion": -1}, RELAXATION[:1]),  # a single point
        ({"nsw": 50, "ibrion": 0}, RELAXATION),  # molecular dynamics
        ({"nelm": 2}, RELAXATION),  # the last electronic loop hit its limit
    ],
)
def test_what_is_no_relaxation_that_converged_has_no_relaxed_energy(put, tmp_path, options, steps):
    put("a/vasprun.xml", vasprun(*steps, **options))
    assert {f.relaxed_energy for f in read(tmp_path)} == {None}


def test_moments_of_the_last_step_come_from_the_outcar_beside(put, tmp_path):
    put("a/vasprun.xml.gz", vasprun(*RELAXATION))
    put("a/OUTCAR.gz", OUTCAR)
    frames = read(tmp_path)
    assert [f.magmoms is None for f in frames] == [True, True, False]
    assert frames[-1].magmoms.tolist() == [2.0, 0.5]


def test_an_outcar_that_cannot_be_read_is_told(put, tmp_path):
    put("a/vasprun.xml", vasprun(*RELAXATION))
    put("a/OUTCAR", "nothing")
    with pytest.warns(UserWarning, match="OUTCAR: no magnetic moments could be read"):
        frames = read(tmp_path)
    assert frames[-1].magmoms is None


def test_names_of_runs_and_materials(put, tmp_path):
    put("vasprun.xml", vasprun(RELAXATION[0]))
    put("Si/a/vasprun.xml", vasprun(RELAXATION[0]))
    put("Si/b/vasprun.xml.relax1.gz", vasprun(RELAXATION[0]))
    found = [(f.frame_id, f.material_id) for f in read(tmp_path)]
    assert found == [
        ("Si/a:0", "Si/a"),
        ("Si/b/vasprun.xml.relax1:0", "Si/b"),
        ("runs:0", "runs"),
    ]
    materials = [f.material_id for f in read(tmp_path, material_depth=1)]
    assert materials == ["Si", "Si", "runs"]
    assert len(read(tmp_path, pattern="Si/*/vasprun.xml")) == 1


@pytest.mark.parametrize("name", ["b/vasprun.xml", "b/vasprun.xml.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_run_cut_short_is_set_aside_and_the_others_kept(put, tmp_path, name, share):
    for folder in "ac":
        put(f"{folder}/vasprun.xml", vasprun(RELAXATION[0]))
    put(name, vasprun(*RELAXATION))
    path = tmp_path / "runs" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    first, refused, last = read(tmp_path)
    assert (first.frame_id, last.frame_id) == ("a:0", "c:0")
    assert isinstance(refused, Rejected)
    assert refused.kind == "unfinished run"
    assert name in refused.reason


def test_runs_without_steps_or_forces_are_set_aside(put, tmp_path):
    put("a/vasprun.xml", vasprun())
    bare = RELAXATION[0].replace('name="forces"', 'name="velocities"')
    put("b/vasprun.xml", vasprun(bare, RELAXATION[1]))
    bare = bare.replace("<energy>", "<nothing>").replace("</energy>", "</nothing>")
    put("c/vasprun.xml", vasprun(bare, RELAXATION[1]))
    no_steps, no_forces, _, neither, _ = read(tmp_path)
    assert no_steps.kind == "unfinished run"
    assert no_forces.labels == ("energy", "stress")
    assert neither.labels == ("stress",)


def test_a_run_without_steps_is_set_aside(put, tmp_path):
    """Of response functions, which pymatgen reads."""
    put("a/vasprun.xml", vasprun().replace(">Normal<", ">Chi<"))
    (refused,) = read(tmp_path)
    assert refused.kind == "no step"


def learned(energy, scale):
    """A machine-learned step, which stands outside of any calculation."""
    whole = step(energy, scale, 0)
    inner = whole.removeprefix("<calculation>").removesuffix("</calculation>")
    return inner.replace("</energy>", '<i name="kinetic">0.1</i></energy>')


@pytest.mark.parametrize("n_calculated", [0, 2])
def test_machine_learned_steps_are_counted_in_a_row_of_the_rejects(put, tmp_path, n_calculated):
    calculated = [step(-10.0 - i, 1.0, 2) for i in range(n_calculated)]
    steps = [learned(-9.0, 1.01), *calculated, learned(-9.5, 1.02)]
    text = vasprun(*steps, nsw=len(steps), ibrion=0)
    text = text.replace("<incar>", '<incar><i type="logical" name="ML_LMLFF">T</i>')
    put("md/vasprun.xml", text)
    refused, *frames = read(tmp_path)
    assert refused.kind == "machine-learned steps"
    assert f"2 of {2 + n_calculated} steps" in refused.reason
    assert [frame.frame_id for frame in frames] == [f"md:{i}" for i in range(n_calculated)]


STARRED = {
    "forces": (lambda s: s.replace("0.10000000 0", "********* 0", 1), "forces"),
    "forces that run together": (
        lambda s: s.replace("0.10000000 0.00000000", "-99.5*************", 1),
        "forces",
    ),
    "energy": (lambda s: "*********".join(s.rsplit("-11.0", 2)), "energy"),
    "stress": (lambda s: s.replace("60.00000000", "********", 1), "stress"),
    "cell": (lambda s: s.replace("<v>3.00000000", "<v>**********", 1), "cell, cart_coords"),
    "positions": (lambda s: s.replace("0.50000000 0.5", "********** 0.5", 1), "cart_coords"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("where", STARRED)
def test_asterisks_reject_their_step_by_its_number(put, tmp_path, where, packed):
    change, fields = STARRED[where]
    changed = change(step(-11.0, 1.0, 2))
    assert "***" in changed
    put(f"a/vasprun.xml{'.gz' * packed}", vasprun(RELAXATION[0], changed, RELAXATION[2]))
    first, refused, last = read(tmp_path)
    assert (first.frame_id, refused.frame_id, last.frame_id) == ("a:0", "a:1", "a:2")
    assert refused.kind == "overflow"
    assert "step 1 of" in refused.reason
    assert f"has asterisks in place of numbers in its {fields}:" in refused.reason


def test_asterisks_in_what_is_not_read_reject_nothing(put, tmp_path):
    odd = RELAXATION[1].replace("</calculation>", "<dos><i>*****</i></dos></calculation>")
    put("a/vasprun.xml", vasprun(RELAXATION[0], odd, RELAXATION[2]))
    assert [frame.energy for frame in read(tmp_path)] == pytest.approx([-10.25, -11.25, -12.25])


def test_asterisks_are_found_in_any_piece_of_the_file(put, tmp_path, monkeypatch):
    monkeypatch.setattr("rungs.sources.vasprun_files.BLOCK", 7)
    changed = STARRED["forces"][0](RELAXATION[1])
    put("a/vasprun.xml", vasprun(RELAXATION[0], changed, RELAXATION[2]))
    assert [type(item) for item in read(tmp_path)] == [Frame, Rejected, Frame]


def test_numbers_that_are_none_without_asterisks_are_missing_labels(put, tmp_path):
    put("a/vasprun.xml", vasprun(RELAXATION[0].replace("0.10000000 0", "NaN 0", 1)))
    (frame,) = read(tmp_path)
    assert np.isnan(frame.forces).sum() == 1


def test_steps_that_did_not_converge_are_counted_without_any_filter(put, tmp_path):
    put("a/vasprun.xml", vasprun(*RELAXATION))
    put("b/vasprun.xml", vasprun(RELAXATION[1], nelm=1))
    notes = Notes()
    list(read_source(level(), tmp_path, 0, "source", notes))
    (line,) = notes.lines()
    assert line.startswith("in 2 ionic steps the electronic loop took all of NELM")
    assert line.endswith("(a:1, b:0)")


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip", ".zst", ""])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped, zstandard])
def test_packings_by_what_is_in_the_file(put, tmp_path, ending, pack):
    put("a/vasprun.xml", vasprun(*RELAXATION))
    wanted = read(tmp_path)
    path = tmp_path / "runs/a/vasprun.xml"
    data = pack(path.read_bytes())
    path.unlink()
    path.with_name(f"vasprun.xml{ending}").write_bytes(data)
    found = read(tmp_path)
    assert [f.frame_id for f in found] == [f.frame_id for f in wanted]
    assert [f.energy for f in found] == [f.energy for f in wanted]


def test_links_copies_and_what_they_lead_to(put, tmp_path):
    put("a/vasprun.xml", vasprun(*RELAXATION))
    put("a/vasprun.xml.bak", vasprun(RELAXATION[0]))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs/a/vasprun.xml").rename(tmp_path / "elsewhere/vasprun.xml")
    put("b/vasprun.xml", vasprun(RELAXATION[0]))
    (tmp_path / "runs/c").symlink_to("../elsewhere")
    (tmp_path / "runs/d").symlink_to("b")
    (tmp_path / "runs/e").symlink_to("nowhere")
    notes = Notes()
    items = list(read_source(level(), tmp_path, 0, "source", notes))
    frames = [item.frame_id for item in items if isinstance(item, Frame)]
    assert frames == ["b:0", "c:0", "c:1", "c:2"]
    refused = {item.frame_id: item.kind for item in items if isinstance(item, Rejected)}
    assert refused == {"a/vasprun.xml.bak": "backup copy", "e": "dead link"}
    assert list(notes.lines())[:3] == [
        "1 backup copies were not read (a/vasprun.xml.bak)",
        "1 symbolic links lead nowhere (e)",
        "1 symbolic links lead to what was found already (d)",
    ]


def test_a_folder_with_copies_only_tells_them(put, tmp_path):
    put("a/vasprun.xml.bak", "")
    with pytest.raises(StudyError, match=r"1 backup copies were not read \(a/vasprun\.xml\.bak\)"):
        read(tmp_path)


def test_another_file_of_this_name_is_called_what_it_is(put, tmp_path):
    put("a/vasprun.xml", "<html>403 Forbidden</html>")
    (refused,) = read(tmp_path)
    assert "is a web page, where a vasprun.xml is expected" in refused.reason


def test_a_folder_without_runs_is_an_error(put, tmp_path):
    with pytest.raises(StudyError, match=r"runs: is no folder .*source\.data\.folder"):
        read(tmp_path)
    put("readme.txt", "")
    with pytest.raises(StudyError, match=r"has no file that fits '\*\*/vasprun\.xml\*'"):
        read(tmp_path)


def test_provenance_has_one_digest_over_all(put, tmp_path):
    put("a/vasprun.xml", "x")
    put("b/vasprun.xml", "yz")
    first = provenance(level(), tmp_path, 0)["runs"]
    assert (first["count"], first["bytes"]) == (2, 3)
    put("b/vasprun.xml", "zy")
    assert (
        provenance(level(), tmp_path, 0)["runs"]["sha256_of_digests"]
        != (first["sha256_of_digests"])
    )


def test_a_real_file_reads_as_ase_reads_it(put, tmp_path):
    """A calculation under pressure that ASE ships for its own tests; labels in ASE's units."""
    folder = pytest.importorskip("ase.test").__path__[0]
    path = Path(folder) / "testdata/vasp/vasprun_pstress.xml"
    if not path.is_file():
        pytest.skip("this ASE comes without its test data")
    from ase.io import read as ase_read
    from ase.units import GPa

    put("C/vasprun.xml", path.read_text(encoding="latin-1"))
    (frame,) = read(tmp_path)
    wanted = ase_read(path, format="vasp-xml")
    assert frame.energy == pytest.approx(wanted.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(frame.stress, wanted.get_stress() / GPa, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(frame.forces, wanted.get_forces(), atol=1e-8)
    np.testing.assert_allclose(frame.cart_coords, wanted.positions, atol=1e-8)
    assert frame.converged
