"""Labels as they come: a frame keeps those that it has, and what it lacks is counted."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from rungs.frames.frame import LABELS, Frame


def without_faulty_labels(frame: Frame) -> tuple[Frame, dict[str, str]]:
    """Take labels that hold a number which is none (NaN, infinity) for missing.

    Returns:
        The frame, without those labels, and for the name of each what was wrong with it, in words.
        A frame whose fields do not agree in shape comes back as it is: the screening refuses it.
    """
    faults = {}
    for name in frame.labels:
        value = getattr(frame, name)
        if (bad := int(np.size(value) - np.isfinite(value).sum())) > 0:
            faults[name] = f"{name} has {bad} of {np.size(value)} values that are no finite number"
    if not faults or frame.shape_fault():
        return frame, {}
    return dataclasses.replace(frame, **dict.fromkeys(faults)), faults


class LabelCounts:
    """How many frames have each label, and how many lost it for a number that was none."""

    def __init__(self) -> None:
        self.n_frames = 0
        self._labelled: Counter[str] = Counter()
        self._not_finite: Counter[str] = Counter()

    def add(self, frame: Frame) -> None:
        """Count a frame that is let in."""
        self.n_frames += 1
        self._labelled.update(frame.labels)

    def add_faulty(self, labels: Iterable[str]) -> None:
        """Count labels that were set aside, while their frame stays."""
        self._not_finite.update(list(labels))

    @property
    def labelled(self) -> dict[str, int]:
        """Frames that have each of the labels."""
        return {name: self._labelled[name] for name in LABELS}

    @property
    def not_finite(self) -> dict[str, int]:
        """Labels that were set aside, of those kinds that were."""
        return {name: self._not_finite[name] for name in LABELS if self._not_finite[name]}

    def lines(self) -> Iterator[str]:
        """What there is to tell at the terminal: labels that not every frame has, by name."""
        yield f"labels: {label_words(self.labelled, self.n_frames)}"
        for name, count in self.not_finite.items():
            yield f"{count} {name} taken for missing: not finite"


def label_words(labelled: Mapping[str, int], n_frames: int) -> str:
    """Which labels ``n_frames`` frames have, in words: 'energy, forces on 40 of 48, no stress'."""
    words = []
    for label in LABELS:
        count, name = labelled[label], label.replace("magmoms", "magnetic moments")
        if count == n_frames:
            words.append(name)
        else:
            words.append(f"{name} on {count:,} of {n_frames:,}" if count else f"no {name}")
    return ", ".join(words)
