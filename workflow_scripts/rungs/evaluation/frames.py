"""Errors of a run frame by frame, from which tables by material and kind of frame are made."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rungs.errors import StudyError
from rungs.files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

    from rungs.config.study import Run
    from rungs.graphs.batch import GraphBatch
    from rungs.potentials.potential import Prediction

ERROR_COLUMNS = (
    "energy_true_ev_per_atom",
    "energy_predicted_ev_per_atom",
    "energy_error_mev_per_atom",
    "force_mae_mev_per_angstrom",
    "force_rmse_mev_per_angstrom",
    "force_max_error_mev_per_angstrom",
    "stress_mae_gpa",
    "magmom_mae_mu_b",
)
"""Energies and their error (predicted minus true) per atom; MAE and RMSE over the force components
of the frame, the largest length of an atom's force error, MAE over the nine stress components, MAE
over the atoms with a labelled magnetic moment. Null where there is no label."""
ENERGY_COLUMNS = ERROR_COLUMNS[:2]
FRAME_COLUMNS = (
    "method",
    "size",
    "seed",
    "frame_id",
    "material_id",
    "n_atoms",
    "n_magmoms",
    *ERROR_COLUMNS,
)
"""``n_magmoms``: the atoms whose magnetic moment is labelled."""


class FrameErrors:
    """Collects the errors of every frame, batch by batch."""

    def __init__(self) -> None:
        self._parts: list[dict[str, np.ndarray]] = []

    def add(self, prediction: "Prediction", batch: "GraphBatch") -> None:
        """Add one batch.

        Differences are taken as in :class:`rungs.potentials.prediction_errors.ErrorSums`, so that
        the errors of all frames add up to those of the run.
        """
        import torch

        owner, n_atoms = batch.atom_frames, batch.n_atoms

        def per_frame(values: torch.Tensor) -> torch.Tensor:
            total = torch.zeros(batch.n_frames, dtype=torch.float64, device=owner.device)
            return total.index_add_(0, owner, values)

        force = (prediction.forces - batch.forces).detach().double() * 1000.0
        force = force.where(batch.force_mask[:, None], torch.nan)
        squares = force.square().sum(1)
        longest = torch.zeros(batch.n_frames, dtype=torch.float64, device=owner.device)
        longest.scatter_reduce_(0, owner, squares.sqrt(), "amax")
        components = 3.0 * n_atoms
        true = batch.energy.to(prediction.energy.dtype)
        energy = batch.energy_errors(prediction.energy).double() * 1000.0
        missing = torch.full((batch.n_frames,), torch.nan, device=owner.device)
        columns = {
            "n_atoms": n_atoms,
            "n_magmoms": torch.zeros_like(n_atoms),
            "energy_true_ev_per_atom": true.where(batch.energy_mask, torch.nan),
            "energy_predicted_ev_per_atom": prediction.energy,
            "energy_error_mev_per_atom": energy.where(batch.energy_mask, torch.nan),
            "force_mae_mev_per_angstrom": per_frame(force.abs().sum(1)) / components,
            "force_rmse_mev_per_angstrom": (per_frame(squares) / components).sqrt(),
            "force_max_error_mev_per_angstrom": longest,
            "stress_mae_gpa": missing,
            "magmom_mae_mu_b": missing,
        }
        if prediction.stress is not None:
            stress = (prediction.stress - batch.stress).detach().double().abs().mean((1, 2))
            columns["stress_mae_gpa"] = stress.where(batch.stress_mask, torch.nan)
        if prediction.magmoms is not None:
            # CHGNet predicts the size of a moment, without its sign.
            moment = (prediction.magmoms - batch.magmoms.abs()).detach().double().abs()
            labelled = per_frame(batch.magmom_mask.double())
            total = per_frame(moment.where(batch.magmom_mask, 0.0))
            columns["n_magmoms"] = labelled.long()
            columns["magmom_mae_mu_b"] = total / labelled  # NaN where no atom is labelled
        self._parts.append({name: v.detach().cpu().numpy() for name, v in columns.items()})

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns from ``n_atoms`` on, one row for each frame in the order added."""
        names = FRAME_COLUMNS[FRAME_COLUMNS.index("n_atoms") :]
        return {name: np.concatenate([part[name] for part in self._parts]) for name in names}


def schema(*, double: bool = False) -> "pa.Schema":
    """Return the Arrow schema of the files; errors in float32, names as dictionaries.

    Energies are in float32 too, or in float64 where ``double`` says so.
    """
    import pyarrow as pa

    names = pa.dictionary(pa.int32(), pa.string())
    kinds = {"method": names, "frame_id": names, "material_id": names, "seed": pa.int64()}
    counts = dict.fromkeys(("size", "n_atoms", "n_magmoms"), pa.int32())
    kinds |= counts | dict.fromkeys(ERROR_COLUMNS, pa.float32())
    if double:
        kinds |= dict.fromkeys(ENERGY_COLUMNS, pa.float64())
    return pa.schema([(name, kinds[name]) for name in FRAME_COLUMNS])


def write_frame_errors(
    path: str | os.PathLike,
    runs: Iterable[tuple["Run", FrameErrors]],
    frame_ids: Sequence[str],
    material_ids: Sequence[str],
) -> None:
    """Write the errors of several runs on the same frames as one Parquet file.

    Args:
        path: the file.
        runs: each run with its errors, whose frames are in the order of ``frame_ids``.
        frame_ids, material_ids: of the test frames.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    by_run = [(run, errors.columns()) for run, errors in runs]
    # large energies are predicted in float64, and parity needs all of it
    predicted = (columns["energy_predicted_ev_per_atom"] for _, columns in by_run)
    form = schema(double=any(values.dtype == np.float64 for values in predicted))
    n = len(frame_ids)
    names = {
        name: pa.array(values, pa.string()).dictionary_encode()
        for name, values in (("frame_id", frame_ids), ("material_id", material_ids))
    }
    tables = []
    for run, errors in by_run:
        columns = {
            "method": pa.array([run.method] * n, pa.string()).dictionary_encode(),
            "size": np.full(n, run.size),
            "seed": np.full(n, run.seed),
            **names,
            **errors,
        }
        arrays = [
            values.cast(field.type)
            if isinstance(values, pa.Array)
            else pa.array(values, from_pandas=True).cast(field.type)
            for field, values in ((field, columns[field.name]) for field in form)
        ]
        tables.append(pa.Table.from_arrays(arrays, schema=form))
    table = pa.concat_tables(tables).unify_dictionaries()
    # Names and labels come again with every seed; errors are noise, whose bytes compress apart.
    again = [n for n in FRAME_COLUMNS if n not in ERROR_COLUMNS] + ["energy_true_ev_per_atom"]
    with whole_file(path) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            use_dictionary=again,
            use_byte_stream_split=list(ERROR_COLUMNS[1:]),
            row_group_size=max(len(table), 1),
        )


def read_frame_errors(path: str | os.PathLike, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read what :func:`write_frame_errors` wrote, or some of its columns.

    Raises:
        StudyError: when the file is missing, damaged or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read(columns=columns and list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StudyError(
            f"{path}: cannot be read as a table of errors by frame ({str(error).splitlines()[0]}); "
            "delete it and let the workflow make it again"
        ) from None
    lacking = set(columns or FRAME_COLUMNS) - set(table.column_names)
    if lacking:
        raise StudyError(
            f"{path}: lacks the columns {', '.join(sorted(lacking))}; delete it and let the "
            "workflow make it again"
        )
    return table
