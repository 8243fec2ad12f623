"""Which recipe is taken: of those that are as good as the best, the one on the flattest ground."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rungs.config.training import RateFactors
from rungs.config.tuning import TrainingChanges, value_words
from rungs.errors import StudyError


class Tried(NamedTuple):
    """A recipe that was tried at one method and size."""

    name: str
    changes: TrainingChanges
    units: dict[str, tuple[int, float]]
    """Validation frames and loss, mean over seeds, of each material (or frame, where there are
    few); empty where a training diverged."""

    @property
    def loss(self) -> float:
        """Mean over validation frames."""
        n = sum(n for n, _ in self.units.values())
        return sum(n * loss for n, loss in self.units.values()) / n if n else math.inf


class Choice(NamedTuple):
    """The recipe of one method and searched size."""

    tried: Tried
    lowest_loss: float
    standard_error: float
    """Of the difference to the lowest."""
    n_as_good: int
    at_edge: str
    """Which searched values end where the choice stands, in words; empty where none do."""


def choose(tried: Sequence[Tried], axes: Mapping[str, Sequence]) -> Choice:
    """Choose among recipes by their losses on validation materials.

    As good as the best is what the materials cannot tell from it: its loss is higher by at most one
    standard error of the difference, taken over materials, which saw both models. (Breiman et al.,
    Classification and Regression Trees, 1984, have this rule for the size of a tree.) Of these the
    flattest is taken, the one with the lowest mean logarithm of its own loss and its neighbours',
    which differ in one searched number by one step: a rate next to which training falls apart is
    left, however well it did. One at the edge of what was searched is taken only where none within
    is as good: nobody looked beyond it.

    Args:
        tried: every recipe of a method and size.
        axes: the searched keys with their values.

    Raises:
        StudyError: when all diverged.
    """
    finite = [t for t in tried if math.isfinite(t.loss)]
    if not finite:
        raise StudyError("every trial diverged")
    best = min(finite, key=lambda t: t.loss)
    errors = {t.name: standard_error(t, best) for t in finite}
    as_good = [t for t in finite if t.loss - best.loss <= errors[t.name]]
    heights = {t.name: _height(t, tried, axes) for t in as_good}
    chosen = min(as_good, key=lambda t: (bool(_edges(t, axes)), heights[t.name], t.loss))
    return Choice(chosen, best.loss, errors[chosen.name], len(as_good), _edges(chosen, axes))


def standard_error(one: Tried, other: Tried) -> float:
    """Return that of the difference in mean loss, over materials that count by their frames; 0 for
    one material."""
    counts = np.array([n for n, _ in one.units.values()], dtype=float)
    if len(counts) < 2:
        return 0.0
    differences = np.array([loss - other.units[unit][1] for unit, (_, loss) in one.units.items()])
    shares = counts / counts.sum()
    deviations = shares * (differences - shares @ differences)
    return float(np.sqrt(len(counts) / (len(counts) - 1) * np.square(deviations).sum()))


def _height(one: Tried, tried: Sequence[Tried], axes: Mapping[str, Sequence]) -> float:
    around = [t.loss for t in tried if t is one or _is_neighbour(one, t, axes)]
    # a loss of 0 is as good as it gets
    return float(np.mean([math.log(max(loss, 1e-300)) for loss in around]))


def _is_neighbour(one: Tried, other: Tried, axes: Mapping[str, Sequence]) -> bool:
    differ = [key for key in axes if _value(one, key) != _value(other, key)]
    if len(differ) != 1 or isinstance(_value(one, differ[0]), RateFactors):
        return False
    values = sorted(axes[differ[0]])
    return abs(values.index(_value(one, differ[0])) - values.index(_value(other, differ[0]))) == 1


def _edges(one: Tried, axes: Mapping[str, Sequence]) -> str:
    found = []
    for key, values in axes.items():
        value = _value(one, key)
        if isinstance(value, RateFactors) or len(values) == 1 or value == 0:
            continue  # there is no lower one than 0
        if value in (min(values), max(values)):
            which = "lowest" if value == min(values) else "highest"
            found.append(f"{key} {value_words(value)} is the {which} searched")
    return "; ".join(found)


def _value(tried: Tried, key: str):
    return getattr(tried.changes, key)
