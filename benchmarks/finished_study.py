"""A made-up study that has done all its trainings and evaluations, to time what comes after them.

Its files are written by the library's own writers, in the form that the workflow's rules give
them; only the numbers are drawn at random. Networks, which no later rule reads, are empty files.
"""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from study_shapes import Shape, configuration

from rungs.config import Run, load_study
from rungs.config.study import Study
from rungs.evaluation.components import N_FORCE_COMPONENTS, draw_frames, write_components
from rungs.evaluation.elements import ELEMENT_COLUMNS
from rungs.evaluation.frames import write_frame_errors
from rungs.evaluation.references import REFERENCE_ERROR_COLUMNS
from rungs.evaluation.tables import EVALUATION_COLUMNS, evaluation_rows
from rungs.files import write_json, write_rows, write_text
from rungs.frames.elements import MAX_ATOMIC_NUMBER, SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.labelled import read_labelled
from rungs.frames.table import FrameWriter, iter_frames
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.properties import PROPERTIES, PropertyError
from rungs.references.fit import fit_reference, write_reference
from rungs.references.rules import RULES
from rungs.scaling.laws.law import Law
from rungs.splits.files import write_order, write_split, write_summary
from rungs.splits.members import read_members
from rungs.splits.split import SplitRow
from rungs.splits.summary import summarise
from rungs.training.gradients import GRADIENT_COLUMNS
from rungs.training.loop import HISTORY_COLUMNS

FRAMES_PER_MATERIAL = 10
N_ELEMENTS = 89
"""Hydrogen to actinium; each is a test material by itself, so that compounds can decompose."""
N_VALIDATIONS = 50
LAYERS = ("whole network", "atom embedding", "first atom convolution", "last bond convolution")


SCALES = dict(zip(PROPERTIES, (1.0, 1.5, 0.02, 0.001), strict=True))
"""The error of each property, over that of the energy in meV/atom."""


class Material(NamedTuple):
    name: str
    numbers: np.ndarray
    cell: np.ndarray
    coords: np.ndarray
    part: str


class FinishedStudy:
    """Writes the files of a study below ``folder``, in the order in which the workflow would.

    Args:
        folder: an empty folder.
        shape: of its runs.
        n_test: test frames; a tenth as many validate, all others train.
        n_frames: frames of each level in all.
    """

    def __init__(self, folder: Path, shape: Shape, n_test: int, n_frames: int) -> None:
        self.random = np.random.default_rng(0)
        self.n_test, self.n_frames = n_test, n_frames
        largest = max(100, (n_frames - n_test) // 2)
        options = configuration(shape, largest)
        self.configfile = folder / "study.yaml"
        write_text(self.configfile, yaml.safe_dump(options, sort_keys=False))
        self.study: Study = load_study(options)
        self.results = folder / "results" / self.study.study

    def write(self) -> None:
        """Write everything that the rules up to the evaluations write."""
        self._write_frames()
        self._write_split()
        self._write_graphs()
        self._write_trainings()
        self._write_evaluations()

    # Frames: the same materials and geometries at both levels, labels a shift and noise apart.

    def _materials(self) -> Iterator[Material]:
        n = self.n_frames // FRAMES_PER_MATERIAL
        n_test = self.n_test // FRAMES_PER_MATERIAL
        for i in range(n):
            if i < N_ELEMENTS:
                elements = np.array([i + 1])
            else:
                # rare elements are rare: the squared variate favours small numbers
                drawn = self.random.random(self.random.integers(2, 6)) ** 2 * N_ELEMENTS
                elements = 1 + drawn.astype(int)
            numbers = np.resize(elements, self.random.integers(10, 61))
            cells = int(np.ceil(np.cbrt(len(numbers))))
            places = np.stack(np.meshgrid(*3 * [np.arange(cells)], indexing="ij"), axis=-1)
            part = "test" if i < n_test else "validation" if i < 1.1 * n_test else "train"
            yield Material(
                f"mp-{i}",
                numbers,
                2.5 * cells * np.eye(3),
                2.5 * places.reshape(-1, 3)[: len(numbers)],
                part,
            )

    def _write_frames(self) -> None:
        elemental = self.random.normal(-5.0, 3.0, (2, MAX_ATOMIC_NUMBER))
        self.split: list[SplitRow] = []
        with (
            FrameWriter(self._path("frames/source.parquet"), {"made": "at random"}) as source,
            FrameWriter(self._path("frames/target.parquet"), {"made": "at random"}) as target,
        ):
            for material in self._materials():
                n = len(material.numbers)
                base = elemental[:, material.numbers - 1].sum(axis=1)
                bound = n * self.random.normal(-0.5, 0.3)
                for k in range(FRAMES_PER_MATERIAL):
                    coords = material.coords + self.random.normal(0, 0.05, (n, 3))
                    forces = self.random.normal(0, 0.05 * (k + 1), (n, 3))
                    stress = self.random.normal(0, 2, 6)
                    magmoms = self.random.random(n)
                    energy = bound + n * 0.01 * k
                    for level, (writer, scale) in enumerate(((source, 0.9), (target, 1.0))):
                        noise = self.random.normal(0, 0.05, (n, 3))
                        frame = Frame(
                            frame_id=f"{material.name}-{k}",
                            material_id=material.name,
                            functional=("GGA", "r2SCAN")[level],
                            cell=material.cell,
                            atomic_numbers=material.numbers,
                            cart_coords=coords,
                            energy=scale * energy + base[level] + n * noise[0, 0],
                            forces=scale * forces + noise,
                            stress=scale * stress + noise[:2].ravel(),
                            magmoms=scale * magmoms + noise[:, 0],
                        )
                        writer.write(frame)
                    self.split += [
                        SplitRow(name, material.name, frame.frame_id, material.part)
                        for name in ("source", "target")
                    ]
        for level in ("source", "target"):
            self._rows(f"frames/{level}_rejects.csv", ("frame_id", "kind", "reason"), [])

    def _write_split(self) -> None:
        self.split.sort(key=lambda row: row.level)
        write_split(self._path("splits/split.csv"), self.split)
        paths = {level: self._path(f"frames/{level}.parquet") for level in ("source", "target")}
        levels = {level: read_members(path) for level, path in paths.items()}
        labelled = {level: read_labelled(path) for level, path in paths.items()}
        summary = summarise(**levels, rows=self.split, labelled=labelled)
        write_summary(self._path("tables/split_summary.csv"), summary)
        target = [row for row in self.split if row.level == "target"]
        train = [row.frame_id for row in target if row.part == "train"]
        for seed in self.study.subsets.seeds:
            order = self.random.permutation(train).tolist()
            write_order(self._path(f"subsets/random/seed_{seed}.csv"), order)
        self.test = [(row.frame_id, row.material_id) for row in target if row.part == "test"]

    def _write_graphs(self) -> None:
        for level in ("source", "target"):
            # cutoffs that find no bond: whatever reads labels reads no bonds
            path = self._path(f"graphs/{level}.safetensors")
            frames = iter_frames(self._path(f"frames/{level}.parquet"))
            write_graphs(frames, path, 2.8, 0.5)
        for level in ("source", "target"):
            store = GraphStore.open(self._path(f"graphs/{level}.safetensors"))
            fitted = fit_reference(store.compositions(), store.energies_per_atom)
            write_reference(self._path(f"references/{level}.csv"), fitted)
        self.store, self.reference = store, fitted

    # Trainings: one record, history and reference each.

    def _write_trainings(self) -> None:
        self._write_training("pretrained", {"initial": "random"}, 1.0)
        for run in self.study.runs:
            folder = f"runs/{run.method}/{run.size}/seed_{run.seed}"
            self._write_training(folder, run._asdict(), self._error(run))
            write_reference(self._path(f"{folder}/reference.csv"), self.reference)
        self._rows(
            "pretrained/source_test.csv",
            EVALUATION_COLUMNS,
            self._mean_errors(Run("pretrained", 0, 0)),
        )
        transfers = [name for name in self.study.methods if name != "scratch"]
        largest = max(self.study.subsets.sizes)
        self._rows(
            "tables/gradients.csv",
            GRADIENT_COLUMNS,
            [
                {
                    **{
                        "method": method,
                        "size": largest,
                        "seed": seed,
                        "epoch": k / 10,
                        "update": k,
                        "layer": layer,
                    },
                    "gradient_norm": self.random.lognormal(-0.2 * k),
                }
                for method in transfers
                for seed in self.study.subsets.seeds
                for k in range(11)
                for layer in LAYERS
            ],
        )
        maes = {"reference_mae_mev_per_atom": 200.0, "pretrained_mae_mev_per_atom": 100.0}
        about = dict(test_elements_absent=0, **maes)
        rows = [dict(rule="source", fitted_on="source", size=0, **about)]
        rows += [dict(rule=rule, fitted_on="training", size=9999, **about) for rule in RULES]
        rows += [
            dict(rule=rule, fitted_on="subset", size=size, seed=seed, **about)
            for seed in self.study.subsets.seeds
            for size in self.study.subsets.sizes
            for rule in RULES
        ]
        self._rows("tables/reference_errors.csv", REFERENCE_ERROR_COLUMNS, rows)

    def _write_training(self, folder: str, about: dict, error: float) -> None:
        self._path(f"{folder}/model.pt").touch()
        history = []
        for i in range(1, N_VALIDATIONS + 1):
            numbers = error * (1 + 5 / i) * self.random.lognormal(0, 0.02, len(HISTORY_COLUMNS))
            history.append(
                dict(zip(HISTORY_COLUMNS, numbers, strict=True)) | {"update": 20 * i, "epoch": i}
            )
        self._rows(f"{folder}/history.csv", HISTORY_COLUMNS, history)
        write_json(
            self._path(f"{folder}/record.json"),
            {
                **about,
                "budget_updates": 1000,
                "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "wall_seconds": 100.0,
                "updates": 1000,
                "frames_seen": 16000,
                "training_seconds": 90.0,
                "frames_per_second": 177.8,
                "peak_memory_mb": 500.0,
                "device": "none",
                "threads": 1,
                "python": "none",
                "torch": "none",
                "chgnet": "none",
            },
        )

    # Evaluations: what judging each run on the test frames gives.

    def _error(self, run: Run) -> float:
        """Energy MAE in meV/atom: from scratch with a floor, the second method with a break, the
        others power laws; seeds 5 % apart."""
        if run.size == 0:
            return 60.0
        number = list(self.study.methods).index(run.method)
        middle = self.study.subsets.sizes[len(self.study.subsets.sizes) // 2]
        laws = (Law(900, 0.6, 20), Law(200, 0.05, break_size=middle, exponent_after=0.5))
        law = laws[number] if number < len(laws) else Law(900, 0.45 - 0.05 * (number % 6))
        luck = np.random.default_rng([run.size, run.seed, number]).lognormal(0, 0.05)
        return float(law(run.size) * luck)

    def _mean_errors(self, run: Run) -> list[dict]:
        error = self._error(run)
        errors = {
            name: PropertyError(scale * error, 1.4 * scale * error, len(self.test))
            for name, scale in SCALES.items()
        }
        return evaluation_rows(run, errors)

    def _write_evaluations(self) -> None:
        names, materials = zip(*self.test, strict=True)
        places = self.store.index(names)
        held = [SYMBOLS[z] for z in np.flatnonzero(self.store.compositions(places).any(axis=0))]
        drawn = draw_frames(self.store, places, 0, N_FORCE_COMPONENTS)
        for (method, size), seeds in self.study.points.items():
            runs = [Run(method, size, seed) for seed in seeds]
            at = f"evaluations/{method}/{size}"
            rows = [row for run in runs for row in self._mean_errors(run)]
            self._rows(f"{at}.csv", EVALUATION_COLUMNS, rows)
            self._rows(f"{at}_source.csv", EVALUATION_COLUMNS, rows)
            write_frame_errors(
                self._path(f"{at}.parquet"),
                [(run, self._frame_errors(places, self._error(run))) for run in runs],
                names,
                materials,
            )
            by_element = [
                {
                    **run._asdict(),
                    **{"element": element, "n_frames": 1000, "n_atoms": 10000},
                    "energy_mae_mev_per_atom": self._error(run) * self.random.lognormal(),
                    "force_mae_mev_per_angstrom": self._error(run) * self.random.lognormal(),
                }
                for run in runs
                for element in held
            ]
            self._rows(f"{at}_elements.csv", ELEMENT_COLUMNS, by_element)
            sample = _Columns(parts=self._components(drawn, self._error(runs[0])))
            write_components(
                self._path(f"{at}_components.parquet"), [(runs[0], sample)], self.store
            )

    def _frame_errors(self, places: np.ndarray, error: float) -> "_Columns":
        n_atoms = self.store.n_atoms[places]
        true = self.store.energies_per_atom[places]
        # The frames' errors make up the run's, as those of a real evaluation do.
        energy = self.random.laplace(0, 1, len(places))
        energy *= error / np.abs(energy).mean()
        spread = self.random.lognormal(0, 0.5, len(places))
        by_atoms = error * spread / np.average(spread, weights=n_atoms)
        force = SCALES["force"] * by_atoms
        columns = {
            "n_atoms": n_atoms,
            "n_magmoms": n_atoms,
            "energy_true_ev_per_atom": true.astype(np.float32),
            "energy_predicted_ev_per_atom": (true + energy / 1000).astype(np.float32),
            "energy_error_mev_per_atom": energy,
            "force_mae_mev_per_angstrom": force,
            "force_rmse_mev_per_angstrom": 1.4 * force,
            "force_max_error_mev_per_angstrom": 3 * force,
            "stress_mae_gpa": SCALES["stress"] * error * spread / spread.mean(),
            "magmom_mae_mu_b": SCALES["magmom"] * by_atoms,
        }
        return _Columns(columns)

    def _components(self, drawn: np.ndarray, error: float) -> list[tuple]:
        parts = []
        for name, per_frame, scale in (
            ("force", 3 * self.store.n_atoms[drawn], 1.5e-3),
            ("stress", np.full(len(drawn), 6), 0.02),
            ("magmom", self.store.n_atoms[drawn], 1e-3),
        ):
            frames = np.repeat(drawn, per_frame)
            true = self.random.normal(0, 1, len(frames)).astype(np.float32)
            off = self.random.normal(0, scale * error, len(frames)).astype(np.float32)
            parts.append((name, frames, true, true + off))
        return parts

    def _path(self, name: str) -> Path:
        path = self.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _rows(self, name: str, columns: tuple[str, ...], rows: list[dict]) -> None:
        write_rows(self._path(name), columns, rows)


class _Columns:
    """Stands for the errors or the sample that an evaluation collects batch by batch."""

    def __init__(self, columns: dict | None = None, parts: list | None = None) -> None:
        self._columns, self.parts = columns, parts

    def columns(self) -> dict[str, np.ndarray]:
        return self._columns
