"""Table 1 of the paper: every method at its largest size, with formation and decomposition
energies."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from rungs.errors import StudyError
from rungs.evaluation.breakdown import MAE_COLUMNS, iter_runs
from rungs.evaluation.stability import PhaseSet, lowest_phases
from rungs.frames.elements import SYMBOLS

PathLike = str | os.PathLike

_STABILITY = {
    "formation_energy": "formation_energy_mae_mev_per_atom",
    "decomposition_energy": "decomposition_energy_mae_mev_per_atom",
}
_MEANS = (*MAE_COLUMNS.values(), *_STABILITY.values())
TABLE1_COLUMNS = (
    "method",
    "size",
    "n_seeds",
    *(name for mean in _MEANS for name in (mean, f"{mean}_sd")),
    "n_formation_energies",
    "n_decomposition_energies",
    "note",
)
PHASE_COLUMNS = (
    "material_id",
    "frame_id",
    "formula",
    "formation_energy_ev_per_atom",
    "formation_energy_left_out",
    "decomposition_energy_ev_per_atom",
    "decomposition_energy_left_out",
    "decomposes_into",
)


class Table1(NamedTuple):
    """Rows of ``table1.csv`` and of ``competing_phases.csv``."""

    methods: list[dict]
    phases: list[dict]

    @property
    def note(self) -> str:
        """What is left out of formation and decomposition energies, in words."""
        return self.methods[0]["note"]


def make_table1(
    evaluation: pd.DataFrame,
    files: Mapping[tuple[str, int], PathLike],
    test_frames: pd.DataFrame,
    reference: np.ndarray | None = None,
) -> Table1:
    """Return Table 1 for every method at its largest size.

    Means over seeds with their sample standard deviations (none for one seed). MAEs of formation
    and decomposition energies are taken over the test materials for which the true one is defined
    (see :mod:`rungs.evaluation.stability`), each material counting once.

    Args:
        evaluation: ``evaluation.csv``.
        files: errors by frame of every method's largest size.
        test_frames: of :func:`rungs.evaluation.frame_facts.describe_test_frames`.
        reference: (94,) elemental energies in eV/atom that bring energies close to 0.

    Raises:
        StudyError: when there is no method.
    """
    if not files:
        raise StudyError("Table 1 needs at least one evaluated method")
    phases = PhaseSet(lowest_phases(test_frames), reference)
    place = {name: i for i, name in enumerate(test_frames["frame_id"])}
    chosen = np.array([place[p.frame_id] for p in phases.phases], dtype=int)
    energies = test_frames["energy_ev_per_atom"].to_numpy()[chosen]
    true = {
        "formation_energy": phases.formation_energies(energies),
        "decomposition_energy": phases.decomposition_energies(energies),
    }
    note = "; ".join(
        _note(words, true[name], phases.is_compound, why)
        for name, words, why in (
            ("formation_energy", "formation energy", "an element of theirs is no test material"),
            (
                "decomposition_energy",
                "decomposition energy",
                "other test materials do not make up their composition",
            ),
        )
    )
    ids = test_frames["frame_id"].tolist()
    rows = []
    for (method, size), path in files.items():
        runs = list(iter_runs(path, ids, ["energy_error_mev_per_atom"]))
        row = {"method": method, "size": size, "n_seeds": len(runs), "note": note}
        own = evaluation[(evaluation["method"] == method) & (evaluation["size"] == size)]
        for name, column in MAE_COLUMNS.items():
            row |= _mean_and_sd(column, own.loc[own["property"] == name, "mae"].to_numpy())
        errors: dict[str, list[float]] = {name: [] for name in _STABILITY}
        for run in runs:
            energy_error = run.frames["energy_error_mev_per_atom"].astype(float)[chosen]
            # the label in full precision plus the error: the same rounding on both sides
            predicted = energies + energy_error / 1000.0
            found = {
                "formation_energy": phases.formation_energies(predicted),
                "decomposition_energy": phases.decomposition_energies(predicted),
            }
            for name, values in found.items():
                difference = np.abs(values - true[name])
                if np.isfinite(difference).any():
                    errors[name].append(1000.0 * float(np.nanmean(difference)))
        for name, column in _STABILITY.items():
            row |= _mean_and_sd(column, np.array(errors[name]))
        row["n_formation_energies"] = int(np.isfinite(true["formation_energy"]).sum())
        row["n_decomposition_energies"] = int(np.isfinite(true["decomposition_energy"]).sum())
        rows.append(row)
    return Table1(rows, _phase_rows(phases, energies, true))


def _mean_and_sd(column: str, values: np.ndarray) -> dict[str, float | None]:
    values = np.asarray(values, dtype=float)
    return {
        column: float(values.mean()) if len(values) else None,
        f"{column}_sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }


def _note(words: str, values: np.ndarray, is_compound: np.ndarray, why: str) -> str:
    n, compounds = int(np.isfinite(values).sum()), int(is_compound.sum())
    if not compounds:
        return f"{words} is not defined for this study: every test material is one element"
    if not n:
        return f"{words} is not defined for this study: {compounds} compounds left out, as {why}"
    text = f"{words} of {n} of {compounds} compounds"
    return text if n == compounds else f"{text}, {compounds - n} left out, as {why}"


def _phase_rows(
    phases: PhaseSet, energies: np.ndarray, true: Mapping[str, np.ndarray]
) -> list[dict]:
    elemental = phases.elemental_energies(energies)
    rows = []
    for i, phase in enumerate(phases.phases):
        lacking = [SYMBOLS[z] for z in phase.elements if np.isnan(elemental[z])]
        reasons = dict.fromkeys(true, "an element")
        if phases.is_compound[i]:
            reasons = {
                "formation_energy": f"no elemental test material of {', '.join(lacking)}"
                if lacking
                else "",
                "decomposition_energy": ""
                if len(phases.competing[i])
                else "other test materials do not make up its composition",
            }
        row = {
            "material_id": phase.material_id,
            "frame_id": phase.frame_id,
            "formula": phase.formula,
            "decomposes_into": " + ".join(phases.decomposition_products(i, energies)),
        }
        for name, values in true.items():
            value = values[i]
            row[f"{name}_ev_per_atom"] = float(value) if np.isfinite(value) else None
            row[f"{name}_left_out"] = reasons[name]
        rows.append(row)
    return rows
