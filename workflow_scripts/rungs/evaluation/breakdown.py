"""Where a method errs: by material, by kind of frame, by element, and the worst frames.

All sums run over the errors of every run and frame that the evaluations wrote; one file, the runs
of one method and size, is in memory at a time.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from rungs.errors import StudyError
from rungs.evaluation.elements import ELEMENT_COLUMNS
from rungs.evaluation.frames import ERROR_COLUMNS, FRAME_COLUMNS, read_frame_errors
from rungs.files import whole_file
from rungs.potentials.properties import PROPERTIES

if TYPE_CHECKING:
    import pyarrow as pa

PathLike = str | os.PathLike

MATERIAL_COLUMNS = ("method", "size", "seed", "material_id", "property", "mae", "n")
MAE_COLUMNS = {
    "energy": "energy_mae_mev_per_atom",
    "force": "force_mae_mev_per_angstrom",
    "stress": "stress_mae_gpa",
    "magmom": "magmom_mae_mu_b",
}
_SUMMED = MAE_COLUMNS | {"energy": "energy_error_mev_per_atom"}
"""The column that each property's absolute errors are summed from."""
NUMBERS = FRAME_COLUMNS[FRAME_COLUMNS.index("n_atoms") :]
"""The columns of numbers in a file of errors by frame."""
_FOR_SUMS = ("n_atoms", "n_magmoms", *_SUMMED.values())
GROUP_COLUMNS = ("method", "size", "kind", "rank", "value", "n_frames", *MAE_COLUMNS.values())
ELEMENT_MEAN_COLUMNS = tuple(name for name in ELEMENT_COLUMNS if name != "seed")
WORST_COLUMNS = (
    "method",
    "size",
    "ranked_by",
    "rank",
    "frame_id",
    "material_id",
    "formula",
    "n_atoms",
    "group",
    "max_force_ev_per_angstrom",
    "energy_true_ev_per_atom",
    "energy_predicted_ev_per_atom",
    "energy_mae_mev_per_atom",
    "force_mae_mev_per_angstrom",
    "force_max_error_mev_per_angstrom",
    "stress_mae_gpa",
    "magmom_mae_mu_b",
)
N_WORST = 20

FORCE_EDGES = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
"""eV/Å; a frame belongs to a bin by the largest labelled force on one of its atoms."""
ENERGY_EDGES = (0.0, 5.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""meV/atom above the lowest test frame of the same material."""


@dataclass(frozen=True, eq=False)
class RunErrors:
    """Errors of one run, by property and test frame."""

    method: str
    size: int
    seed: int
    frames: Mapping[str, np.ndarray]
    """Columns of ``FRAME_COLUMNS`` from ``n_atoms`` on, in the order of the test frames; NaN where
    there is no label."""

    @cached_property
    def sums(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Property, (n_frames,) sum of absolute errors and (n_frames,) numbers compared."""
        f = self.frames
        ones = np.ones(len(f["n_atoms"]))
        counts = {
            "energy": ones,
            "force": 3.0 * f["n_atoms"],
            "stress": 9.0 * ones,
            "magmom": f["n_magmoms"].astype(float),
        }
        found = []
        for name in PROPERTIES:
            mae = np.abs(f[_SUMMED[name]].astype(np.float64))
            there = np.isfinite(mae)
            n = np.where(there, counts[name], 0.0)
            found.append((name, np.where(there, mae, 0.0) * n, n))
        return found


def iter_runs(
    path: PathLike, frame_ids: Sequence[str], columns: Sequence[str] = NUMBERS
) -> Iterator[RunErrors]:
    """Yield the runs of one file of errors by frame, with the frames ordered as ``frame_ids``.

    Args:
        path: the file.
        frame_ids: the study's test frames.
        columns: those of ``NUMBERS`` to read.

    Raises:
        StudyError: when a run does not have exactly these frames.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_frame_errors(path, ["method", "size", "seed", "frame_id", *columns])
    names = table["frame_id"].combine_chunks()
    at = pc.index_in(names.dictionary, pa.array(frame_ids, names.type.value_type))
    place = at.fill_null(-1).to_numpy()[names.indices.to_numpy()]
    frames = {name: table[name].to_numpy() for name in columns}
    size = int(table["size"][0].as_py()) if len(table) else 0
    method = str(table["method"][0].as_py()) if len(table) else ""
    seeds = table["seed"].to_numpy()
    for seed in dict.fromkeys(seeds.tolist()):
        of_run = np.flatnonzero(seeds == seed)
        order = place[of_run]
        rows = of_run[np.argsort(order)]
        if not np.array_equal(place[rows], np.arange(len(frame_ids))):
            raise StudyError(
                f"{path}: the frames of seed {seed} are not the study's test frames; delete it and "
                "let the workflow make it again"
            )
        ordered = {name: column[rows] for name, column in frames.items()}
        yield RunErrors(method, size, int(seed), ordered)


class Grouping(NamedTuple):
    """A division of the test frames: ``value`` in words and ``code`` of each frame."""

    kind: str
    values: list[str]
    codes: np.ndarray
    """(n_frames,) index into ``values``; -1 where a frame belongs nowhere."""


def groupings(test_frames: pd.DataFrame) -> list[Grouping]:
    """Divide test frames by number of elements, by the largest force, by the energy above the
    material's lowest frame and by group, each where frames have one."""
    n_elements = test_frames["n_elements"].to_numpy()
    counts = sorted(set(n_elements.tolist()))
    found = [
        Grouping(
            "number of elements", [str(n) for n in counts], np.searchsorted(counts, n_elements)
        )
    ]
    for kind, column, edges, unit in (
        ("largest force", "max_force_ev_per_angstrom", FORCE_EDGES, "eV/Å"),
        ("energy above lowest", "energy_above_lowest_mev_per_atom", ENERGY_EDGES, "meV/atom"),
    ):
        values = test_frames[column].to_numpy()
        codes = np.searchsorted(edges, values, side="right") - 1
        codes[np.isnan(values)] = -1  # not labelled, so it belongs nowhere
        if (codes < 0).all():
            continue
        names = [f"{low:g}–{high:g} {unit}" for low, high in pairwise(edges)]
        found.append(Grouping(kind, [*names, f"from {edges[-1]:g} {unit}"], codes))
    group = test_frames["group"]
    if group.notna().any():
        names = sorted(set(group.dropna()))
        place = {name: i for i, name in enumerate(names)}
        codes = np.array(
            [
                place.get(name, -1) if name is not None else -1
                for name in group.astype(object).where(group.notna(), None)
            ]
        )
        found.append(Grouping("group", names, codes))
    return found


class Breakdown(NamedTuple):
    """The tables that one pass over all errors by frame gives, besides the materials'."""

    groups: list[dict]
    worst: list[dict]
    n_runs: int


def break_down(
    files: Mapping[tuple[str, int], PathLike], test_frames: pd.DataFrame, materials: PathLike
) -> Breakdown:
    """Write ``material_errors.parquet`` and return the other tables' rows.

    Args:
        files: errors by frame of every method and size, in the study's order.
        test_frames: the columns of :func:`rungs.evaluation.frame_facts.describe_test_frames`.
        materials: the Parquet file of ``MATERIAL_COLUMNS`` to write: for every run and material the
            MAE of each labelled property, and how many numbers it is the mean of. Their mean
            weighted with ``n`` is the run's MAE.

    Means over seeds are means of the seeds' MAEs. Worst frames are those of each method's largest
    size, by the mean over its seeds of the absolute energy error, and again by the force MAE.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame_ids = test_frames["frame_id"].tolist()
    codes, names = pd.factorize(test_frames["material_id"])
    names = pa.array(names.tolist(), pa.string())
    kinds = (pa.string(), pa.int32(), pa.int64(), pa.string(), pa.string(), pa.float64())
    form = pa.schema(list(zip(MATERIAL_COLUMNS, (*kinds, pa.int64()), strict=True)))
    divisions = groupings(test_frames)
    largest = {method: max(s for m, s in files if m == method) for method, _ in files}
    group_rows, worst_rows, n_runs = [], [], 0
    with (
        whole_file(materials) as partial,
        pq.ParquetWriter(
            partial,
            form,
            compression="zstd",
            use_dictionary=["method", "material_id", "property"],
            use_byte_stream_split=["mae"],
        ) as writer,
    ):
        for (method, size), path in files.items():
            worst = size == largest[method]
            runs = list(iter_runs(path, frame_ids, NUMBERS if worst else _FOR_SUMS))
            n_runs += len(runs)
            for run in runs:
                writer.write_table(_by_material(run, codes, names, form))
            for division in divisions:
                group_rows += _by_group(method, size, runs, division)
            if worst:
                worst_rows += _worst(method, size, runs, test_frames)
    return Breakdown(group_rows, worst_rows, n_runs)


def _by_material(run: RunErrors, codes: np.ndarray, names: "pa.Array", form: "pa.Schema"):
    import pyarrow as pa

    parts = []
    for name, absolute, n in run.sums:
        count = np.bincount(codes, n, len(names))
        seen = np.flatnonzero(count)
        total = np.bincount(codes, absolute, len(names))
        parts.append((name, seen, total[seen] / count[seen], count[seen].astype(np.int64)))
    n = sum(len(seen) for _, seen, _, _ in parts)
    columns = (
        pa.repeat(run.method, n),
        np.full(n, run.size),
        np.full(n, run.seed),
        names.take(pa.array(np.concatenate([seen for _, seen, _, _ in parts]))),
        pa.concat_arrays([pa.repeat(name, len(seen)) for name, seen, _, _ in parts]),
        np.concatenate([mae for _, _, mae, _ in parts]),
        np.concatenate([count for _, _, _, count in parts]),
    )
    return pa.Table.from_arrays(
        [pa.array(c, field.type) for c, field in zip(columns, form, strict=True)], schema=form
    )


def _by_group(
    method: str, size: int, runs: Sequence[RunErrors], division: Grouping
) -> Iterable[dict]:
    inside = division.codes >= 0
    # all of them, mostly: then there is nothing to pick out
    inside = slice(None) if inside.all() else inside
    codes, places = division.codes[inside], len(division.values)
    frames = np.bincount(codes, minlength=places)
    means: dict[str, list[np.ndarray]] = {}
    for run in runs:
        for name, absolute, n in run.sums:
            count = np.bincount(codes, n[inside], places)
            total = np.bincount(codes, absolute[inside], places)
            mae = np.divide(total, count, out=np.full(places, np.nan), where=count > 0)
            means.setdefault(name, []).append(mae)
    for i in np.flatnonzero(frames):
        row = {
            "method": method,
            "size": size,
            "kind": division.kind,
            "rank": int(i),
            "value": division.values[i],
            "n_frames": int(frames[i]),
        }
        for name, column in MAE_COLUMNS.items():
            mean = float(np.mean([mae[i] for mae in means[name]]))
            row[column] = mean if np.isfinite(mean) else None
        yield row


def _worst(
    method: str, size: int, runs: Sequence[RunErrors], test_frames: pd.DataFrame
) -> Iterable[dict]:
    columns = {
        column: np.mean([run.frames[column].astype(np.float64) for run in runs], axis=0)
        for column in ERROR_COLUMNS
        if column in WORST_COLUMNS
    }
    columns["energy_mae_mev_per_atom"] = np.mean(
        [np.abs(run.frames["energy_error_mev_per_atom"].astype(float)) for run in runs],
        axis=0,
    )
    columns |= {
        column: test_frames[column].to_numpy()
        for column in WORST_COLUMNS[4:]
        if column not in columns
    }
    for name in ("energy", "force"):
        errors = columns[MAE_COLUMNS[name]]
        n_worst = min(N_WORST, np.isfinite(errors).sum())
        order = np.argsort(-errors, kind="stable")[:n_worst]
        found = [columns[column][order].tolist() for column in WORST_COLUMNS[4:]]
        for rank, values in enumerate(zip(*found, strict=True), start=1):
            row = {"method": method, "size": size, "ranked_by": name, "rank": rank}
            row |= zip(WORST_COLUMNS[4:], (None if pd.isna(x) else x for x in values), strict=True)
            yield row


def element_means(rows: Iterable[Mapping[str, str]]) -> list[dict]:
    """Return ``ELEMENT_MEAN_COLUMNS``: the errors by element, mean over the seeds of each method
    and size.

    Args:
        rows: rows of ``ELEMENT_COLUMNS``, as text or numbers.
    """
    found: dict[tuple, list[Mapping[str, str]]] = {}
    for row in rows:
        found.setdefault((row["method"], int(row["size"]), row["element"]), []).append(row)
    columns = ("energy_mae_mev_per_atom", "force_mae_mev_per_angstrom")
    energy, force = (_means(list(found.values()), column) for column in columns)
    return [
        {
            "method": method,
            "size": size,
            "element": element,
            "n_frames": int(of_seeds[0]["n_frames"]),
            "energy_mae_mev_per_atom": energy[i],
            "n_atoms": int(of_seeds[0]["n_atoms"]),
            "force_mae_mev_per_angstrom": force[i],
        }
        for i, ((method, size, element), of_seeds) in enumerate(found.items())
    ]


def _means(groups: Sequence[Sequence[Mapping[str, str]]], column: str) -> list[float | None]:
    """The mean of a column over the rows of each group, whose frames are the same; None where
    nothing is labelled. Groups of one length at a time."""
    means: list[float | None] = [None] * len(groups)
    lengths = np.array([len(rows) for rows in groups])
    for length in np.unique(lengths):
        of_length = [i for i in np.flatnonzero(lengths == length) if _there(groups[i], column)]
        values = [[float(row[column]) for row in groups[i]] for i in of_length]
        for i, mean in zip(of_length, np.mean(values, axis=1) if values else (), strict=True):
            means[i] = float(mean)
    return means


def _there(rows: Sequence[Mapping[str, str]], column: str) -> bool:
    return rows[0][column] not in ("", None)
