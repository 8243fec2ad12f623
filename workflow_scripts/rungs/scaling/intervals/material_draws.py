"""The test materials of a study, drawn anew for all its runs at once.

Every run of a study is judged on the same materials, so a draw of the materials changes the errors
of all runs together: what a draw does to two sizes of a curve, or to two methods, cancels where
they err on the same materials. The draws of a metric are therefore made once and shared by
everything that is computed from it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rungs.errors import StudyError

N_DRAWS = 500
"""A standard error is then good to 3 %."""
MIN_MATERIALS = 5
"""Of fewer, the scatter between materials is itself too uncertain to be of use."""
LOST_DRAWS = 0.1
"""Draws that leave a run without a number or without an error are left out; where more than this
share of them do, the materials that carry the metric are too few."""
TOLERANCE = 1e-3
"""By how much a run's error may differ, as a share, from the mean over its materials."""

Run = tuple[str, int, str]
"""Method, size, seed."""
_KEYS = ("method", "size", "seed", "property")
_NAMES = ("method", "property", "material_id")


@dataclass(frozen=True, slots=True)
class MaterialDraws:
    """What drawing the materials anew does to the errors of all runs, in one metric."""

    n_materials: int
    shifts: Mapping[Run, np.ndarray]
    """(D,) for each run: ln of its error in each draw, less ln of its error over all materials."""
    errors: Mapping[Run, float]
    """Mean absolute error of each run over all materials, in the metric's unit."""

    def of(
        self, method: str, sizes: Sequence[int], seeds: Sequence[str], errors: Sequence[float]
    ) -> np.ndarray | None:
        """Return the log errors of a curve's runs in every draw, (D, n); None where a run's errors
        by material are lacking.

        Raises:
            StudyError: when a run's error is not the mean over its materials.
        """
        runs = [(method, int(n), str(label)) for n, label in zip(sizes, seeds, strict=True)]
        if any(run not in self.shifts for run in runs):
            return None
        for run, error in zip(runs, errors, strict=True):
            if abs(self.errors[run] / error - 1.0) > TOLERANCE:
                raise StudyError(
                    f"method {method}, size {run[1]}, seed {run[2]}: the error is {error:.6g} in "
                    f"the learning curve and {self.errors[run]:.6g} over the test materials; the "
                    "two tables are not of the same runs, make both anew"
                )
        return np.log(errors) + np.stack([self.shifts[run] for run in runs], axis=1)


def draw_materials(
    rows: Iterable[Mapping[str, object]], *, n_draws: int = N_DRAWS, seed: int = 0
) -> dict[str, MaterialDraws]:
    """Draw the test materials of a table of errors by run and material.

    Args:
        rows: mappings with ``method``, ``size``, ``seed``, ``material_id``, ``property``, ``mae``
            and ``n``, how many numbers the error is the mean of; a pandas table is taken as well.
        n_draws, seed: how often materials are drawn, and the seed of it.

    Returns:
        The draws by property; none for a property whose materials are too few
        (``MIN_MATERIALS``, ``LOST_DRAWS``).

    Raises:
        StudyError: for two rows of one run, property and material.
    """
    import pandas as pd

    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    gathered = _Gathered()
    if len(table):
        table = table.dropna(subset=list(_KEYS))
        keys = [_Column(*pd.factorize(table[name])) for name in _KEYS]
        codes, names = pd.factorize(table["material_id"], use_na_sentinel=False)
        numbers = (table[name].to_numpy(dtype=np.float64) for name in ("n", "mae"))
        gathered.add(keys, _Column(codes, names), *numbers)
    return gathered.draws(n_draws, seed)


def read_material_draws(
    path: str | os.PathLike, *, n_draws: int = N_DRAWS, seed: int = 0
) -> dict[str, MaterialDraws]:
    """Draw the test materials of ``material_errors.parquet``; see :func:`draw_materials`.

    One row group, a run, is in memory at a time besides the numbers; needs pyarrow.

    Raises:
        StudyError: when the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    gathered = _Gathered()
    columns = [*_KEYS, "material_id", "n", "mae"]
    try:
        with pq.ParquetFile(path, read_dictionary=list(_NAMES)) as file:
            reader = _ColumnReader()
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns, use_threads=False)
                for name in _KEYS:
                    if table[name].null_count:
                        table = table.filter(table[name].is_valid())
                keys = [reader.read(table, name) for name in _KEYS]
                numbers = (_numbers(table[name]).astype(np.float64) for name in ("n", "mae"))
                gathered.add(keys, reader.read(table, "material_id"), *numbers)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StudyError(f"{path}: cannot be read ({error}); delete it and run again") from None
    return gathered.draws(n_draws, seed)


def draws_of(materials: Mapping[str, MaterialDraws] | None, metric: str) -> MaterialDraws | None:
    """Return the draws of a metric such as ``energy_mae_mev_per_atom``, from those by property."""
    return (materials or {}).get(metric.partition("_mae_")[0])


class _Column(NamedTuple):
    """A column of a table as numbers, row by row, and what they stand for."""

    codes: np.ndarray
    """(r,)"""
    values: Sequence | None = None
    """What each code stands for; None where they stand for themselves."""

    def __getitem__(self, row: int) -> object:
        return self.codes[row].item() if self.values is None else self.values[self.codes[row]]


class _ColumnReader:
    """Reads the columns of one row group after the other; names that come again are kept."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, list]] = {}

    def read(self, table: object, name: str) -> _Column:
        import pyarrow as pa

        if name not in _NAMES:
            return _Column(_numbers(table[name]))
        column = table[name].combine_chunks()
        if not isinstance(column, pa.DictionaryArray):
            column = column.dictionary_encode()
        names, values = self._known.get(name, (None, []))
        if names is None or not names.equals(column.dictionary):
            names, values = column.dictionary, column.dictionary.to_pylist()
            self._known[name] = names, values
        return _Column(np.from_dlpack(column.indices), values)


def _numbers(column: object) -> np.ndarray:
    import pyarrow as pa

    array = column.combine_chunks()
    if array.null_count or not (
        pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
    ):
        return array.to_numpy(zero_copy_only=False)
    return np.from_dlpack(array)  # to_numpy would load pandas


class _Gathered:
    """Errors by property, run and material, as compact arrays."""

    def __init__(self) -> None:
        self.materials: dict[str, int] = {}
        self.found: dict[str, dict[Run, tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        self._names: Sequence | None = None
        self._places = np.empty(0, dtype=np.int32)

    def add(
        self, keys: Sequence[_Column], materials: _Column, n: np.ndarray, mae: np.ndarray
    ) -> None:
        """Add the rows of a table: method, size, seed and property; material; two numbers."""
        sums = n * mae
        for (method, size, seed, name), rows in _stretches(keys):
            codes = np.concatenate([self._numbered(materials, part) for part in rows])
            n_here, sums_here = (np.concatenate([x[part] for part in rows]) for x in (n, sums))
            run = (str(method), int(size), str(seed))
            runs = self.found.setdefault(str(name), {})
            if run in runs:
                before = zip(runs[run], (codes, n_here, sums_here), strict=True)
                codes, n_here, sums_here = (np.concatenate(pair) for pair in before)
            if np.bincount(codes).max(initial=0) > 1:
                raise StudyError(
                    f"method {method}, size {size}, seed {seed}, {name}: two rows for one run and "
                    "material"
                )
            runs[run] = (codes, n_here, sums_here)

    def _numbered(self, materials: _Column, part: slice) -> np.ndarray:
        """Materials by one number throughout, in the order in which they first come."""
        if materials.values is not self._names:
            self._names = materials.values
            self._places = np.full(len(materials.values), -1, dtype=np.int32)
        codes = materials.codes[part]
        places = self._places[codes]
        if (places < 0).any():
            for code in codes[places < 0].tolist():
                known = self.materials.setdefault(self._names[code], len(self.materials))
                self._places[code] = known
            places = self._places[codes]
        return places

    def draws(self, n_draws: int, seed: int) -> dict[str, MaterialDraws]:
        drawn = {name: _draw(runs, n_draws, seed) for name, runs in self.found.items()}
        return {name: draws for name, draws in drawn.items() if draws is not None}


def _stretches(keys: Sequence[_Column]) -> Iterable[tuple[tuple, list[slice]]]:
    """The rows of each combination of keys, as stretches of rows, in the order in which they first
    come: a run's rows stand together in a table, so that there are few."""
    n_rows = len(keys[0].codes)
    changes = np.zeros(max(n_rows - 1, 0), dtype=bool)
    for key in keys:
        changes |= key.codes[1:] != key.codes[:-1]
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()] if n_rows else []
    found: dict[tuple, list[slice]] = {}
    for start, stop in pairwise([*starts, n_rows]):
        found.setdefault(tuple(key[start] for key in keys), []).append(slice(start, stop))
    return found.items()


def _draw(
    runs: Mapping[Run, tuple[np.ndarray, np.ndarray, np.ndarray]], n_draws: int, seed: int
) -> MaterialDraws | None:
    labelled = np.unique(np.concatenate([codes for codes, _, _ in runs.values()]))
    n_materials = len(labelled)
    if n_materials < MIN_MATERIALS:
        return None
    counts, sums = np.zeros((2, len(runs), n_materials))
    for i, (codes, n, total) in enumerate(runs.values()):
        at = np.searchsorted(labelled, codes)
        counts[i, at], sums[i, at] = n, total
    draws = np.random.default_rng(seed).multinomial(
        n_materials, np.full(n_materials, 1.0 / n_materials), size=n_draws
    )
    draws = draws.astype(np.float64)
    # A run with an error of 0 or NaN is on no curve, and must not cost the others their draws.
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums.sum(axis=1) / counts.sum(axis=1)
        log_errors = np.log(draws @ sums.T) - np.log(draws @ counts.T)
    usable = np.isfinite(means) & (means > 0)
    kept = np.isfinite(log_errors[:, usable]).all(axis=1)
    if not usable.any() or kept.mean() < 1.0 - LOST_DRAWS:
        return None
    keys = [run for run, use in zip(runs, usable, strict=True) if use]
    means = means[usable]
    shifts = log_errors[kept][:, usable] - np.log(means)
    return MaterialDraws(
        n_materials,
        {run: shifts[:, i] for i, run in enumerate(keys)},
        dict(zip(keys, means.tolist(), strict=True)),
    )
