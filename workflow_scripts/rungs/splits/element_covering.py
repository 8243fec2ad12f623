"""Subsets that see every element as early as possible."""

from collections.abc import Mapping

import numpy as np

from rungs.seeds import derive_seed
from rungs.splits.composition import elements


def cover_elements(compositions: Mapping[str, str], seed: int) -> list[str]:
    """An order of the frames in which the elements come early, and rare ones stay frequent.

    First a greedy cover: each frame is one that brings the most elements not seen before (the best
    that is known to be possible in general: at most 1 + ln(d) times as many frames as the smallest
    cover, where no frame has more than d elements; Chvátal, Math. Oper. Res. 4, 233 (1979)). When
    all elements are seen, the other frames follow at random, each with a weight inverse to the
    number of frames that have its rarest element (Efraimidis and Spirakis, Inf. Process. Lett. 97,
    181 (2006)), so that rare elements do not wait for their turn in a random order.

    The order depends on ids, elements and ``seed`` alone, not on the order in which frames come.

    Args:
        compositions: for each frame id its composition, as
            :class:`rungs.splits.composition.Compositions` writes it.
        seed: of the ties and of the random order.
    """
    ids = sorted(compositions)
    draws = np.array([derive_seed(seed, "element covering", name) for name in ids])
    kinds = {text: number for number, text in enumerate(sorted(set(compositions.values())))}
    kind = np.array([kinds[compositions[name]] for name in ids])
    columns = {s: n for n, s in enumerate(sorted(set().union(*map(elements, kinds))))}
    has = np.zeros((len(kinds), len(columns)), dtype=bool)
    for text, number in kinds.items():
        has[number, [columns[symbol] for symbol in elements(text)]] = True
    first = _cover(has, kind, draws)
    rarest = np.where(has, np.bincount(kind) @ has, len(ids)).min(axis=1)
    # The variate -ln(u)/weight in rising order draws without replacement by weight.
    waiting = -np.log((draws + 0.5) / 2.0**63) * rarest[kind]
    waiting[first] = -1
    rest = np.lexsort((draws, waiting))[len(first) :]
    return [ids[i] for i in [*first, *rest.tolist()]]


def _cover(has: np.ndarray, kind: np.ndarray, draws: np.ndarray) -> list[int]:
    """Indices of a greedy cover; ties go to the frame with the smallest draw.

    Args:
        has: (compositions, elements), whether a composition has an element.
        kind: (frames,) each frame's composition.
        draws: (frames,) a random number each.
    """
    # The frame that stands for each composition: once it is taken, the others bring nothing.
    by_draw = np.argsort(draws, kind="stable")
    _, position = np.unique(kind[by_draw], return_index=True)
    candidate = by_draw[position]
    missing = np.ones(has.shape[1], dtype=bool)
    # floats, whose products are fast and exact for counts of elements
    counted = has.astype(np.float32)
    chosen: list[int] = []
    while missing.any():
        gain = counted @ missing.astype(np.float32)
        best = np.flatnonzero(gain == gain.max())
        winner = best[np.argmin(draws[candidate[best]])]
        chosen.append(int(candidate[winner]))
        missing &= ~has[winner]
    return chosen
