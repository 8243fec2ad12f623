"""Joint laws of a study whose methods differ in how many source frames they were pretrained on."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.scaling.bootstrap import LEVEL
from rungs.scaling.laws.identified import Interval
from rungs.scaling.laws.joint import N_RESAMPLES, JointFit, fit_joint_law
from rungs.scaling.runs import curves_of


@dataclass(frozen=True, slots=True)
class JointRow:
    """One row of ``joint_laws.csv``: L(S, N) = floor + prefactor·S^−α·N^−β.

    S source frames in the pretraining, N target frames in the fine-tuning. Numbers are None where
    the law was not fitted, intervals also where there is one seed.
    """

    family: str
    """The first of the methods that differ in their pretraining only."""
    methods: str
    """All of them, separated by spaces."""
    metric: str
    pretraining_exponent: float | None = None
    """α."""
    pretraining_exponent_low: float | None = None
    pretraining_exponent_high: float | None = None
    target_exponent: float | None = None
    """β."""
    target_exponent_low: float | None = None
    target_exponent_high: float | None = None
    prefactor: float | None = None
    """In the unit of the metric."""
    floor: float | None = None
    """In the unit of the metric; None without a floor."""
    floor_low: float | None = None
    floor_high: float | None = None
    saved_by_doubling: float | None = None
    """Share of the target frames that twice the source frames spare, 1 − 2^(−α/β), negative
    where they cost some; None where the error does not fall with the target frames."""
    smallest_pretraining: int | None = None
    largest_pretraining: int | None = None
    smallest_size: int | None = None
    largest_size: int | None = None
    """The law holds between these four sizes."""
    n_points: int = 0
    n_seeds: int = 0
    converged: bool | None = None
    note: str = ""


_MOST_DOUBLINGS = 100
COLUMNS = tuple(field.name for field in fields(JointRow))


def fit_joint_laws(
    rows: Iterable[Mapping[str, object]],
    families: Mapping[str, Mapping[str, int]],
    *,
    metrics: Iterable[str] | None = None,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> list[JointRow]:
    """Fit the joint law of each family of methods in every metric.

    The seeds that are resampled are those of the fine-tuning: each pretraining was done once.

    Args:
        rows, metrics: as for :func:`rungs.scaling.runs.curves_of`; runs on 0 frames are ignored.
        families: for each family its methods with their number of source frames.
        level, n_resamples, seed: of the intervals.

    Raises:
        StudyError: for a table that cannot be read as runs.
    """
    curves = {(curve.method, curve.metric): curve for curve in curves_of(rows, metrics)}
    found = []
    for family, pretraining in families.items():
        for metric in dict.fromkeys(metric for _, metric in curves):
            members = [
                (size, *curves[name, metric].trained())
                for name, size in pretraining.items()
                if (name, metric) in curves
            ]
            if not members:
                continue
            source = np.concatenate([np.full(len(sizes), s) for s, sizes, _, _ in members])
            target, seeds, errors = (
                np.concatenate(columns)
                for columns in zip(*(member[1:] for member in members), strict=True)
            )
            about = {
                "family": family,
                "methods": " ".join(pretraining),
                "metric": metric,
                "n_points": len(errors),
                "n_seeds": len(np.unique(seeds)),
            }
            if len(errors):
                about["smallest_pretraining"], about["largest_pretraining"] = _ends(source)
                about["smallest_size"], about["largest_size"] = _ends(target)
            try:
                joint = fit_joint_law(
                    source, target, seeds, errors, level=level, n_resamples=n_resamples, seed=seed
                )
            except StudyError as error:
                found.append(JointRow(**about, note=f"not fitted: {error}"))
            else:
                found.append(_row(joint, about))
    return found


def write_joint_laws(path: str | os.PathLike, laws: Iterable[JointRow]) -> None:
    """Write ``joint_laws.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, laws))


def _row(joint: JointFit, about: dict) -> JointRow:
    law = joint.law
    alpha, beta = law.pretraining_exponent, law.target_exponent
    return JointRow(
        **about,
        pretraining_exponent=alpha,
        **_interval("pretraining_exponent", joint.pretraining_exponent),
        target_exponent=beta,
        **_interval("target_exponent", joint.target_exponent),
        prefactor=law.prefactor,
        floor=law.floor or None,
        **_interval("floor", joint.floor),
        saved_by_doubling=_saved_by_doubling(alpha, beta),
        converged=joint.converged,
        note="; ".join(joint.notes),
    )


def _saved_by_doubling(alpha: float, beta: float) -> float | None:
    """Of a law that hardly depends on target frames, no number of them makes up for anything."""
    if beta <= 0 or -alpha / beta > _MOST_DOUBLINGS:
        return None
    return 1.0 - 2.0 ** (-alpha / beta)


def _interval(name: str, ends: Interval) -> dict:
    low, high = ends or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _ends(sizes: np.ndarray) -> tuple[int, int]:
    return int(sizes.min()), int(sizes.max())
