"""A level's frames, read and screened as the workflow does it, into a temporary folder."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np

from rungs.config.data import Level, Screening
from rungs.errors import StudyError
from rungs.filters.level import COMPUTED, LevelFiles, WrittenLevel, write_level
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame, Rejected
from rungs.sources.label_check import EXAMINED, check_labels
from rungs.splits.members import Member, read_members

_MOST_ATOMS = 500
"""That a published network is asked about: a second or two on one core."""


@dataclass
class Counts:
    """What there is to count in frames as they pass."""

    n_atoms: int = 0
    largest: int = 0
    volume: float = 0.0
    elements: Counter[str] = field(default_factory=Counter)
    """Frames with each element."""

    def add(self, frame: Frame) -> None:
        """Take a frame into account."""
        self.n_atoms += frame.n_atoms
        self.largest = max(self.largest, frame.n_atoms)
        self.volume += frame.volume
        self.elements.update(SYMBOLS[z - 1] for z in np.unique(frame.atomic_numbers))


@dataclass
class ReadLevel(WrittenLevel):
    """A level that was read, and where its frames lie for now. ``labels`` is None where the label
    check refuses the level, too."""

    section: str
    level: Level
    frames: Path
    atoms: Path
    counts: Counts
    label_fault: str | None
    """Why the label check refuses the level."""
    members: list[Member]


def read_level(
    level: Level,
    section: str,
    folder: str | os.PathLike,
    limits: Screening,
    seed: int,
    into: Path,
    *,
    ask: bool = True,
) -> ReadLevel:
    """Read, check and screen a level as the workflow does.

    Args:
        level: the section ``source`` or ``target``.
        section: which of them.
        folder: that its files' names are relative to.
        limits: the section ``screening``.
        seed: the study's.
        into: a temporary folder.
        ask: whether the label check may ask a published network, about some frames.

    Raises:
        StudyError: when a file cannot be read, or no frame passes.
    """
    files = LevelFiles(
        into / f"{section}.parquet",
        into / f"{section}_rejects.csv",
        into / f"{section}_isolated_atoms.csv",
    )
    counts, faults = Counts(), []

    def examine(items: Iterable[Frame | Rejected]):
        items = iter(items)
        head = list(islice(items, EXAMINED))
        labels = None
        asks = ask and level.data.kind not in COMPUTED
        try:
            labels, _ = check_labels(head, section, ask=asks, max_atoms=_MOST_ATOMS)
        except StudyError as error:
            faults.append(str(error))
        return labels, chain(head, items)

    written = write_level(
        level,
        section,
        folder,
        limits,
        seed,
        files,
        examine=examine,
        atom_table=next(iter(level.atom_files(str(folder))), None),
        passed=lambda items: _counted(items, counts),
    )
    return ReadLevel(
        **vars(written),
        section=section,
        level=level,
        frames=files.frames,
        atoms=files.isolated_atoms,
        counts=counts,
        label_fault=next(iter(faults), None),
        members=read_members(files.frames),
    )


def _counted(items: Iterable[Frame | Rejected], counts: Counts) -> Iterator[Frame | Rejected]:
    for item in items:
        if isinstance(item, Frame):
            counts.add(item)
        yield item
