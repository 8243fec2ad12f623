"""Ways of using both levels, each against plain fine-tuning on the same frames: what they gain at
the target, on chemistry that the run's frames lack, and what they keep of the source."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from rungs.files import write_rows
from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.words import metric_words, rounded
from rungs.scaling.bootstrap import LEVEL
from rungs.scaling.intervals.paired import paired_ratio, ratio_of_seeds

if TYPE_CHECKING:
    import pandas as pd

METRICS = {"energy": "energy_mae_mev_per_atom", "force": "force_mae_mev_per_angstrom"}
Lacking = Callable[[int, int], frozenset[str]]
"""From size and seed to the test materials of chemical systems that no frame of the run
has."""


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """One row of ``strategies.csv``: one method at one size in one metric. Ratios are to plain
    fine-tuning of the same seeds; below 1 is better."""

    method: str
    metric: str
    size: int
    plain: str
    """The method compared with."""
    error: float
    """Geometric mean over the seeds on the target's test frames, in the metric's unit."""
    error_ratio: float | None = None
    error_ratio_low: float | None = None
    error_ratio_high: float | None = None
    """From seeds and test materials."""
    n_materials: int | None = None
    new_chemistry_error: float | None = None
    """The same on test materials of chemical systems that none of the run's frames has."""
    new_chemistry_ratio: float | None = None
    new_chemistry_ratio_low: float | None = None
    new_chemistry_ratio_high: float | None = None
    n_new_materials: int | None = None
    """How many such materials any of the seeds has."""
    source_error: float | None = None
    """Geometric mean over the seeds on the source's test frames, with the source's references."""
    pretrained_error: float | None = None
    """There, of the pretrained model."""
    source_ratio: float | None = None
    source_ratio_low: float | None = None
    source_ratio_high: float | None = None
    """From the seeds."""
    scratch_equivalent_frames: float | None = None
    equivalent_low: float | None = None
    equivalent_high: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``undecided`` than plain fine-tuning at the target."""
        if self.error_ratio_low is None or self.error_ratio_high is None:
            return "undecided"
        if self.error_ratio_high < 1:
            return "better"
        return "worse" if self.error_ratio_low > 1 else "undecided"


COLUMNS = tuple(field.name for field in fields(StrategyRow))


def strategy_rows(
    errors: "pd.DataFrame",
    methods: Sequence[str],
    plain: str,
    *,
    lacking: Lacking,
    forgetting: Iterable[Mapping[str, str]] = (),
    efficiency: Iterable[EfficiencyRow] = (),
    seed: int = 0,
) -> list[StrategyRow]:
    """Compare strategies with plain fine-tuning, by metric, size and method.

    Args:
        errors: ``material_errors.parquet``.
        methods: those to compare, ``plain`` among them.
        plain: the method compared with.
        lacking: what each run's frames lack.
        forgetting: rows of ``forgetting.csv``; none where the source was not judged.
        efficiency: rows of ``efficiency.csv``.
        seed: by which test materials are drawn.
    """
    saved = {(row.method, row.metric, row.size): row for row in efficiency}
    kept: dict[tuple, dict[int, tuple[float, float]]] = {}
    for row in forgetting:
        key = row["method"], row["property"], int(row["size"])
        values = float(row["mae"]), float(row["pretrained_mae"])
        kept.setdefault(key, {})[int(row["seed"])] = values
    errors = errors[errors["method"].isin(methods) & (errors["size"] > 0)]
    found = []
    for name, metric in METRICS.items():
        of_metric = errors[errors["property"] == name]
        tables = {
            (str(method), int(size)): _Table(rows)
            for (method, size), rows in of_metric.groupby(["method", "size"], observed=True)
        }
        for size in sorted({size for _, size in tables}):
            for method in methods:
                table = tables.get((method, size))
                if table is None:
                    continue
                values = {} if method == plain else _against(table, tables.get((plain, size)), seed)
                values |= _on_new_chemistry(table, tables.get((plain, size)), lacking, seed)
                values |= _kept(kept, method, plain, name, size)
                values |= _saved(saved.get((method, metric, size)))
                found.append(StrategyRow(method, metric, size, plain, table.mean(), **values))
    return found


def write_strategies(path: str | os.PathLike, rows: Iterable[StrategyRow]) -> None:
    """Write ``strategies.csv``; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


def strategy_sentences(
    rows: Iterable[StrategyRow], *, source: str = "source", target: str = "target", quote: str = ""
) -> list[str]:
    """Return a sentence for each metric: which strategies beat plain fine-tuning on the most frames
    that all have, by how much, what they keep of the source, and what is undecided.

    Args:
        rows: of :func:`strategy_rows`.
        source, target: names of the levels.
        quote: put around names of methods.
    """
    rows = list(rows)
    sentences = []
    for metric in METRICS.values():
        own = [row for row in rows if row.metric == metric]
        sizes = [{row.size for row in own if row.method == m} for m in {r.method for r in own}]
        common = set.intersection(*sizes) if sizes else set()
        if not common:
            continue
        here = [row for row in own if row.size == max(common)]
        sentences.append(_sentence(here, metric, source, target, quote))
    return sentences


class _Table:
    """Errors of one method at one size by seed and material."""

    def __init__(self, rows: "pd.DataFrame") -> None:
        names = rows["material_id"].astype(str)
        wide = {
            column: rows.assign(material_id=names).pivot(
                index="seed", columns="material_id", values=column
            )
            for column in ("mae", "n")
        }
        self.seeds = [int(seed) for seed in wide["mae"].index]
        self.materials = list(wide["mae"].columns)
        self.errors = wide["mae"].fillna(0.0).to_numpy()
        self.counts = wide["n"].fillna(0.0).to_numpy()
        self.method, self.size = str(rows["method"].iloc[0]), int(rows["size"].iloc[0])

    def mean(self, mask: np.ndarray | None = None) -> float | None:
        """The geometric mean over the seeds of the error over materials, of a (S, M) mask."""
        counts = self.counts if mask is None else self.counts * mask
        if (counts.sum(axis=1) == 0).any():
            return None
        means = (self.errors * counts).sum(axis=1) / counts.sum(axis=1)
        return float(np.exp(np.log(means).mean())) if (means > 0).all() else None

    def lacks(self, lacking: Lacking) -> np.ndarray:
        """(S, M) which materials are of chemistry that the run's frames lack."""
        sets = [lacking(self.size, seed) for seed in self.seeds]
        return np.array([[material in found for material in self.materials] for found in sets])


def _against(one: _Table, other: _Table | None, seed: int) -> dict:
    if other is None:
        return {"note": "plain fine-tuning has no run at this size"}
    if one.seeds != other.seeds or one.materials != other.materials:
        return {"note": "not the same seeds as plain fine-tuning: no ratio"}
    ratio = paired_ratio(one.errors, other.errors, one.counts, seed=seed)
    if ratio is None:
        return {"note": "no error that is above 0"}
    return {
        "error_ratio": ratio.value,
        "error_ratio_low": ratio.low,
        "error_ratio_high": ratio.high,
        "n_materials": ratio.n_materials,
        "note": "" if ratio.low is not None else "one seed or few materials: no interval",
    }


def _on_new_chemistry(one: _Table, other: _Table | None, lacking: Lacking, seed: int) -> dict:
    mask = one.lacks(lacking)
    values = {
        "new_chemistry_error": one.mean(mask),
        "n_new_materials": int(mask.any(axis=0).sum()),
    }
    if other is None or other.method == one.method:
        return values
    if one.seeds != other.seeds or one.materials != other.materials:
        return values
    both = mask & other.lacks(lacking)
    ratio = paired_ratio(one.errors, other.errors, one.counts * both, seed=seed)
    if ratio is not None:
        values |= {
            "new_chemistry_ratio": ratio.value,
            "new_chemistry_ratio_low": ratio.low,
            "new_chemistry_ratio_high": ratio.high,
        }
    return values


def _kept(kept: Mapping[tuple, Mapping], method: str, plain: str, name: str, size: int) -> dict:
    own = kept.get((method, name, size))
    if not own:
        return {}
    seeds = sorted(own)
    errors = np.array([own[seed][0] for seed in seeds])
    values = {
        "source_error": float(np.exp(np.log(errors).mean())),
        "pretrained_error": own[seeds[0]][1],
    }
    other = kept.get((plain, name, size), {})
    if method != plain and sorted(other) == seeds:
        ratio, low, high = ratio_of_seeds(errors, np.array([other[seed][0] for seed in seeds]))
        values |= {"source_ratio": ratio, "source_ratio_low": low, "source_ratio_high": high}
    return values


def _saved(row: EfficiencyRow | None) -> dict:
    if row is None:
        return {}
    low, high = row.equivalent_interval
    return {
        "scratch_equivalent_frames": row.scratch_equivalent_frames,
        "equivalent_low": low,
        "equivalent_high": high,
    }


def _sentence(
    rows: Sequence[StrategyRow], metric: str, source: str, target: str, quote: str
) -> str:
    word, unit = metric_words(metric)
    first = rows[0]
    plain = next((row for row in rows if row.method == first.plain), None)
    subject = f"{quote}{first.plain}{quote}"
    if plain is None:
        return f"In {word}, strategies cannot be compared: {subject} has no usable error."
    others = sorted(
        (row for row in rows if row.method != first.plain and row.error_ratio is not None),
        key=lambda row: row.error_ratio,
    )
    groups = {v: [row for row in others if row.verdict == v] for v in ("better", "worse")}
    parts = []
    for verdict, comparative in (("better", "less"), ("worse", "more")):
        told = [
            f"{quote}{row.method}{quote} has {_percent(row)} {comparative}{_range(row, i == 0)}"
            for i, row in enumerate(groups[verdict])
        ]
        parts += [_listed(told)] if told else []
    if not parts:
        parts.append("no strategy differs from it beyond its interval")
    undecided = [f"{quote}{r.method}{quote}" for r in others if r.verdict == "undecided"]
    if undecided and (groups["better"] or groups["worse"]):
        parts.append(f"undecided: {_listed(undecided)}")
    head = (
        f"In {word}, with {first.size:,} {target} frames plain fine-tuning ({subject}) has an "
        f"error of {rounded(plain.error, 2)} {unit}"
    )
    return f"{head}; {'; '.join(parts)}{_kept_words(rows, plain, source, quote)}."


def _kept_words(rows: Sequence[StrategyRow], plain: StrategyRow, source: str, quote: str) -> str:
    judged = [row for row in rows if row.source_error is not None and row.pretrained_error]
    if plain.source_error is None or not judged:
        return ""
    decided = [
        row for row in judged if row.source_ratio_high is not None and row.source_ratio_high < 1
    ]
    words = (
        f"; on {source} its error grows to {_times(plain)} that of the pretrained model"
        if plain.source_error > plain.pretrained_error
        else f"; on {source} its error is {_times(plain)} that of the pretrained model"
    )
    if decided:
        best = min(decided, key=lambda row: row.source_error)
        words += f", of {quote}{best.method}{quote}, which keeps most, to {_times(best)}"
    return words


def _times(row: StrategyRow) -> str:
    return f"{rounded(row.source_error / row.pretrained_error, 2)} times"


def _percent(row: StrategyRow) -> str:
    return f"{rounded(100 * abs(row.error_ratio - 1), 2)} %"


def _range(row: StrategyRow, first: bool) -> str:
    low, high = sorted(abs(100 * (end - 1)) for end in (row.error_ratio_low, row.error_ratio_high))
    words = f"{100 * LEVEL:.0f} % interval " if first else ""
    return f" ({words}{rounded(low, 2)} to {rounded(high, 2)} %)"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
