"""Predicted and labelled energies for the parity figure."""

import os
from collections.abc import Iterable

import pandas as pd

from rungs.evaluation.frames import read_frame_errors


def parity_energies(files: Iterable[str | os.PathLike], test_frames: pd.DataFrame) -> pd.DataFrame:
    """Return ``method``, ``seed``, ``true`` and ``predicted`` energies in eV/atom above the
    target's reference energies, of the first seed in each file of errors by frame and of labelled
    frames only.

    On the scale of total energies, which reaches over tens of eV/atom, no error would be seen.
    """
    reference = test_frames.set_index("frame_id")["reference_ev_per_atom"]
    columns = ["energy_true_ev_per_atom", "energy_predicted_ev_per_atom"]
    parts = []
    for path in files:
        table = read_frame_errors(path, ["method", "seed", "frame_id", *columns]).to_pandas()
        table = table[table["seed"] == table["seed"].iloc[0]]
        base = table["frame_id"].astype(str).map(reference).to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "method": table["method"].astype(str),
                    "seed": table["seed"],
                    "true": table[columns[0]] - base,
                    "predicted": table[columns[1]] - base,
                }
            ).dropna()
        )
    return pd.concat(parts, ignore_index=True)
