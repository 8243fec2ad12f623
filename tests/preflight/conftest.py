"""Frames whose energies, forces and stresses belong together, and files of every kind with them."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from rungs.cli.main import main
from rungs.config import read_study

KBAR = 10 / units.GPa


@dataclass
class Labelled:
    """A frame of a material."""

    material: str
    atoms: Atoms
    energy: float
    forces: np.ndarray
    stress: np.ndarray


def labelled_frames(element: str, materials: int, each: int, seed: int) -> list[Labelled]:
    """Strained and rattled crystals, labelled by effective medium theory in ASE's units."""
    random, found = np.random.default_rng(seed), []
    for m in range(materials):
        base = bulk(element, cubic=True) * ((1, 1, 1) if m % 2 else (2, 1, 1))
        base.set_cell(base.cell.array * (1 + 0.02 * random.standard_normal()), scale_atoms=True)
        for _ in range(each):
            atoms, strain = base.copy(), 0.02 * random.standard_normal((3, 3))
            atoms.set_cell(
                atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True
            )
            atoms.rattle(0.03, rng=random)
            atoms.calc = EMT()
            labels = (
                atoms.get_potential_energy(),
                atoms.get_forces().copy(),
                atoms.get_stress().copy(),
            )
            found.append(Labelled(f"m{m:02d}", atoms, *labels))
    return found


@pytest.fixture(scope="session")
def copper() -> list[Labelled]:
    return labelled_frames("Cu", 12, 4, 0)


@pytest.fixture(scope="session")
def gold() -> list[Labelled]:
    return labelled_frames("Au", 12, 4, 1)


def write_xyz(
    path: Path,
    frames: Sequence[Labelled],
    *,
    keys: tuple[str, str | None, str | None] = ("energy", "forces", "stress"),
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0),
    per_atom: bool = False,
    order: Sequence[int] = range(6),
    material: str | None = "mat",
    more: Callable[[int], str] = lambda _: "",
    periodic: bool = True,
    times_volume: bool = False,
) -> Path:
    """Write extended XYZ under names and in units of any kind."""
    energy_key, forces_key, stress_key = keys
    lines = []
    for number, frame in enumerate(frames):
        n_atoms = len(frame.atoms)
        cell = " ".join(f"{x:.9f}" for x in frame.atoms.cell.array.ravel())
        energy = frame.energy * factors[0] / (n_atoms if per_atom else 1)
        words = [f'Lattice="{cell}"'] if periodic else []
        columns = f":{forces_key}:R:3" if forces_key else ""
        words += [f"Properties=species:S:1:pos:R:3{columns}", f"{energy_key}={energy:.10f}"]
        if stress_key:
            volume = frame.atoms.get_volume() if times_volume else 1.0
            stress = frame.stress[list(order)] * factors[2] * volume
            words.append(f'{stress_key}="{" ".join(f"{x:.9f}" for x in stress)}"')
        if material:
            words.append(f"{material}={frame.material}")
        words += [more(number), 'pbc="T T T"' if periodic else 'pbc="F F F"']
        lines += [str(n_atoms), " ".join(filter(None, words))]
        for symbol, place, force in zip(
            frame.atoms.get_chemical_symbols(), frame.atoms.positions, frame.forces, strict=True
        ):
            row = [*place, *(force * factors[1])] if forces_key else place
            lines.append(f"{symbol} " + " ".join(f"{x:.9f}" for x in row))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def calculated(frame: Labelled) -> Atoms:
    """The frame with its labels as results of a calculator."""
    atoms = frame.atoms.copy()
    atoms.calc = SinglePointCalculator(
        atoms, energy=frame.energy, forces=frame.forces, stress=frame.stress
    )
    return atoms


def write_ase_db(path: Path, frames: Sequence[Labelled]) -> Path:
    from ase.db import connect

    with connect(path) as database:
        for frame in frames:
            database.write(calculated(frame), mat_id=frame.material)
    return path


def write_ase_pairs(path: Path, frames: Sequence[Labelled]) -> Path:
    """Labels among key-value pairs and data, without a calculator."""
    from ase.db import connect

    with connect(path) as database:
        for frame in frames:
            database.write(
                frame.atoms.copy(),
                mat_id=frame.material,
                dft_energy=frame.energy,
                data={"dft_forces": frame.forces, "dft_stress": frame.stress},
            )
    return path


def write_trajectory(path: Path, frames: Sequence[Labelled]) -> Path:
    from ase.io import write

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(path, [calculated(frame) for frame in frames])
    return path


def _structure(atoms: Atoms) -> dict:
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_structure(atoms.copy()).as_dict()


def write_mp_json(path: Path, frames: Sequence[Labelled]) -> Path:
    nested: dict[str, dict] = {}
    for number, frame in enumerate(frames):
        nested.setdefault(frame.material, {})[f"{frame.material}-0-{number}"] = {
            "structure": _structure(frame.atoms),
            "uncorrected_total_energy": frame.energy,
            "force": frame.forces.tolist(),
            "stress": _matrix(frame.stress * -KBAR),
        }
    path.write_text(json.dumps(nested), encoding="utf-8")
    return path


def write_matpes_json(path: Path, frames: Sequence[Labelled]) -> Path:
    documents = [
        {
            "matpes_id": f"matpes-{number}",
            "functional": "r2SCAN",
            "structure": _structure(frame.atoms),
            "energy": frame.energy,
            "forces": frame.forces.tolist(),
            "stress": (frame.stress * -KBAR).tolist(),
            "provenance": {"original_mp_id": f"mp-{frame.material[1:]}"},
        }
        for number, frame in enumerate(frames)
    ]
    path.write_text(json.dumps(documents), encoding="utf-8")
    return path


def _matrix(voigt: np.ndarray) -> list[list[float]]:
    xx, yy, zz, yz, xz, xy = voigt.tolist()
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


def write_parquet(path: Path, frames: Sequence[Labelled]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "frame_id": f"f{number}",
            "material_id": f"mp-{frame.material[1:]}",
            "cell": frame.atoms.cell.array.tolist(),
            "atomic_numbers": frame.atoms.numbers.tolist(),
            "cart_coords": frame.atoms.positions.tolist(),
            "energy": frame.energy,
            "forces": frame.forces.tolist(),
            "stress": _matrix(frame.stress * -KBAR),
        }
        for number, frame in enumerate(frames)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_vasp_runs(folder: Path, frames: Sequence[Labelled]) -> Path:
    """A folder of relaxations, one for each material."""
    by_material: dict[str, list[Labelled]] = {}
    for frame in frames:
        by_material.setdefault(frame.material, []).append(frame)
    for name, steps in by_material.items():
        run = folder / name
        run.mkdir(parents=True)
        (run / "vasprun.xml").write_text(_vasprun(steps), encoding="utf-8")
    return folder


def _rows(name: str, matrix: object) -> str:
    lines = "".join(f"<v>{' '.join(f'{x:.10f}' for x in row)}</v>" for row in np.asarray(matrix))
    return f'<varray name="{name}">{lines}</varray>'


def _vasprun(steps: Sequence[Labelled]) -> str:
    def structure(frame: Labelled, name: str = "") -> str:
        cell = frame.atoms.cell.array
        return (
            f"<structure{name}><crystal>{_rows('basis', cell)}"
            f"{_rows('rec_basis', np.linalg.inv(cell).T)}</crystal>"
            f"{_rows('positions', frame.atoms.get_scaled_positions(wrap=False))}</structure>"
        )

    def energies(value: float) -> str:
        names = ("e_fr_energy", "e_wo_entrp", "e_0_energy")
        inner = "".join(f'<i name="{name}">{value:.10f}</i>' for name in names)
        return f"<energy>{inner}</energy>"

    symbols = steps[0].atoms.get_chemical_symbols()
    atoms = "".join(f"<rc><c>{symbol}</c><c>1</c></rc>" for symbol in symbols)
    kind = f"<rc><c>{len(symbols)}</c><c>{symbols[0]}</c><c>1.0</c><c>1.0</c><c>PAW_PBE</c></rc>"
    calculations = "".join(
        f"<calculation><scstep>{energies(s.energy)}</scstep>{structure(s)}"
        f"{_rows('forces', s.forces)}{_rows('stress', _matrix(s.stress * -KBAR))}"
        f"{energies(s.energy)}</calculation>"
        for s in steps
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><modeling>'
        '<generator><i name="program" type="string">vasp</i>'
        '<i name="version" type="string">6.3.0</i></generator>'
        '<incar><i type="string" name="ALGO">Normal</i></incar>'
        '<kpoints><generation param="Gamma"><v type="int" name="divisions">1 1 1</v></generation>'
        f"{_rows('kpointlist', [[0, 0, 0]])}{_rows('weights', [[1]])}</kpoints>"
        '<parameters><separator name="general"><i type="int" name="NELM">60</i>'
        '<i type="int" name="NSW">10</i><i type="int" name="IBRION">2</i>'
        '<i name="PSTRESS">0.0</i><i type="int" name="ISPIN">1</i></separator></parameters>'
        f"<atominfo><atoms>{len(symbols)}</atoms><types>1</types>"
        f'<array name="atoms"><set>{atoms}</set></array>'
        f'<array name="atomtypes"><set>{kind}</set></array></atominfo>'
        + structure(steps[0], ' name="initialpos"')
        + calculations
        + structure(steps[-1], ' name="finalpos"')
        + "</modeling>"
    )


@pytest.fixture(scope="session")
def write() -> SimpleNamespace:
    """Functions that write frames into files of each kind."""
    functions = (
        *(write_xyz, write_ase_db, write_ase_pairs, write_trajectory),
        *(write_mp_json, write_matpes_json, write_parquet, write_vasp_runs),
    )
    return SimpleNamespace(**{f.__name__.removeprefix("write_"): f for f in functions})


@pytest.fixture
def source(tmp_path, copper) -> Path:
    """A source that needs no looking at."""
    return write_xyz(tmp_path / "cheap_PBE.xyz", copper)


@dataclass
class Initialised:
    """What ``rungs init`` and ``rungs check`` gave."""

    status: int
    out: str
    err: str
    path: Path

    @property
    def study(self):
        return read_study(self.path)

    @property
    def target(self):
        return self.study.target.data


@pytest.fixture
def init(tmp_path, capsys, monkeypatch) -> Callable[..., Initialised]:
    """Run ``rungs init`` in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(source: object, target: object, *options: str) -> Initialised:
        status = main(["init", str(source), str(target), "--name", "proposed", *options])
        said = capsys.readouterr()
        return Initialised(status, said.out, said.err, folder / "proposed.yaml")

    return run


@pytest.fixture
def check(capsys) -> Callable[..., Initialised]:
    """Run ``rungs check`` on a study's file."""

    def run(path: Path, *options: str) -> Initialised:
        status = main(["check", str(path), *options])
        said = capsys.readouterr()
        return Initialised(status, said.out, said.err, path)

    return run
