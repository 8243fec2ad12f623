"""Readings that would make labels belong together: other orders, units and signs."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from rungs.sources.label_check.pairs import Pairs
from rungs.sources.label_check.slopes import joint_slopes
from rungs.sources.label_check.units import KNOWN, PER_ATOM, TOTALS, either_of

VOIGT = "xx yy zz yz xz xy"
"""The order in which six numbers are read, where nothing else is declared."""
VASP = "xx yy zz xy yz zx"
ORDERS = (
    VOIGT,
    VASP,
    "xx yy zz xy xz yz",
    "xx yy zz xz yz xy",
    "xx yy zz yz xy xz",
    "xx yy zz xz xy yz",
    "xx xy xz yy yz zz",
    "xx xy yy xz yz zz",
)
"""Orders that programs write the six components of a stress in."""
MIN_DIFFERENT = 15
"""Pairs on which an alternative must say something else, to be judged."""
CERTAIN = 3.5
"""Standard deviations by which the pairs that are explained better must outnumber the others."""
BETTER = 0.6
"""How much smaller what it leaves unexplained must be, on average."""
EXPLAINS = 0.35
"""Part of energy and works together that it may leave unexplained, on average."""
_DIFFERENT = 0.05
_SAME = 0.02


class Alternative(NamedTuple):
    """A way of reading the labels that explains the energies where the declared one does not."""

    label: str
    """Which label reads otherwise: ``forces``, ``stress`` or ``energies``."""
    words: str
    """What it looks like."""
    n_pairs: int
    """Pairs on which it says something else than the declaration."""
    n_better: int
    """Those of them that it explains better."""
    order: str | None = None
    """Of the six stress components, where that is what reads otherwise."""


def places(order: str) -> list[int]:
    """For each of xx, yy, zz, yz, xz, xy its place among six numbers in ``order``."""
    names = ["".join(sorted(name)) for name in order.split()]
    return [names.index(name) for name in VOIGT.split()]


def in_order(stress: np.ndarray, order: str) -> np.ndarray:
    """(…, 6) components xx, yy, zz, yz, xz, xy of six numbers that stand in ``order``."""
    return stress[..., places(order)]


def better_reading(pairs: Pairs) -> Alternative | None:
    """The alternative that explains the pairs best, where it does so for certain.

    Orders of the stress, and energies per atom among totals, are compared by what is left
    unexplained with the best slopes for forces and stress, so that a wrong unit does not hide
    them. Units and signs are compared with slopes as they are declared.
    """
    if not len(pairs):
        return None
    return _best(_unexplained(pairs), _readings(pairs)) or _best(
        _unexplained(pairs, (1.0, 1.0)), _scaled(pairs)
    )


def is_told(pairs: Pairs, label: str) -> bool:
    """Whether the pairs say for certain that ``label`` has the declared sign: with the other one,
    those on which it matters are explained worse, and as declared well.

    Args:
        pairs: of frames near each other.
        label: ``forces`` or ``stress``.
    """
    if not len(pairs):
        return False
    declared = _unexplained(pairs, (1.0, 1.0))
    flipped = _unexplained(pairs, (-1.0, 1.0) if label == "forces" else (1.0, -1.0))
    differ = np.abs(flipped - declared) > _DIFFERENT
    n, n_better = int(differ.sum()), int((declared < flipped)[differ].sum())
    certain = n >= MIN_DIFFERENT and 2 * n_better - n >= CERTAIN * np.sqrt(n)
    return certain and declared[differ].mean() <= EXPLAINS


def _best(
    declared: np.ndarray, readings: Iterable[tuple[Alternative, np.ndarray]]
) -> Alternative | None:
    """The reading that leaves least, of those that surely leave less than is declared; with the
    words of another that leaves the same, as units of forces and energies do without a stress."""
    found: list[tuple[float, Alternative]] = []
    for reading, left in readings:
        differ = np.abs(left - declared) > _DIFFERENT
        n, n_better = int(differ.sum()), int((left < declared)[differ].sum())
        if n < MIN_DIFFERENT or 2 * n_better - n < CERTAIN * np.sqrt(n):
            continue
        mean = left[differ].mean()
        if mean > EXPLAINS or mean > BETTER * declared[differ].mean():
            continue
        found.append((float(left.mean()), reading._replace(n_pairs=n, n_better=n_better)))
    if not found:
        return None
    least, best = min(found, key=lambda one: one[0])
    words = [one.words for left, one in found if left <= least + _SAME and one.words != best.words]
    return best._replace(words=either_of([best.words, *words]))


def _readings(pairs: Pairs) -> Iterator[tuple[Alternative, np.ndarray]]:
    for order in ORDERS[1:]:
        name = f"{order} (VASP's)" if order == VASP else order
        words = f"its six numbers look like the order {name} that is read as {VOIGT}"
        other = dataclasses.replace(pairs, stress=in_order(pairs.stress, order))
        yield Alternative("stress", words, 0, 0, order), _unexplained(other)
    if np.ptp(pairs.n_atoms) > 0:
        for words, other in _by_atoms(pairs):
            yield Alternative("energies", words, 0, 0), _unexplained(other)


def _by_atoms(pairs: Pairs) -> Iterator[tuple[str, Pairs]]:
    """The pairs with energies per atom taken for totals, and the other way round."""
    for power, words in ((1, PER_ATOM), (-1, TOTALS)):
        energy = pairs.energy * pairs.n_atoms**power
        yield words, dataclasses.replace(pairs, energy=energy)


def _scaled(pairs: Pairs) -> Iterator[tuple[Alternative, np.ndarray]]:
    for words, other in _by_atoms(pairs):
        yield Alternative("energies", words, 0, 0), _unexplained(other, (1.0, 1.0))
    for label, factors in KNOWN.items():
        for sign in (1, -1):
            for factor, words in ({1.0: "the sign looks like the other one"} | factors).items():
                slope = sign * factor
                if slope == 1:
                    continue
                slopes = (
                    slope if label in ("forces", "energies") else 1.0,
                    slope if label in ("stress", "energies") else 1.0,
                )
                other = sign < 0 and factor != 1
                yield (
                    Alternative(label, words + " with the other sign" * other, 0, 0),
                    _unexplained(pairs, slopes),
                )


def _unexplained(pairs: Pairs, slopes: tuple[float, float] | None = None) -> np.ndarray:
    """(p,) what forces and stress leave of the energy, as a part of all three, from 0 to 1; with
    the best slopes, where none are given."""
    works = np.stack([pairs.by_forces, pairs.by_stress])
    parts = np.array(slopes or joint_slopes(pairs.energy, works))[:, None] * works
    size = np.abs(pairs.energy) + np.abs(parts).sum(axis=0)
    left = np.abs(pairs.energy - parts.sum(axis=0))
    return np.divide(left, size, out=np.zeros(len(pairs)), where=size > 0)
