"""A level from its files to its frames file: read, labels examined, screened, filtered.

A study's job and ``rungs check`` both go this way, so that the one foretells what the other does.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rungs.config.data import Level, Screening
from rungs.filters.chain import FilterChain
from rungs.frames.frame import Frame, Rejected
from rungs.frames.isolated_atoms import known_atoms, lines, write_isolated_atoms
from rungs.frames.screening import ScreenedFrames, screen_to_file
from rungs.sources import Notes, read_source
from rungs.sources.label_check import LabelCheck

COMPUTED = ("crystals", "classical_md")
"""Kinds of sources whose frames the workflow makes and labels itself: their labels are what they
are, and no network is asked about them."""

Items = Iterable[Frame | Rejected]
Examine = Callable[[Items], tuple[LabelCheck | None, Items]]


@dataclass(frozen=True)
class LevelFiles:
    """The files that a level becomes."""

    frames: Path
    rejects: Path
    isolated_atoms: Path


@dataclass
class WrittenLevel:
    """What there is to tell of a level whose files are written."""

    screened: ScreenedFrames
    filtered: dict[str, int]
    """Frames that filters set aside, by filter."""
    labels: LabelCheck | None
    """None where the check is switched off, or gave none."""
    isolated_atoms: list[str]
    """In words."""
    label_counts: list[str]
    """How many frames have each label, in words."""
    notes: list[str]
    """What the source had to tell besides."""


def write_level(
    level: Level,
    section: str,
    folder: str | os.PathLike,
    limits: Screening,
    seed: int,
    files: LevelFiles,
    *,
    examine: Examine,
    atom_table: str | os.PathLike | None = None,
    origin: dict[str, object] | None = None,
    passed: Callable[[Iterator[Frame | Rejected]], Iterator[Frame | Rejected]] = iter,
) -> WrittenLevel:
    """Read a level's source and write its frames, its rejects and its isolated atoms.

    Args:
        level: the section ``source`` or ``target``.
        section: which of them, for messages.
        folder: that its files' names are relative to.
        limits: the section ``screening``; where it says ``check_labels: false``, ``examine`` is
            not called.
        seed: the study's.
        files: what to write; filters keep what they must beside the frames.
        examine: looks at the source's items and gives them back, all of them in their order, such
            as :func:`rungs.sources.label_check.check_labels`.
        atom_table: where the level's file of energies of isolated atoms lies, if it names one.
        origin: provenance that the frames file keeps, to which filters, isolated atoms and the
            label check are added.
        passed: sees the frames and rejects that leave the filters, and gives them back.

    Raises:
        StudyError: when a file cannot be read, the labels are refused, or no frame passes.
    """
    origin = {} if origin is None else origin
    filters = FilterChain(level.filters, Path(files.frames).parent, section=section)
    declared = known_atoms(level, atom_table, section=section)
    origin["isolated_atom_energies"] = {atom.element: atom.energy_ev for atom in declared}
    origin["filters"] = level.filters.model_dump(mode="json")
    notes, labels = Notes(), None
    items: Items = read_source(level, folder, seed, section=section, notes=notes)
    if limits.check_labels:
        labels, items = examine(items)
        if labels is not None:
            origin["label_check"] = [*labels.lines, *labels.warnings]
    screened = screen_to_file(
        items,
        limits,
        files.frames,
        files.rejects,
        origin,
        lambda frames: passed(filters(frames)),
        remarks=notes.lines,
        section=section,
    )
    write_isolated_atoms(files.isolated_atoms, [*declared, *screened.isolated_atoms])
    return WrittenLevel(
        screened,
        dict(filters.counts),
        labels,
        lines(screened.isolated_atoms, kept=limits.isolated_atoms == "keep"),
        list(screened.labels.lines()),
        list(notes.lines()),
    )
