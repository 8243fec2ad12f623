"""How stable the simulations of each method and size are: a table, and the curves of survival."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.bootstrap import LEVEL, half_widths, resample_seeds
from rungs.scaling.intervals.survival import (
    Lifetimes,
    restricted_means,
    stable_share,
    survival_curve,
)

REFERENCE = "reference"
"""Method of the rows of the potential that labelled the target."""


@dataclass(frozen=True, slots=True)
class StabilityRow:
    """One method and size, at one temperature or at all.

    Intervals are of 90 % and about models (seeds); None where they cannot be had.
    """

    method: str
    size: int
    temperature_k: float | None
    """None for all temperatures together."""
    n_models: int
    n_simulations: int
    n_stable: int
    stable_share: float
    stable_share_low: float | None
    stable_share_high: float | None
    mean_stable_ps: float
    """Mean stable time, where none counts more than the planned one."""
    mean_stable_low: float | None
    mean_stable_high: float | None
    median_stable_ps: float | None
    """None where more than half are stable to their end: it is longer than was planned."""
    median_stable_low: float | None
    median_stable_high: float | None
    planned_ps: float
    gain_share: float | None
    """``stable_share`` less the baseline's at this size, over the seeds that both have."""
    gain_share_low: float | None
    gain_share_high: float | None
    gain_ps: float | None
    """``mean_stable_ps`` less the baseline's, likewise."""
    gain_ps_low: float | None
    gain_ps_high: float | None
    reasons: str
    """What ended the others, with numbers."""


STABILITY_COLUMNS = tuple(field.name for field in fields(StabilityRow))
SURVIVAL_COLUMNS = ("method", "size", "temperature_k", "time_ps", "survival", "low", "high")


def stability_rows(
    simulations: Iterable[Mapping[str, str]], baselines: Mapping[str, str] | None = None
) -> list[StabilityRow]:
    """Return a row for each method and size at all temperatures, then one for each temperature.

    Args:
        simulations: rows of ``simulations.csv`` as text.
        baselines: of each method, the one that its gains are counted from.

    Raises:
        StudyError: for a row that cannot be read.
    """
    groups = _groups(simulations)
    rows = []
    for (method, size, temperature), group in groups.items():
        lifetimes = _lifetimes(method, group)
        planned = max(_number(row, "planned_ps") for row in group)
        baseline = (baselines or {}).get(method)
        base = groups.get((baseline, size, temperature))
        gains = (None,) * 6
        if base and method not in (baseline, REFERENCE):
            gains = (
                *_gain(_by_seed(group, _is_stable), _by_seed(base, _is_stable)),
                *_gain(_by_seed(group, _stable_time), _by_seed(base, _stable_time)),
            )
        reasons = Counter(row["reason"] for row in group if row["reason"])
        share, low, high = stable_share(lifetimes)
        alone = len(lifetimes.models) < 2 and not lifetimes.independent
        rows.append(
            StabilityRow(
                method,
                size,
                temperature,
                len(lifetimes.models),
                len(group),
                int((~lifetimes.broken).sum()),
                share,
                *((None, None) if alone else (low, high)),
                *_mean_time(lifetimes, planned),
                *survival_curve(lifetimes).median(),
                planned,
                *gains,
                ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()),
            )
        )
    return rows


def survival_rows(simulations: Iterable[Mapping[str, str]]) -> list[dict]:
    """Return the steps of every curve of survival, up to the planned time.

    Args:
        simulations: as for :func:`stability_rows`.
    """
    rows = []
    for (method, size, temperature), group in _groups(simulations).items():
        curve = survival_curve(_lifetimes(method, group))
        planned = max(_number(row, "planned_ps") for row in group)
        ends = curve.survival[-1:], *(x if x is None else x[-1:] for x in (curve.low, curve.high))
        columns = [
            None if body is None else np.concatenate([body, end])
            for body, end in zip((curve.survival, curve.low, curve.high), ends, strict=True)
        ]
        for i, time in enumerate([*curve.times, planned]):
            values = (None if column is None else float(column[i]) for column in columns)
            values = (method, size, temperature, float(time), *values)
            rows.append(dict(zip(SURVIVAL_COLUMNS, values, strict=True)))
    return rows


def _groups(simulations: Iterable[Mapping[str, str]]) -> dict[tuple, list[Mapping[str, str]]]:
    """Return the simulations by method, size and temperature, None standing for all."""
    groups: dict[tuple, list[Mapping[str, str]]] = {}
    for row in simulations:
        key = row["method"], int(row["size"])
        for temperature in (None, _number(row, "temperature_k")):
            groups.setdefault((*key, temperature), []).append(row)
    points = list(dict.fromkeys(key[:2] for key in groups))
    order = sorted(groups, key=lambda key: (points.index(key[:2]), key[2] or 0.0))
    return {key: groups[key] for key in order}


def _lifetimes(method: str, group: Sequence[Mapping[str, str]]) -> Lifetimes:
    return Lifetimes(
        times=np.array([_number(row, "stable_ps") for row in group]),
        broken=np.array([not _is_stable(row) for row in group]),
        seeds=np.array([int(row["seed"]) for row in group]),
        independent=method == REFERENCE,
    )


def _mean_time(lifetimes: Lifetimes, planned: float) -> tuple[float, float | None, float | None]:
    mean, replicates = restricted_means(lifetimes, planned)
    resamples, _ = lifetimes.resamples()
    half = half_widths(replicates, resamples.probabilities, len(lifetimes.models), LEVEL)
    # Without any scatter, the models say nothing of how others would differ.
    if half is None or half == 0:
        return mean, None, None
    return mean, max(0.0, mean - float(half)), min(planned, mean + float(half))


def _gain(
    mine: Mapping[int, float], base: Mapping[int, float]
) -> tuple[float | None, float | None, float | None]:
    """Return the mean difference over common seeds, and its interval from them."""
    common = sorted(mine.keys() & base.keys())
    if not common:
        return None, None, None
    differences = np.array([mine[seed] - base[seed] for seed in common])
    gain = float(differences.mean())
    resamples = resample_seeds(len(common))
    replicates = resamples.counts @ differences / len(common)
    half = half_widths(replicates, resamples.probabilities, len(common), LEVEL)
    if half is None or half == 0:
        return gain, None, None
    return gain, gain - float(half), gain + float(half)


def _by_seed(group: Sequence[Mapping[str, str]], value) -> dict[int, float]:
    """Return the mean of ``value`` over the simulations of each seed."""
    values: dict[int, list[float]] = {}
    for row in group:
        values.setdefault(int(row["seed"]), []).append(float(value(row)))
    return {seed: float(np.mean(found)) for seed, found in values.items()}


def _is_stable(row: Mapping[str, str]) -> bool:
    return str(row["stable"]) == "True"


def _stable_time(row: Mapping[str, str]) -> float:
    return _number(row, "stable_ps")


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        return float(row[name])
    except (KeyError, ValueError):
        raise StudyError(
            f"simulations: {row.get('method')}, {row.get('size')} frames: {name} is "
            f"{row.get(name)!r}; delete the table and let the workflow make it again"
        ) from None
