"""Table 1 of the paper: every method at its largest size, with formation and decomposition
energies."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from rungs.errors import StudyError
from rungs.evaluation.breakdown import MAE_COLUMNS, iter_runs
from rungs.evaluation.competing_phases import PhaseErrors, read_phase_errors
from rungs.evaluation.stability import Phase, PhaseSet, lowest_phases
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
    "part",
    "n_test_compounds",
    "formation_energy_ev_per_atom",
    "formation_energy_left_out",
    "decomposition_energy_ev_per_atom",
    "decomposition_energy_left_out",
    "decomposes_into",
)
"""``part``: of the split; ``n_test_compounds``: the test compounds that the phase competes with."""
_PARTS = {
    "test": "in the test part",
    "validation": "in the validation part",
    "train": "in the training part, which subsets are drawn from, so that models may have seen "
    "their labels",
}


class Table1(NamedTuple):
    """Rows of ``table1.csv`` and of ``competing_phases.csv``."""

    methods: list[dict]
    phases: list[dict]

    @property
    def note(self) -> str:
        """What formation and decomposition energies rest on and what is left out, in words."""
        return self.methods[0]["note"]


def make_table1(
    evaluation: pd.DataFrame,
    files: Mapping[tuple[str, int], PathLike],
    test_frames: pd.DataFrame,
    reference: np.ndarray | None = None,
    phase_files: Mapping[tuple[str, int], PathLike] | None = None,
) -> Table1:
    """Return Table 1 for every method at its largest size.

    Means over seeds with their sample standard deviations (none for one seed). MAEs of formation
    and decomposition energies are taken over the test compounds for which the true one is defined
    (see :mod:`rungs.evaluation.stability`), each compound counting once.

    Args:
        evaluation: ``evaluation.csv``.
        files: errors by frame of every method's largest size.
        test_frames: of :func:`rungs.evaluation.frame_facts.describe_test_frames`.
        reference: (94,) elemental energies in eV/atom that bring energies close to 0.
        phase_files: of the same methods and sizes, what
            :func:`rungs.evaluation.competing_phases.write_phase_errors` wrote. Without them test
            materials alone compete.

    Raises:
        StudyError: when there is no method, or the files of phases do not belong together.
    """
    if not files:
        raise StudyError("Table 1 needs at least one evaluated method")
    outside = _phases_outside_test(files, phase_files)
    tested = lowest_phases(test_frames)
    phases = PhaseSet(tested + next(iter(outside.values())).phases, reference)
    energies = np.array([phase.energy for phase in phases.phases])
    true = _stability(phases, energies)
    kind = "test material" if phase_files is None else "target material"
    note = _note(phases, true, kind, test_frames["material_id"].nunique() - len(tested))
    ids = test_frames["frame_id"].tolist()
    place = {name: i for i, name in enumerate(ids)}
    chosen = np.array([place[phase.frame_id] for phase in tested], dtype=int)
    rows = []
    for (method, size), path in files.items():
        runs = list(iter_runs(path, ids, ["energy_error_mev_per_atom"]))
        row = {"method": method, "size": size, "n_seeds": len(runs), "note": note}
        own = evaluation[(evaluation["method"] == method) & (evaluation["size"] == size)]
        for name, column in MAE_COLUMNS.items():
            row |= _mean_and_sd(column, own.loc[own["property"] == name, "mae"].to_numpy())
        errors: dict[str, list[float]] = {name: [] for name in _STABILITY}
        for run in runs:
            of_tested = run.frames["energy_error_mev_per_atom"].astype(float)[chosen]
            of_others = outside[method, size].of_seed(run.seed)
            error = np.concatenate([of_tested, of_others])
            # the label in full precision plus the error: the same rounding on both sides
            for name, values in _stability(phases, energies + error / 1000.0).items():
                difference = np.abs(values - true[name])
                if np.isfinite(difference).any():
                    errors[name].append(1000.0 * float(np.nanmean(difference)))
        for name, column in _STABILITY.items():
            row |= _mean_and_sd(column, np.array(errors[name]))
        row["n_formation_energies"] = int(np.isfinite(true["formation_energy"]).sum())
        row["n_decomposition_energies"] = int(np.isfinite(true["decomposition_energy"]).sum())
        rows.append(row)
    return Table1(rows, _phase_rows(phases, energies, true, kind))


def _phases_outside_test(
    files: Mapping[tuple[str, int], PathLike],
    phase_files: Mapping[tuple[str, int], PathLike] | None,
) -> dict[tuple[str, int], PhaseErrors]:
    """What is predicted for the phases outside the test part, the same ones by every method."""
    if phase_files is None:
        return dict.fromkeys(files, PhaseErrors([], {}))
    found = {point: read_phase_errors(phase_files[point]) for point in files}
    (first, *others) = found
    for point in others:
        if _frames_of(found[point].phases) != _frames_of(found[first].phases):
            raise StudyError(
                f"{phase_files[point]}: its phases are not those of {phase_files[first]}; delete "
                "both and let the workflow make them again"
            )
    return found


def _frames_of(phases: list[Phase]) -> list[str]:
    return [phase.frame_id for phase in phases]


def _stability(phases: PhaseSet, energies: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "formation_energy": phases.formation_energies(energies),
        "decomposition_energy": phases.decomposition_energies(energies),
    }


def _mean_and_sd(column: str, values: np.ndarray) -> dict[str, float | None]:
    values = np.asarray(values, dtype=float)
    return {
        column: float(values.mean()) if len(values) else None,
        f"{column}_sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }


def _note(phases: PhaseSet, true: Mapping[str, np.ndarray], kind: str, n_unlabelled: int) -> str:
    """What the energies rest on and what is left out.

    Args:
        phases: all phases.
        true: the (n_phases,) true energies.
        kind: what may compete, in words.
        n_unlabelled: test materials without a labelled energy.
    """
    tested = [phase for phase in phases.phases if phase.part == "test"]
    undefined = "formation and decomposition energies are not defined for this study"
    if not tested:
        return f"{undefined}: no test frame has a labelled energy"
    if not phases.judged.any():
        said = [f"{undefined}: every test material consists of one element"]
    else:
        n = int(phases.judged.sum())
        said = [
            _defined("formation", true, n, f"an element of theirs is no {kind}"),
            _defined("decomposition", true, n, f"other {kind}s do not make up their composition"),
        ]
    competing = phases.n_compounds > 0
    parts = [phases.phases[i].part for i in np.flatnonzero(competing)]
    counts = [f"{parts.count(part)} {where}" for part, where in _PARTS.items() if part in parts]
    if len(counts) == 1:
        said.append(f"{len(parts)} competing phases, all {_PARTS[parts[0]]}")
    elif counts:
        said.append(f"{len(parts)} competing phases: {', '.join(counts)}")
    if n_unlabelled:
        said.append(f"test materials left out for want of a labelled energy: {n_unlabelled}")
    return "; ".join(said)


def _defined(name: str, true: Mapping[str, np.ndarray], n_compounds: int, why: str) -> str:
    n = int(np.isfinite(true[f"{name}_energy"]).sum())
    if not n:
        return (
            f"{name} energy is not defined for this study: {n_compounds} test compounds left out, "
            f"as {why}"
        )
    text = f"{name} energy of {n} of {n_compounds} test compounds"
    return text if n == n_compounds else f"{text}, {n_compounds - n} left out, as {why}"


def _phase_rows(
    phases: PhaseSet, energies: np.ndarray, true: Mapping[str, np.ndarray], kind: str
) -> list[dict]:
    elemental = phases.elemental_energies(energies)
    products = phases.decomposition_products(energies)
    n_compounds = phases.n_compounds
    rows = []
    for i, phase in enumerate(phases.phases):
        if phases.judged[i]:
            lacking = [SYMBOLS[z] for z in phase.elements if np.isnan(elemental[z])]
            reasons = {
                "formation_energy": f"no elemental {kind} of {', '.join(lacking)}"
                if lacking
                else "",
                "decomposition_energy": ""
                if len(phases.competing[i])
                else f"other {kind}s do not make up its composition",
            }
        else:
            reasons = dict.fromkeys(
                true, "an element" if phase.part == "test" else "not a test material"
            )
        row = {
            "material_id": phase.material_id,
            "frame_id": phase.frame_id,
            "formula": phase.formula,
            "part": phase.part,
            "n_test_compounds": int(n_compounds[i]),
            "decomposes_into": " + ".join(products[i]),
        }
        for name, values in true.items():
            value = values[i]
            row[f"{name}_ev_per_atom"] = float(value) if np.isfinite(value) else None
            row[f"{name}_left_out"] = reasons[name]
        rows.append(row)
    return rows
