"""The answer to 'how many target frames does pretraining save here?' in two sentences.

One sentence for each of two metrics, from the table of data efficiency, for the best
pretrained method. Everything that stands against a number is said instead of the number: a curve
that does not reach far enough, one seed, transfer that hurts, no baseline, no labels.
"""

from collections.abc import Iterable, Sequence

from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.words import metric_words, rounded

METRICS = ("energy_mae_mev_per_atom", "force_mae_mev_per_angstrom")


def pretraining_answer(
    means: Iterable[MeanRow],
    laws: Iterable[LawRow],
    efficiency: Iterable[EfficiencyRow],
    *,
    pretrained: Sequence[str],
    baseline: str | None,
    target: str = "target",
    metrics: tuple[str, str] = METRICS,
    fitted_on_all: Sequence[str] = (),
    quote: str = "",
) -> tuple[str, str]:
    """Return the two sentences.

    Args:
        means, laws, efficiency: the study's tables.
        pretrained: methods that start from pretrained weights.
        baseline: the method that starts from random weights; None where there is none.
        target: name of the expensive level of theory.
        metrics: one for each sentence.
        fitted_on_all: methods whose reference energies know more target frames than the run's
            own; the sentence says so where such a method is the best.
        quote: put around names of methods, e.g. '``' for reStructuredText.
    """
    means, law_of = list(means), {(row.method, row.metric): row for row in laws}
    error = {(row.method, row.metric, row.size): row.mean for row in means}
    metrics_there = [m for m in metrics if any(row.metric == m for row in means)]
    if baseline is None or not pretrained:
        lacking = "starts from random weights" if baseline is None else "is pretrained"
        return (
            f"This study cannot say how many {target} frames pretraining saves, as no method of it "
            f"{lacking}.",
            _best_of_all(means, metrics_there, target, quote),
        )
    if not metrics_there:
        return (
            f"This study cannot say how many {target} frames pretraining saves, as no run has a "
            "usable error.",
            "The notes of the tables name the runs and what is wrong with them.",
        )
    best = best_method(means, pretrained, metrics_there[0])
    rows = [row for row in efficiency if row.method == best]
    sentences, named = [], False
    for metric in metrics:
        if not any(known == metric for _, known in law_of):
            word, _ = metric_words(metric)
            sentences.append(
                f"In {word}, nothing is measured: the test frames are not labelled with it."
            )
            continue
        sentences.append(
            _sentence(
                [row for row in rows if row.metric == metric],
                law_of.get((baseline, metric)),
                error,
                metric,
                names=(f"{quote}{best}{quote}", f"{quote}{baseline}{quote}"),
                keys=(best, baseline),
                target=target,
                first=not named,
                fitted_on_all=best in fitted_on_all and not named,
            )
        )
        named = True
    return sentences[0], sentences[1]


def best_method(means: Sequence[MeanRow], methods: Sequence[str], metric: str) -> str:
    """The method with the lowest error on the most frames that any of the methods was trained on:
    those that were tried on fewer are asides, and cannot answer for the study."""
    errors = {(r.method, r.size): r.mean for r in means if r.metric == metric}
    sizes = [size for method, size in errors if method in methods]
    if not sizes:
        return methods[0]
    most = max(sizes)
    return min((m for m in methods if (m, most) in errors), key=lambda m: errors[m, most])


def _sentence(
    rows: Sequence[EfficiencyRow],
    law: LawRow | None,
    error: dict[tuple[str, str, int], float],
    metric: str,
    *,
    names: tuple[str, str],
    keys: tuple[str, str],
    target: str,
    first: bool,
    fitted_on_all: bool,
) -> str:
    word, unit = metric_words(metric)
    method, baseline = names
    rows = sorted(rows, key=lambda row: row.size)
    if not rows:
        return f"In {word}, nothing can be said: {method} has no usable error."
    if law is None or law.law is None:
        why = f" ({law.note})" if law is not None and law.note else ""
        return f"In {word}, nothing can be said: {baseline} has no scaling law{why}."
    at_small, at_large = law.law([law.smallest_size, law.largest_size])
    if at_large >= at_small:
        return (
            f"In {word}, nothing can be said: the error of {baseline} does not fall between "
            f"{law.smallest_size:,} and {law.largest_size:,} frames."
        )
    known = [
        row
        for row in rows
        if row.scratch_equivalent_frames is not None or row.mean_error < at_large or row.saves
    ]
    if not known:
        worse = (
            f"{method} is worse at every size that was run than {baseline} is with "
            f"{law.smallest_size:,} frames"
        )
        if any(row.saves is False or "no interval" in row.note for row in rows):
            subject = "Pretraining" if first else "It"
            saved = f"{subject} saves no {target} frames in {word}: {worse}"
        else:
            saved = _open(word, target, first, worse, rows[-1])
    else:
        # The smallest size at which the data decide, if there is one.
        telling = next(filter(_decided, known), known[0])
        saved = _saved(telling, law, word, names, target, first, fitted_on_all)
    last = rows[-1]
    end = ""
    if (keys[1], metric, last.size) in error and last.size > 0:
        end = (
            f"; with {last.size:,} frames its error is {rounded(last.mean_error, 2)} {unit}, that "
            f"of {baseline} {rounded(error[keys[1], metric, last.size], 2)}"
        )
    return f"{saved}{end}."


def _saved(
    row: EfficiencyRow,
    law: LawRow,
    word: str,
    names: tuple[str, str],
    target: str,
    first: bool,
    fitted_on_all: bool,
) -> str:
    method, baseline = names
    subject = "Pretraining" if first else "It"
    when = "before any fine-tuning" if row.size == 0 else f"with {row.size:,} frames"
    if fitted_on_all:
        when += ", its reference energies being fitted to all training frames,"
    if row.scratch_equivalent_frames is None:
        more = law.largest_size - row.size
        if row.mean_error > law.law(law.largest_size):
            # One seed's bad subset draws the mean away from the law, and the ratio not.
            low, high = (rounded(x, 2) for x in (row.scratch_ratio_low, row.scratch_ratio_high))
            return (
                f"{subject} saves {target} frames in {word}, how many is out of range: {when} the "
                f"error of {method} is {rounded(row.scratch_ratio, 2)} times that of {baseline} "
                f"(90 % interval {low} to {high} over {_scatter(row)})"
            )
        better = f"{method} is better than {baseline} with all {law.largest_size:,}"
        if row.saves is False or not _decided(row):
            return _open(word, target, first, f"{when} {better}", row)
        if more <= 0:
            return (
                f"How many {target} frames {subject.lower()} saves in {word} is out of range: "
                f"only {when} {better}"
            )
        low, _ = row.transferred_interval
        beyond = f"{when} {better}, beyond which the saving is out of range"
        if row.saves and (low is None or low < more):
            interval = _interval(low, None, row.note, _scatter(row))
            return (
                f"{subject} saves {target} frames in {word}, by the mean more than "
                f"{rounded(more, 2)} ({interval}): {beyond}"
            )
        return f"{subject} saves more than {rounded(more, 2)} {target} frames in {word}: {beyond}"
    saved, (low, high), scatter = row.frames_transferred, row.transferred_interval, _scatter(row)
    equivalent = rounded(row.scratch_equivalent_frames, 2)
    interval = _interval(low, high, row.note, scatter)
    same = f"{when} {method} has the error that {baseline} reaches with {equivalent} frames"
    by_mean = _decided(row) and row.saves is None
    if (row.saves or by_mean) and saved > 0:
        return (
            f"{subject} saves about {rounded(saved, 2)} {target} frames in {word} ({interval}): "
            f"{same}"
        )
    if (row.saves is False or by_mean) and saved <= 0:
        interval = _interval(_minus(high), _minus(low), row.note, scatter)
        return (
            f"{subject} costs {target} frames in {word} instead of saving them, about "
            f"{rounded(-saved, 2)} ({interval}): {same}"
        )
    return (
        f"Whether {subject.lower()} saves {target} frames in {word} is open, about "
        f"{rounded(saved, 2)} ({interval}): {same}"
    )


def _open(word: str, target: str, first: bool, means: str, row: EfficiencyRow) -> str:
    subject = "pretraining" if first else "it"
    return (
        f"Whether {subject} saves {target} frames in {word} is open: {means}, by the means, which "
        f"the 90 % interval over {_scatter(row)} does not decide"
    )


def _scatter(row: EfficiencyRow) -> str:
    if row.n_materials is None:
        return "the seeds alone"
    return f"seeds and {row.n_materials:,} test materials"


def _decided(row: EfficiencyRow) -> bool:
    """Whether the interval, where there is one, tells a gain from a loss."""
    return row.saves is not None or "no interval" in row.note


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _interval(low: float | None, high: float | None, note: str, scatter: str) -> str:
    if low is not None and high is not None:
        return f"90 % interval {rounded(low, 2)} to {rounded(high, 2)} over {scatter}"
    if low is not None:
        return f"90 % interval from {rounded(low, 2)} over {scatter}, its upper end out of range"
    if high is not None:
        return f"90 % interval up to {rounded(high, 2)} over {scatter}, its lower end out of range"
    return note if "no interval" in note else "both ends of the interval out of range"


def _best_of_all(means: Sequence[MeanRow], metrics: Sequence[str], target: str, quote: str) -> str:
    if not metrics:
        return "No run has a usable error."
    rows = [row for row in means if row.metric == metrics[0]]
    size = max(row.size for row in rows)
    best = min((row for row in rows if row.size == size), key=lambda row: row.mean)
    word, unit = metric_words(metrics[0])
    return (
        f"With {size:,} {target} frames the lowest mean error of {word} is "
        f"{rounded(best.mean, 2)} {unit}, that of {quote}{best.method}{quote}."
    )
