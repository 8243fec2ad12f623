"""The phases outside the test part that test compounds compete with, and their predictions."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rungs.errors import StudyError
from rungs.evaluation.stability import Phase, PhaseSet, fractions_of
from rungs.files import whole_file
from rungs.frames.frame import hill_formula

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

    from rungs.config.study import Run
    from rungs.graphs.store import GraphStore
    from rungs.potentials.potential import Potential
    from rungs.splits.split import SplitRow

PathLike = str | os.PathLike

PHASE_ERROR_COLUMNS = (
    "method",
    "size",
    "seed",
    "frame_id",
    "material_id",
    "part",
    "formula",
    "energy_true_ev_per_atom",
    "energy_error_mev_per_atom",
)
"""Labelled energies in float64; errors are predicted minus labelled energies."""
_REMEDY = "delete it and let the workflow make it again"


class PhaseErrors(NamedTuple):
    """What the runs of one method and size predict for the phases outside the test part."""

    phases: list[Phase]
    errors: dict[int, np.ndarray]
    """Of each seed, (n_phases,) errors in meV/atom."""

    def of_seed(self, seed: int) -> np.ndarray:
        """Return the (n_phases,) errors of one seed in meV/atom.

        Raises:
            StudyError: when there are phases but none of this seed.
        """
        if self.phases and seed not in self.errors:
            raise StudyError(f"no phases were predicted with seed {seed}; evaluate its runs again")
        return self.errors.get(seed, np.empty(0))


def competing_phases(store: "GraphStore", split: Iterable["SplitRow"]) -> list[Phase]:
    """Return the phases of the target's training and validation materials that compete with a test
    compound, by material id.

    A material is one phase: its frame of lowest labelled energy, of equal ones the first. A
    material with test frames is a test material: its other frames are no phase. Elements of test
    compounds are always among the phases. Others in no test compound's chemical system, or only in
    those of compounds that cannot be made up, are left out: no energy depends on them.

    Args:
        store: graphs and labels of the target.
        split: of the study.

    Raises:
        StudyError: for a frame without a graph.
    """
    rows = [row for row in split if row.level == "target"]
    places = store.index(row.frame_id for row in rows)
    energies = store.energies_per_atom[places]
    tested = {row.material_id for row in rows if row.part == "test"}
    lowest: dict[str, tuple[float, int, SplitRow]] = {}
    for row, place, energy in zip(rows, places.tolist(), energies.tolist(), strict=True):
        if row.part != "test" and row.material_id in tested:
            continue
        # an energy that is not labelled is NaN, which is below nothing
        if energy < (lowest[row.material_id][0] if row.material_id in lowest else np.inf):
            lowest[row.material_id] = (energy, place, row)
    known: dict[bytes, str] = {}
    phases = []
    for material, (energy, place, row) in sorted(lowest.items()):
        formula = _formula(store, place, known)
        phases.append(
            Phase(material, row.frame_id, formula, fractions_of(formula), row.part, energy)
        )
    together = PhaseSet(phases)
    held = (together.fractions[together.judged] > 0).any(axis=0)
    elemental = ~together.is_compound & (together.fractions[:, held] > 0).any(axis=1)
    needed = np.flatnonzero(elemental | (together.n_compounds > 0))
    return [phases[i] for i in needed if phases[i].part != "test"]


def _formula(store: "GraphStore", place: int, known: dict[bytes, str]) -> str:
    begin, end = (int(store.arrays["atom_offsets"][place + k]) for k in (0, 1))
    numbers = np.asarray(store.arrays["atomic_numbers"][begin:end])
    key = numbers.tobytes()
    if key not in known:
        known[key] = hill_formula(numbers)
    return known[key]


def energy_errors(
    potential: "Potential", store: "GraphStore", places: np.ndarray, device: "torch.device"
) -> np.ndarray:
    """Return (n_frames,) errors of the predicted energies in meV/atom, in the order of ``places``.

    The differences are those of :class:`rungs.evaluation.frames.FrameErrors`.
    """
    parts = [np.empty(0)]
    with potential.cores():
        for chosen in store.chunks(places):
            batch = store.batch(chosen, device)
            prediction = potential(
                batch, forces=False, stress=False, magmoms=False, create_graph=False
            )
            errors = batch.energy_errors(prediction.energy).detach().double() * 1000.0
            parts.append(errors.cpu().numpy())
    return np.concatenate(parts)


def write_phase_errors(
    path: PathLike, phases: Sequence[Phase], runs: Iterable[tuple["Run", np.ndarray]]
) -> None:
    """Write ``PHASE_ERROR_COLUMNS`` as Parquet: all phases of each run, in order.

    Args:
        path: the file.
        phases: of :func:`competing_phases`.
        runs: each run with its (n_phases,) errors in meV/atom.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    form = _schema()
    n = len(phases)
    facts = [
        pa.array(values, form.field(name).type)
        for name, values in (
            ("frame_id", [p.frame_id for p in phases]),
            ("material_id", [p.material_id for p in phases]),
            ("part", [p.part for p in phases]),
            ("formula", [p.formula for p in phases]),
            ("energy_true_ev_per_atom", [p.energy for p in phases]),
        )
    ]
    tables = [
        pa.Table.from_arrays(
            [
                pa.repeat(run.method, n),
                pa.array([run.size] * n, pa.int32()),
                pa.array([run.seed] * n, pa.int64()),
                *facts,
                pa.array(errors, pa.float32()),
            ],
            schema=form,
        )
        for run, errors in runs
    ]
    with whole_file(path) as partial:
        pq.write_table(pa.concat_tables([form.empty_table(), *tables]), partial, compression="zstd")


def _schema() -> "pa.Schema":
    import pyarrow as pa

    kinds = dict.fromkeys(PHASE_ERROR_COLUMNS, pa.string())
    kinds |= {"size": pa.int32(), "seed": pa.int64()}
    kinds |= {"energy_true_ev_per_atom": pa.float64(), "energy_error_mev_per_atom": pa.float32()}
    return pa.schema(list(kinds.items()))


def read_phase_errors(path: PathLike) -> PhaseErrors:
    """Read what :func:`write_phase_errors` wrote.

    Raises:
        StudyError: when the file is missing or damaged, lacks a column, or its runs are of
            different phases.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read(list(PHASE_ERROR_COLUMNS), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StudyError(
            f"{path}: cannot be read as a table of phases ({str(error).splitlines()[0]}); {_REMEDY}"
        ) from None
    if lacking := set(PHASE_ERROR_COLUMNS) - set(table.column_names):
        raise StudyError(f"{path}: lacks the columns {', '.join(sorted(lacking))}; {_REMEDY}")
    seeds = table["seed"].to_numpy()
    frames = np.array(table["frame_id"].to_pylist(), dtype=object)
    errors = table["energy_error_mev_per_atom"].to_numpy().astype(float)
    by_seed = {int(seed): np.flatnonzero(seeds == seed) for seed in dict.fromkeys(seeds.tolist())}
    first = next(iter(by_seed.values()), np.array([], dtype=int))
    for seed, of_run in by_seed.items():
        if not np.array_equal(frames[of_run], frames[first]):
            raise StudyError(f"{path}: the phases of seed {seed} are others; {_REMEDY}")
    names = ("material_id", "frame_id", "formula", "part", "energy_true_ev_per_atom")
    phases = [
        Phase(material, frame, formula, fractions_of(formula), part, energy)
        for material, frame, formula, part, energy in zip(
            *(table[name].take(first).to_pylist() for name in names), strict=True
        )
    ]
    return PhaseErrors(phases, {seed: errors[of_run] for seed, of_run in by_seed.items()})
