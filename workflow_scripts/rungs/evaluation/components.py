"""A sample of force, stress and magnetic moment components, true and predicted."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.frames.frame import VOIGT

if TYPE_CHECKING:
    import pandas as pd

    from rungs.config.study import Run
    from rungs.graphs.batch import GraphBatch
    from rungs.graphs.store import GraphStore
    from rungs.potentials.potential import Prediction

COMPONENT_COLUMNS = ("method", "size", "seed", "frame_id", "property", "true", "predicted")
N_FORCE_COMPONENTS = 20_000


def draw_frames(
    store: "GraphStore", indices: np.ndarray, seed: int, n_components: int = N_FORCE_COMPONENTS
) -> np.ndarray:
    """Draw places among ``indices`` at random until their frames have ``n_components`` force
    components; return them sorted. All of them, where they have fewer."""
    order = np.random.default_rng(seed).permutation(np.asarray(indices))
    have = np.cumsum(3 * store.n_atoms[order])
    return np.sort(order[: np.searchsorted(have, n_components) + 1])


class ComponentSample:
    """Collects true and predicted components of the frames at ``drawn``: forces in eV/Å, the six
    stress components in GPa, magnetic moments without sign in μB; only labelled ones."""

    def __init__(self, drawn: np.ndarray) -> None:
        self._drawn = drawn
        self._parts: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, chosen: np.ndarray, prediction: "Prediction", batch: "GraphBatch") -> None:
        """Add one batch, whose frames are at ``chosen``."""
        wanted = np.isin(chosen, self._drawn)
        if not wanted.any():
            return
        owner = batch.atom_frames.cpu().numpy()
        atoms = wanted[owner]

        def add(name: str, places: np.ndarray, true, predicted) -> None:
            if not len(places):
                return  # nothing is labelled
            true, predicted = (
                v.detach().cpu().numpy().reshape(len(places), -1) for v in (true, predicted)
            )
            # the store's places for now: names are the same for all runs
            frames = np.repeat(places, true.shape[1])
            self._parts.append((name, frames, true.ravel(), predicted.ravel()))

        seen = atoms & batch.force_mask.cpu().numpy()
        add("force", chosen[owner[seen]], batch.forces[seen], prediction.forces[seen])
        if prediction.stress is not None:
            seen = wanted & batch.stress_mask.cpu().numpy()
            rows, columns = (list(axis) for axis in zip(*VOIGT, strict=True))
            add(
                "stress",
                chosen[seen],
                batch.stress[seen][:, rows, columns],
                prediction.stress[seen][:, rows, columns],
            )
        if prediction.magmoms is not None:
            seen = atoms & batch.magmom_mask.cpu().numpy()
            moments = batch.magmoms[seen].abs()
            add("magmom", chosen[owner[seen]], moments, prediction.magmoms[seen])

    @property
    def parts(self) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """Property, places of the frames, true and predicted values of each batch."""
        return self._parts


def write_components(
    path: str | os.PathLike, runs: Iterable[tuple["Run", ComponentSample]], store: "GraphStore"
) -> None:
    """Write the samples of several runs as one Parquet file of ``COMPONENT_COLUMNS``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    kinds = (text, pa.int32(), pa.int64(), text, text, pa.float32(), pa.float32())
    form = pa.schema(list(zip(COMPONENT_COLUMNS, kinds, strict=True)))
    names = np.array(store.frame_ids, dtype=object)
    tables = [form.empty_table()]
    for run, sample in runs:
        for name, frames, true, predicted in sample.parts:
            n = len(true)
            columns = (
                pa.array([run.method] * n, pa.string()),
                np.full(n, run.size),
                np.full(n, run.seed),
                pa.array(names[frames], pa.string()),
                pa.array([name] * n, pa.string()),
                true,
                predicted,
            )
            arrays = [pa.array(c).cast(kind) for c, kind in zip(columns, kinds, strict=True)]
            tables.append(pa.Table.from_arrays(arrays, schema=form))
    table = pa.concat_tables(tables).unify_dictionaries()
    with whole_file(path) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            use_dictionary=list(COMPONENT_COLUMNS[:5]),
            use_byte_stream_split=["true", "predicted"],
        )


def read_components(path: str | os.PathLike) -> "pd.DataFrame":
    """Read what :func:`write_components` wrote.

    Raises:
        StudyError: when the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read(use_threads=False).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise StudyError(
            f"{path}: cannot be read as a table of components ({str(error).splitlines()[0]}); "
            "delete it and let the workflow make it again"
        ) from None
    return table.astype({"method": str, "frame_id": str, "property": str})
