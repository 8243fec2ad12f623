"""Some columns of a file of frames, for stages that need no more: geometries, energies, groups,
temperatures. What is not asked for is not read from disk."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rungs.frames.table import ROWS_IN_GROUP, flat, open_frames, told

OTHER_LABELS = ("forces", "stress", "magmoms")
"""Labels besides the energy, by their columns."""


class Geometries(NamedTuple):
    """What a batch of b frames with n atoms in all looks like, without its labels."""

    frame_ids: list[str]
    material_ids: list[str]
    given_parts: list[str | None]
    cells: np.ndarray
    """(b, 3, 3) lattice vectors as rows, in Å."""
    stops: np.ndarray
    """(b,) where each frame's atoms end in the two arrays below."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    cart_coords: np.ndarray
    """(n, 3) in Å."""


def iter_geometries(path: str | os.PathLike, positions: bool = True) -> Iterator[Geometries]:
    """Yield the geometries of a file batch by batch, in its order; labels are not read.

    Without ``positions``, which are most of a file, ``cells`` and ``cart_coords`` have no rows.
    Raises as :func:`iter_frames`.
    """
    names = ["frame_id", "material_id", "given_part", "atomic_numbers"]
    places = ["cell", "cart_coords"]
    with open_frames(path) as parquet, told(path):
        columns = names + places * positions
        for batch in parquet.iter_batches(batch_size=ROWS_IN_GROUP, columns=columns):
            cells, coords = (flat(batch[x]) if positions else np.empty(0) for x in places)
            yield Geometries(
                *(batch[name].to_pylist() for name in names[:3]),
                cells=cells.reshape(-1, 3, 3),
                stops=np.cumsum(batch["atomic_numbers"].value_lengths().to_numpy()),
                atomic_numbers=flat(batch["atomic_numbers"]),
                cart_coords=coords.reshape(-1, 3),
            )


class Energies(NamedTuple):
    """Energies and elements of a batch of b frames with n atoms in all."""

    frame_ids: list[str]
    energies: np.ndarray
    """(b,) total energies, in eV; NaN where there is none."""
    stops: np.ndarray
    """(b,) where each frame's atoms end in the array below."""
    atomic_numbers: np.ndarray
    """(n,) int64."""
    labels: np.ndarray
    """(b,) int64, bit i of which tells whether the frame has label i of ``OTHER_LABELS``."""


def iter_energies(path: str | os.PathLike) -> Iterator[Energies]:
    """Yield energies and elements of a file batch by batch, in its order, and which labels there
    are besides. Raises as :func:`iter_frames`."""
    with open_frames(path) as parquet, told(path):
        columns = ["frame_id", "atomic_numbers", "energy", *OTHER_LABELS]
        for batch in parquet.iter_batches(batch_size=ROWS_IN_GROUP, columns=columns):
            there = (batch[name].is_valid() for name in OTHER_LABELS)
            yield Energies(
                batch["frame_id"].to_pylist(),
                batch["energy"].to_numpy(zero_copy_only=False),
                np.cumsum(batch["atomic_numbers"].value_lengths().to_numpy()),
                flat(batch["atomic_numbers"]),
                sum(
                    x.to_numpy(zero_copy_only=False).astype(np.int64) << i
                    for i, x in enumerate(there)
                ),
            )


def read_groups(path: str | os.PathLike) -> dict[str, str]:
    """The ``group`` of every frame id that has one; nothing else is read. Raises as
    :func:`iter_frames`."""
    groups: dict[str, str] = {}
    with open_frames(path) as parquet, told(path):
        for batch in parquet.iter_batches(columns=["frame_id", "group"]):
            pairs = zip(batch["frame_id"].to_pylist(), batch["group"].to_pylist(), strict=True)
            groups |= {name: group for name, group in pairs if group is not None}
    return groups


def read_temperatures(path: str | os.PathLike) -> dict[str, float]:
    """The temperature in K of every frame id that has one; nothing else is read. Raises as
    :func:`iter_frames`."""
    temperatures: dict[str, float] = {}
    with open_frames(path) as parquet, told(path):
        if "temperature" in parquet.schema_arrow.names:
            for batch in parquet.iter_batches(columns=["frame_id", "temperature"]):
                values = (batch[name].to_pylist() for name in ("frame_id", "temperature"))
                pairs = zip(*values, strict=True)
                temperatures |= {name: kelvin for name, kelvin in pairs if kelvin is not None}
    return temperatures
