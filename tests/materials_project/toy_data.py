"""A small Materials Project: rocksalt crystals with made-up labels and the real one's quirks.

The labels are a formula's, no calculation's: energies of the elements, springs, a bulk modulus.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

CATIONS = {"Li": 2.05, "Na": 2.4, "K": 2.75, "Mg": 2.1, "Ca": 2.4, "Mn": 2.2, "Fe": 2.15}
ANIONS = {"O": 0.0, "F": -0.05, "Cl": 0.4}
NUMBERS = {"Li": 3, "O": 8, "F": 9, "Na": 11, "Mg": 12, "Cl": 17, "K": 19, "Ca": 20}
NUMBERS |= {"Mn": 25, "Fe": 26}
U_VALUES = {"Mn": 3.9, "Fe": 5.3}
ELEMENT_ENERGY = {
    symbol: {"GGA": -1.0 - 0.13 * z, "r2SCAN": -3.0 - 0.61 * z} for symbol, z in NUMBERS.items()
}
SPRING = 4.0
BULK = 30.0
EV_TO_KBAR = 1602.1766
NELM = 100
RELAXATION = "Structure Optimization"
RESTRICTED = "gnome_r2scan_statics"

SCHEMA = pa.schema(
    [
        ("elements", pa.list_(pa.int64())),
        ("cart_coords", pa.list_(pa.list_(pa.list_(pa.float64())))),
        ("num_ionic_steps", pa.int64()),
        ("lattice", pa.list_(pa.list_(pa.list_(pa.float64())))),
        ("energy", pa.list_(pa.float64())),
        ("forces", pa.list_(pa.list_(pa.list_(pa.float64())))),
        ("stress", pa.list_(pa.list_(pa.list_(pa.float64())))),
        ("num_electronic_steps", pa.list_(pa.int64())),
        ("e_wo_entrp", pa.list_(pa.float64())),
        ("e_fr_energy", pa.list_(pa.float64())),
        ("identifier", pa.string()),
        ("task_type", pa.string()),
        ("run_type", pa.string()),
    ]
)


def letters(number: int) -> str:
    from emmet.core.mpid import AlphaID

    return str(AlphaID(number, padlen=8))


@dataclass
class Toy:
    """What the service holds: documents by route, and the rows of the table."""

    core: list[dict] = field(default_factory=list)
    thermo: list[dict] = field(default_factory=list)
    tasks: list[dict] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    """Number of the calculation that shows each quirk."""


def make_toy() -> Toy:
    toy = Toy()
    number = 1000
    for cation, length in CATIONS.items():
        for anion, more in ANIONS.items():
            number += 100
            _add_material(toy, number, cation, anion, length + more)
    return toy


def spelled(number: int) -> str:
    """The service writes either spelling."""
    return f"mp-{number}" if number % 3 else f"mp-{letters(number)}"


def _structure(half: float, volume: float, shift: np.ndarray) -> tuple:
    a = 2 * half * volume ** (1 / 3)
    cell = a / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
    coords = np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) @ cell + shift
    return cell, coords


def _labels(
    cation: str, anion: str, functional: str, volume: float, shift: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    energy = sum(ELEMENT_ENERGY[symbol][functional] for symbol in (cation, anion))
    energy += 0.5 * SPRING * float((shift**2).sum()) + BULK * (volume - 1) ** 2
    stress = np.eye(3) * -2 * BULK * (volume - 1) / 20 * EV_TO_KBAR / 10
    return energy, -SPRING * shift, stress


def _row(
    number: int,
    cation: str,
    anion: str,
    half: float,
    functional: str,
    run_type: str,
    task_type: str,
    n_steps: int,
    far: float = 1.0,
) -> dict:
    random = np.random.default_rng(number)
    cells, coords, energies, forces, stresses = [], [], [], [], []
    for step in range(n_steps):
        left = far * (n_steps - 1 - step) / max(n_steps - 1, 1) if n_steps > 1 else 0.0
        volume, shift = 1 + 0.08 * left, 0.12 * left * random.normal(size=(2, 3))
        cell, places = _structure(half, volume, shift)
        energy, force, stress = _labels(cation, anion, functional, volume, shift)
        cells.append(cell.tolist())
        coords.append(places.tolist())
        energies.append(energy)
        forces.append(force.tolist())
        stresses.append(stress.tolist())
    return {
        "elements": [NUMBERS[cation], NUMBERS[anion]],
        "cart_coords": coords,
        "num_ionic_steps": n_steps,
        "lattice": cells,
        # older documents have 0.0 here
        "energy": [0.0] * n_steps if number % 2 else [e + 1e-4 for e in energies],
        "forces": forces,
        "stress": stresses,
        "num_electronic_steps": [12 + step for step in range(n_steps)],
        "e_wo_entrp": [energy + 2e-4 for energy in energies],
        "e_fr_energy": energies,
        "identifier": letters(number),
        "task_type": task_type,
        "run_type": run_type,
    }


def _task(row: dict, number: int, cation: str, anion: str, run_type: str, metagga: str) -> dict:
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.vasp.sets import MPRelaxSet

    structure = Structure(
        Lattice(row["lattice"][-1]),
        [cation, anion],
        row["cart_coords"][-1],
        coords_are_cartesian=True,
        site_properties={"magmom": [-4.2 if cation in U_VALUES else 0.0, 0.1]},
    )
    hubbards = {}
    if metagga == "--" and anion in ("O", "F") and cation in U_VALUES:
        hubbards = {cation: U_VALUES[cation], anion: 0.0}
    potcars = MPRelaxSet.CONFIG["POTCAR"]
    return {
        "task_id": spelled(number),
        "batch_id": None,
        "run_type": run_type,
        "task_type": row["task_type"],
        "calc_type": f"{run_type} {row['task_type']}",
        "input": {
            "incar": {"ENCUT": 520, "NELM": NELM, "METAGGA": metagga},
            "parameters": {},
            "hubbards": hubbards,
            "is_hubbard": bool(hubbards),
            "potcar_spec": [
                {"titel": f"PAW_PBE {potcars[s]} 01Jan2000", "hash": None} for s in (cation, anion)
            ],
        },
        "output": {"energy": row["e_fr_energy"][-1] + 1e-4, "energy_per_atom": None},
        "structure": structure.as_dict(),
        "formula_pretty": structure.reduced_formula,
        "nelements": 2,
        "elements": sorted([cation, anion]),
        "chemsys": "-".join(sorted([cation, anion])),
    }


def _add_material(toy: Toy, number: int, cation: str, anion: str, half: float) -> None:
    gga = "GGA+U" if anion in ("O", "F") and cation in U_VALUES else "GGA"
    plan = [
        # number of the calculation, run type, task type, steps, METAGGA
        (number, gga, "Structure Optimization", 4, "--"),
        (number + 1, gga, "Static", 1, "--"),
        (number + 2, "r2SCAN", "Structure Optimization", 4, "R2SCAN"),
        (number + 3, "r2SCAN", "Static", 1, "R2scan"),
        (number + 4, gga, "NSCF Line", 1, "--"),
    ]
    listed, rows, tasks = [], {}, {}
    for task, run_type, kind, n_steps, metagga in plan:
        functional = "r2SCAN" if metagga != "--" else "GGA"
        arguments = (task, cation, anion, half, functional, run_type, kind)
        rows[task] = [_row(*arguments, n_steps)]
        tasks[task] = _task(rows[task][0], task, cation, anion, run_type, metagga)
        listed.append((task, run_type, kind))
    quirks = _Quirks(toy, number, rows, tasks, listed, (cation, anion, half))
    quirks.add(cation + anion)
    toy.rows += [row for task in sorted(rows) for row in rows[task]]
    toy.tasks += [tasks[task] for task in sorted(tasks)]
    toy.core.append(
        {
            "material_id": spelled(number),
            "formula_pretty": tasks[number]["formula_pretty"],
            "chemsys": tasks[number]["chemsys"],
            "elements": tasks[number]["elements"],
            "nelements": 2,
            "deprecated": False,
            "run_types": {spelled(task): run_type for task, run_type, _ in listed},
            "task_types": {spelled(task): kind for task, _, kind in listed},
            "deprecated_tasks": quirks.deprecated,
            "structure": tasks[number]["structure"],
        }
    )
    for thermo_type, kind, task in (
        ("GGA_GGA+U", gga, number + 1),
        ("R2SCAN", "r2SCAN", number + 3),
        ("GGA_GGA+U_R2SCAN", "r2SCAN", number + 3),
    ):
        energy = tasks[task]["output"]["energy"] / 2
        parameters = {
            "hubbards": tasks[task]["input"]["hubbards"],
            "is_hubbard": tasks[task]["input"]["is_hubbard"],
            "run_type": kind,
        }
        toy.thermo.append(
            {
                "material_id": spelled(number),
                "chemsys": tasks[number]["chemsys"],
                "thermo_type": thermo_type,
                "energy_type": kind,
                "uncorrected_energy_per_atom": energy,
                "energy_per_atom": energy - 9.9,
                "entries": {kind: {"energy": 2 * energy, "parameters": parameters}},
            }
        )


class _Quirks:
    """What one material has that others have not, and the real service has."""

    def __init__(
        self, toy: Toy, number: int, rows: dict, tasks: dict, listed: list, made_of: tuple
    ) -> None:
        self.toy, self.number, self.made_of = toy, number, made_of
        self.rows, self.tasks, self.listed = rows, tasks, listed
        self.deprecated: list[str] = []

    def add(self, formula: str) -> None:
        if quirk := getattr(self, f"_{formula.lower()}", None):
            quirk()

    def _another(
        self, run_type: str, metagga: str, name: str, in_list: bool = True, more: int = 10
    ) -> int:
        """One more relaxation."""
        task = self.number + more
        functional = "r2SCAN" if metagga.upper() == "R2SCAN" else "GGA"
        row = _row(task, *self.made_of, functional, run_type, RELAXATION, 3)
        self.rows[task] = [row]
        self.tasks[task] = _task(row, task, *self.made_of[:2], run_type, metagga)
        if in_list:
            self.listed.append((task, run_type, RELAXATION))
        self.toy.numbers[name] = task
        return task

    def _lio(self) -> None:
        """Two calculations of one task, and one of them twice."""
        first = _row(self.number, *self.made_of, "GGA", "GGA", RELAXATION, 3, far=1.5)
        self.rows[self.number] = [first, self.rows[self.number][0], first]
        self.toy.numbers["several rows"] = self.number

    def _lif(self) -> None:
        self._another("GGA", "R2SCAN", "wrong run type")

    def _licl(self) -> None:
        for more, run_type, metagga in ((10, "GGA", "--"), (11, "r2SCAN", "R2SCAN")):
            task = self._another(run_type, metagga, f"deprecated {run_type}", more=more)
            self.deprecated.append(f"mp-{letters(task)}")

    def _nao(self) -> None:
        self._another("r2SCAN", "R2SCAN", "unlisted", in_list=False)

    def _naf(self) -> None:
        task = self._another("r2SCAN", "R2SCAN", "restricted", in_list=False)
        self.tasks[task]["batch_id"] = RESTRICTED

    def _nacl(self) -> None:
        task = self._another("GGA", "--", "listed as restricted")
        self.tasks[task]["batch_id"] = "another_restricted_batch"
        self.tasks[self.number + 1]["batch_id"] = "an_open_batch"

    def _ko(self) -> None:
        del self.rows[self._another("GGA", "--", "no trajectory")]

    def _kf(self) -> None:
        self.rows[self._another("GGA", "--", "too few forces")][0]["forces"].pop()

    def _kcl(self) -> None:
        task = self._another("GGA", "--", "not finite")
        self.rows[task][0]["forces"][1][0][2] = float("nan")

    def _mgo(self) -> None:
        self.tasks[self._another("GGA", "--", "other last energy")]["output"]["energy"] += 1.0

    def _mgf(self) -> None:
        task = self._another("GGA", "--", "far from main entry")
        row = self.rows[task][0]
        for name in ("e_fr_energy", "e_wo_entrp"):
            row[name] = [energy + 0.1 for energy in row[name]]
        row["energy"] = [0.0] * 3
        self.tasks[task]["output"]["energy"] += 0.1

    def _mgcl(self) -> None:
        self.rows[self.number][0]["num_electronic_steps"][1] = NELM
        self.toy.numbers["NELM"] = self.number

    def _mno(self) -> None:
        task = self._another("GGA", "--", "other U")
        self.tasks[task]["input"] |= {"hubbards": {}, "is_hubbard": False}

    def _cao(self) -> None:
        """A new crystal of two calculations, in no material's list."""
        for more in (10, 11):
            task = self._another("r2SCAN", "R2SCAN", f"new {more}", in_list=False, more=more)
            _stretch(self.rows[task][0], self.tasks[task])

    def _caf(self) -> None:
        row = self.rows[self.number][0]
        row["lattice"] = row["lattice"][-1:]
        self.toy.numbers["one lattice"] = self.number


def _stretch(row: dict, task: dict) -> None:
    """Another structure of the same formula: the cell drawn out along one axis."""
    from pymatgen.core import Structure

    factor = np.array([1.0, 1.0, 1.5])
    for name in ("lattice", "cart_coords"):
        row[name] = (np.array(row[name]) * factor).tolist()
    structure = Structure.from_dict(task["structure"])
    task["structure"] = Structure(
        row["lattice"][-1],
        structure.species,
        row["cart_coords"][-1],
        coords_are_cartesian=True,
        site_properties=structure.site_properties,
    ).as_dict()
