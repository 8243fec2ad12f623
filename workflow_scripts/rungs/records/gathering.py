"""Several finished studies in one table: what pretraining is worth in each, by their summaries."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from math import log
from pathlib import Path

from pydantic import ValidationError

from rungs.errors import StudyError
from rungs.files import write_rows
from rungs.records.summary import Summary
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.sentences import METRICS, best_method
from rungs.scaling.answers.words import metric_words, rounded

NEAR = {"few": 10, "many": 100}
"""Target frames at which studies are compared."""
_NEAR_BY = 1.6
LABELS = {"crystals": "a CHGNet", "classical_md": "a classical potential"}
"""What labels the frames of built-in sources; those of all others are calculations."""


@dataclass(frozen=True, slots=True)
class GatheredRow:
    """One row of the table: one study in one metric, the best transfer against scratch. Errors are
    in the metric's unit, intervals of 90 %, with test materials where the study has them."""

    study: str
    source: str
    target: str
    labels: str
    """What made the target's labels: `calculations`, or which potential."""
    source_frames: int
    target_frames: int
    n_seeds: int
    metric: str
    scratch: str | None = None
    """The method that starts from random weights."""
    transfer: str | None = None
    """The pretrained method with the lowest energy error on the most frames."""
    largest_size: int | None = None
    scratch_error: float | None = None
    transfer_error: float | None = None
    """At that size."""
    few_size: int | None = None
    """The size nearest to 10 frames that both have, within a factor of 1.6."""
    few_ratio: float | None = None
    few_low: float | None = None
    few_high: float | None = None
    """There the transferred error over that from scratch, paired by seed: below 1 it pays."""
    many_size: int | None = None
    """The size nearest to 100 frames, likewise."""
    many_ratio: float | None = None
    many_low: float | None = None
    many_high: float | None = None
    pays_up_to: int | None = None
    """The largest size at which the whole interval of this ratio lies below 1."""
    undecided_from: int | None = None
    """The smallest size beyond it: there transfer no longer pays for certain, or it hurts. None
    where it pays on the most frames that both have."""
    source_per_target: float | None = None
    """Source training frames for each target frame at `pays_up_to`."""
    scratch_exponent: float | None = None
    scratch_exponent_low: float | None = None
    scratch_exponent_high: float | None = None
    """Of the law's last piece: how fast errors fall at the largest sizes."""
    transfer_exponent: float | None = None
    transfer_exponent_low: float | None = None
    transfer_exponent_high: float | None = None
    equivalent_size: int | None = None
    """The smallest number of target frames at which equivalent frames are in range, 0 included."""
    equivalent_frames: float | None = None
    """Frames from scratch that have the error of so many transferred ones."""
    equivalent_low: float | None = None
    equivalent_high: float | None = None
    note: str = ""


COLUMNS = tuple(field.name for field in fields(GatheredRow))


def read_summary_of(study: str | os.PathLike) -> Summary:
    """Return the summary of a finished study.

    Args:
        study: its folder, or its ``summary.json``.

    Raises:
        StudyError: when there is none, or it is of another version of Rungs.
    """
    path = Path(study)
    path = path / "summary.json" if path.is_dir() else path
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for row in values.get("efficiency", ()):
            # Summaries did not say so as long as a study had one baseline.
            row.setdefault("baseline", values.get("baseline"))
        return Summary.model_validate(values)
    except OSError:
        raise StudyError(f"{study}: has no summary.json; is the study finished?") from None
    except json.JSONDecodeError as error:
        raise StudyError(f"{path}: is no JSON ({error.msg}); delete it and run again") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StudyError(
            f"{path}: {where}: {first['msg']}; it was written by another version of Rungs, delete "
            "it and run the study again"
        ) from None


def gather(summaries: Iterable[Summary]) -> list[GatheredRow]:
    """Return a row for energy and one for force of each study that has them.

    Raises:
        StudyError: when two studies have the same name.
    """
    rows, seen = [], set()
    for summary in summaries:
        if summary.study in seen:
            raise StudyError(
                f"two studies are called {summary.study}: give each once, or rename one"
            )
        seen.add(summary.study)
        rows += [row for metric in METRICS if (row := _row(summary, metric)) is not None]
    return rows


def write_gathered(path: str | os.PathLike, rows: Iterable[GatheredRow]) -> None:
    """Write the table as CSV; None becomes an empty field."""
    write_rows(path, COLUMNS, map(asdict, rows))


def markdown(rows: Sequence[GatheredRow]) -> str:
    """Return the table in Markdown, a line for each study and metric, rounded."""
    head = (
        "study",
        "source → target",
        "labels",
        "error of",
        "from scratch | transferred, at",
        "transferred over scratch, at",
        "pays up to",
        "exponents",
        "equivalent frames",
    )
    lines = [f"| {' | '.join(h.replace('|', '/') for h in head)} |", "| --- " * len(head) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return "\n".join(lines)


def _row(summary: Summary, metric: str) -> GatheredRow | None:
    points = [row for row in summary.points if row.metric == metric]
    if not points:
        return None
    values: dict = {
        "study": summary.study,
        "source": summary.source.label,
        "target": summary.target.label,
        "labels": LABELS.get(summary.target.kind, "calculations"),
        "source_frames": summary.source.frames,
        "target_frames": summary.target.frames,
        "n_seeds": len(summary.seeds),
        "metric": metric,
    }
    there = {row.method for row in points}
    pretrained = [m.name for m in summary.methods if m.initial == "pretrained" and m.name in there]
    laws = {row.method: row for row in summary.laws if row.metric == metric}
    if summary.baseline in there:
        values["scratch"] = summary.baseline
        values |= _exponents(laws.get(summary.baseline), "scratch")
    if pretrained:
        first = METRICS[0] if any(row.metric == METRICS[0] for row in summary.points) else metric
        values["transfer"] = best = best_method(summary.points, pretrained, first)
        values |= _exponents(laws.get(best), "transfer")
    values |= _errors(points, values.get("scratch"), values.get("transfer"))
    values |= _gains(summary, metric, values.get("transfer"))
    values |= _equivalent(summary, metric, values.get("transfer"))
    return GatheredRow(**values)


def _errors(points: Iterable, scratch: str | None, transfer: str | None) -> dict:
    errors = {(row.method, row.size): row.mean for row in points}
    compared = [name for name in (scratch, transfer) if name]
    sizes = [{size for method, size in errors if method == name} for name in compared]
    common = set.intersection(*sizes) if sizes else set()
    if not common:
        return {"note": "no size that both have"} if len(compared) == 2 else {}
    size = max(common)
    return {
        "largest_size": size,
        "scratch_error": errors.get((scratch, size)),
        "transfer_error": errors.get((transfer, size)),
    }


def _exponents(law: LawRow | None, which: str) -> dict:
    """Of the last piece of a law; of a broken one that after the break."""
    if law is None or law.exponent is None:
        return {}
    start = "exponent_after" if law.exponent_after is not None else "exponent"
    ends = {}
    for end in ("low", "high"):
        value = getattr(law, f"{start}_{end}_with_materials")
        ends[end] = getattr(law, f"{start}_{end}") if value is None else value
    return {
        f"{which}_exponent": getattr(law, start),
        f"{which}_exponent_low": ends["low"],
        f"{which}_exponent_high": ends["high"],
    }


def _equivalent(summary: Summary, metric: str, transfer: str | None) -> dict:
    rows = sorted(
        (r for r in summary.efficiency if (r.method, r.metric) == (transfer, metric)),
        key=lambda row: row.size,
    )
    if not rows:
        return {}
    known = [row for row in rows if row.scratch_equivalent_frames is not None]
    if not known:
        return {"note": rows[-1].note.partition("; ")[0]}
    row = known[0]
    low, high = row.equivalent_interval
    return {
        "equivalent_size": row.size,
        "equivalent_frames": row.scratch_equivalent_frames,
        "equivalent_low": low,
        "equivalent_high": high,
    }


def _gains(summary: Summary, metric: str, transfer: str | None) -> dict:
    """What transfer does to the error at few and at many frames, and up to where it pays."""
    rows = {
        row.size: row
        for row in summary.efficiency
        if (row.method, row.metric) == (transfer, metric) and row.scratch_ratio is not None
    }
    values: dict = {}
    for name, wanted in NEAR.items():
        size = min(rows, key=lambda n: abs(log(n / wanted)), default=None)
        if size is not None and abs(log(size / wanted)) <= log(_NEAR_BY):
            row = rows[size]
            values |= {
                f"{name}_size": size,
                f"{name}_ratio": row.scratch_ratio,
                f"{name}_low": row.scratch_ratio_low,
                f"{name}_high": row.scratch_ratio_high,
            }
    pays = [size for size, row in rows.items() if (row.scratch_ratio_high or 1.0) < 1.0]
    values["pays_up_to"] = up_to = max(pays, default=None)
    beyond = [size for size in rows if size > (up_to or 0)]
    values["undecided_from"] = min(beyond, default=None)
    if up_to is not None and summary.source.training_frames:
        values["source_per_target"] = summary.source.training_frames / up_to
    return values


def _cells(row: GatheredRow) -> list[str]:
    word, unit = metric_words(row.metric)
    errors = [_number(row.scratch_error, 2), _number(row.transfer_error, 2)]
    at = "" if row.largest_size is None else f" {unit}, {row.largest_size:,}"
    exponents = [
        _with_interval(
            getattr(row, f"{which}_exponent"),
            getattr(row, f"{which}_exponent_low"),
            getattr(row, f"{which}_exponent_high"),
            digits=2,
        )
        for which in ("scratch", "transfer")
    ]
    equivalent = row.note or "–"
    if row.equivalent_frames is not None:
        ends = row.equivalent_frames, row.equivalent_low, row.equivalent_high
        equivalent = f"{row.equivalent_size:,} → {_with_interval(*ends, digits=2)}"
    return [
        row.study,
        f"{row.source} → {row.target}",
        row.labels,
        word,
        f"{' / '.join(errors)}{at}",
        "; ".join(filter(None, (_gain(row, name) for name in NEAR))) or "–",
        _pays(row),
        " / ".join(exponents),
        equivalent,
    ]


def _gain(row: GatheredRow, name: str) -> str:
    size, ratio = getattr(row, f"{name}_size"), getattr(row, f"{name}_ratio")
    if ratio is None:
        return ""
    ends = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
    return f"{_with_interval(ratio, *ends, digits=2)} at {size:,}"


def _pays(row: GatheredRow) -> str:
    if row.pays_up_to is None:
        return "–" if row.undecided_from is None else "not for certain"
    words = f"{row.pays_up_to:,}" + ("" if row.undecided_from else ", the most")
    if row.source_per_target is not None:
        words += f" ({rounded(row.source_per_target, 2)} source frames each)"
    return words


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else rounded(value, digits)


def _with_interval(
    value: float | None, low: float | None, high: float | None, *, digits: int
) -> str:
    if value is None:
        return "–"
    found = _number(value, digits)
    if low is None and high is None:
        return found
    if low is None:
        return f"{found} (up to {_number(high, digits)})"
    if high is None:
        return f"{found} (from {_number(low, digits)})"
    return f"{found} ({_number(low, digits)} … {_number(high, digits)})"
