"""Where a method errs: by material, by kind of frame, by element, and the worst frames.

All sums run over the errors of every run and frame that the evaluations wrote; one file, the runs
of one method and size, is in memory at a time.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from rungs.errors import StudyError
from rungs.evaluation.elements import ELEMENT_COLUMNS
from rungs.evaluation.frames import ERROR_COLUMNS, FRAME_COLUMNS, read_frame_errors
from rungs.files import whole_file
from rungs.potentials.properties import PROPERTIES

PathLike = str | os.PathLike

MATERIAL_COLUMNS = ("method", "size", "seed", "material_id", "property", "mae", "n")
MAE_COLUMNS = {
    "energy": "energy_mae_mev_per_atom",
    "force": "force_mae_mev_per_angstrom",
    "stress": "stress_mae_gpa",
    "magmom": "magmom_mae_mu_b",
}
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
    frames: pd.DataFrame
    """The columns of ``FRAME_COLUMNS`` from ``n_atoms`` on, in the order of the test frames."""

    @cached_property
    def sums(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Property, (n_frames,) sum of absolute errors and (n_frames,) numbers compared."""
        f = self.frames
        ones = np.ones(len(f))
        counts = {
            "energy": ones,
            "force": 3.0 * f["n_atoms"].to_numpy(),
            "stress": 9.0 * ones,
            "magmom": f["n_magmoms"].to_numpy(dtype=float),
        }
        found = []
        for name in PROPERTIES:
            column = "energy_error_mev_per_atom" if name == "energy" else MAE_COLUMNS[name]
            mae = np.abs(f[column].to_numpy(dtype=np.float64))
            there = np.isfinite(mae)
            n = np.where(there, counts[name], 0.0)
            found.append((name, np.where(there, mae, 0.0) * n, n))
        return found


def iter_runs(path: PathLike, frame_ids: Sequence[str]) -> Iterator[RunErrors]:
    """Yield the runs of one file of errors by frame, with the frames ordered as ``frame_ids``.

    Raises:
        StudyError: when a run does not have exactly these frames.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_frame_errors(path)
    places = pc.index_in(table["frame_id"].cast(pa.string()), pa.array(frame_ids, pa.string()))
    numbers = list(FRAME_COLUMNS[FRAME_COLUMNS.index("n_atoms") :])
    frames = table.select(numbers).to_pandas()
    place = places.to_numpy()
    size = int(table["size"][0].as_py()) if len(table) else 0
    method = str(table["method"][0].as_py()) if len(table) else ""
    seeds = table["seed"].to_numpy()
    for seed in dict.fromkeys(seeds.tolist()):
        of_run = np.flatnonzero(seeds == seed)
        order = place[of_run].astype(float)
        if not np.array_equal(np.sort(order), np.arange(len(frame_ids))):
            raise StudyError(
                f"{path}: the frames of seed {seed} are not the study's test frames; delete it and "
                "let the workflow make it again"
            )
        rows = of_run[np.argsort(order)]
        yield RunErrors(method, size, int(seed), frames.iloc[rows].reset_index(drop=True))


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
            runs = list(iter_runs(path, frame_ids))
            n_runs += len(runs)
            for run in runs:
                writer.write_table(_by_material(run, codes, names, form))
            for division in divisions:
                group_rows += _by_group(method, size, runs, division)
            if size == largest[method]:
                worst_rows += _worst(method, size, runs, test_frames)
    return Breakdown(group_rows, worst_rows, n_runs)


def _by_material(run: RunErrors, codes: np.ndarray, names, form):
    import pyarrow as pa

    parts = []
    for name, absolute, n in run.sums:
        count = np.bincount(codes, n, len(names))
        seen = np.flatnonzero(count)
        total = np.bincount(codes, absolute, len(names))
        parts.append((name, seen, total[seen] / count[seen], count[seen].astype(np.int64)))
    n = sum(len(seen) for _, seen, _, _ in parts)
    columns = (
        np.full(n, run.method, dtype=object),
        np.full(n, run.size),
        np.full(n, run.seed),
        np.asarray(names, dtype=object)[np.concatenate([seen for _, seen, _, _ in parts])],
        np.concatenate([np.full(len(seen), name, dtype=object) for name, seen, _, _ in parts]),
        np.concatenate([mae for _, _, mae, _ in parts]),
        np.concatenate([count for _, _, _, count in parts]),
    )
    return pa.Table.from_arrays(
        [pa.array(c).cast(field.type) for c, field in zip(columns, form, strict=True)], schema=form
    )


def _by_group(
    method: str, size: int, runs: Sequence[RunErrors], division: Grouping
) -> Iterable[dict]:
    inside = division.codes >= 0
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
        column: np.mean([run.frames[column].to_numpy(dtype=np.float64) for run in runs], axis=0)
        for column in ERROR_COLUMNS
        if column in WORST_COLUMNS
    }
    columns["energy_mae_mev_per_atom"] = np.mean(
        [np.abs(run.frames["energy_error_mev_per_atom"].to_numpy(dtype=float)) for run in runs],
        axis=0,
    )
    for name in ("energy", "force"):
        errors = columns[MAE_COLUMNS[name]]
        order = np.argsort(-errors, kind="stable")[: min(N_WORST, np.isfinite(errors).sum())]
        for rank, i in enumerate(order, start=1):
            facts = test_frames.iloc[i]
            row = {"method": method, "size": size, "ranked_by": name, "rank": rank}
            for column in WORST_COLUMNS[4:]:
                value = columns[column][i] if column in columns else facts[column]
                row[column] = None if pd.isna(value) else value
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
    return [
        {
            "method": method,
            "size": size,
            "element": element,
            "n_frames": int(of_seeds[0]["n_frames"]),
            "energy_mae_mev_per_atom": _mean(of_seeds, "energy_mae_mev_per_atom"),
            "n_atoms": int(of_seeds[0]["n_atoms"]),
            "force_mae_mev_per_angstrom": _mean(of_seeds, "force_mae_mev_per_angstrom"),
        }
        for (method, size, element), of_seeds in found.items()
    ]


def _mean(rows: Sequence[Mapping[str, str]], column: str) -> float | None:
    """Mean over the seeds, whose frames are the same; None where nothing is labelled."""
    values = [row[column] for row in rows]
    return None if values[0] in ("", None) else float(np.mean([float(v) for v in values]))
