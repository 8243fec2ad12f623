"""Curves of properties: what they are, how two of them differ, and the files they lie in."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rungs.files import whole_file

if TYPE_CHECKING:
    import pandas as pd


class Curve(NamedTuple):
    """One line y(x) of a property."""

    kind: str
    """Name of the property."""
    x: np.ndarray
    """(m,) Å³/atom, distance along the path in reciprocal space in 2π/Å, Å, degrees or THz."""
    y: np.ndarray
    """(m,) meV/atom above the lowest, THz, g, density per degree or per THz."""
    series: int = 0
    """Number of the phonon branch."""
    temperature_k: float | None = None
    labels: tuple[str | None, ...] | None = None
    """(m,) names of special points of the path, None for the others."""


COLUMNS = ("seed", "kind", "temperature_k", "series", "x", "y", "label")


def write_curves(path: str | os.PathLike, curves: Iterable[tuple[int | None, Curve]]) -> None:
    """Write curves, each with its run's seed (None for the reference's), as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list] = {name: [] for name in COLUMNS}
    for seed, curve in curves:
        n = len(curve.x)
        columns["seed"] += [seed] * n
        columns["kind"] += [curve.kind] * n
        columns["temperature_k"] += [curve.temperature_k] * n
        columns["series"] += [curve.series] * n
        columns["x"] += np.asarray(curve.x, dtype=float).tolist()
        columns["y"] += np.asarray(curve.y, dtype=float).tolist()
        columns["label"] += [None] * n if curve.labels is None else list(curve.labels)
    types = (pa.int64(), pa.string(), pa.float64(), pa.int64(), pa.float64(), pa.float64())
    schema = pa.schema(zip(COLUMNS, (*types, pa.string()), strict=True))
    with whole_file(path) as partial:
        pq.write_table(pa.table(columns, schema=schema), partial, compression="zstd")


def read_curves(path: str | os.PathLike) -> list[tuple[int | None, Curve]]:
    """Return the curves of a file with their seeds, as :func:`write_curves` was given them."""
    import pyarrow.parquet as pq

    rows = pq.read_table(path).to_pydict()
    keys = list(zip(*(rows[name] for name in COLUMNS[:4]), strict=True))
    found = []
    for key in dict.fromkeys(keys):
        seed, kind, temperature, series = key
        at = [i for i, other in enumerate(keys) if other == key]
        labels = tuple(rows["label"][i] for i in at)
        found.append(
            (
                seed,
                Curve(
                    kind,
                    np.array([rows["x"][i] for i in at]),
                    np.array([rows["y"][i] for i in at]),
                    series,
                    temperature,
                    labels if any(labels) else None,
                ),
            )
        )
    return found


def difference(curves: Sequence[Curve], reference: Sequence[Curve]) -> float:
    """Return how much a property's curves differ from the reference's, in the property's unit.

    - phonon bands: mean of \\|ν − ν_ref\\| over wave vectors and branches, branches in the order
      of their frequencies;
    - equation of state: mean of \\|E − E_ref\\| over the reference's volumes, each energy above its
      own lowest, both from Birch–Murnaghan fits;
    - all others: 100 % · ∫\\|f − f_ref\\| / ∫f_ref, from 0 to 200 %.

    Raises:
        ValueError: when the two do not have the same branches or wave vectors.
    """
    kind = reference[0].kind
    if kind == "phonon_bands":
        bands, wanted = (
            np.array([curve.y for curve in sorted(some, key=lambda curve: curve.series)])
            for some in (curves, reference)
        )
        if bands.shape != wanted.shape:
            raise ValueError("the phonon bands are not those of the same path")
        return float(np.abs(bands - wanted).mean())
    (curve,), (wanted_curve,) = curves, reference
    if kind == "equation_of_state":
        volumes = wanted_curve.x
        gaps = birch_murnaghan(curve)(volumes) - birch_murnaghan(wanted_curve)(volumes)
        return float(np.abs(gaps).mean())
    grid = wanted_curve.x
    ours = np.interp(grid, curve.x, curve.y)
    area = np.trapezoid(wanted_curve.y, grid)
    return float(100 * np.trapezoid(np.abs(ours - wanted_curve.y), grid) / area)


def birch_murnaghan(curve: Curve):
    """Return the curve's Birch–Murnaghan fit as a function of Å³/atom, in meV/atom, 0 at its
    minimum; with attributes as pymatgen's ``BirchMurnaghan`` has."""
    from pymatgen.analysis.eos import BirchMurnaghan

    fit = BirchMurnaghan(curve.x, curve.y)
    fit.fit()
    return lambda volumes: fit.func(np.asarray(volumes)) - fit.e0


def read_curve_tables(files: Mapping[tuple[str, int], str | os.PathLike]) -> "pd.DataFrame":
    """Return the curves of many files as one table, with columns ``method`` and ``size``."""
    import pandas as pd

    tables = [
        pd.read_parquet(path).assign(method=method, size=size)
        for (method, size), path in files.items()
    ]
    if not tables:
        return pd.DataFrame(columns=["method", "size", *COLUMNS])
    return pd.concat(tables, ignore_index=True)
