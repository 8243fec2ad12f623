"""Screening: what a frame must satisfy to enter a study, and what becomes of those that do not.

A refused frame is never dropped in silence: its id and the reason go to a rejects file.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.frames.energy_fit import Judged, within_distance
from rungs.frames.faults import judge
from rungs.frames.frame import Frame, Rejected
from rungs.frames.isolated_atoms import IsolatedAtom, isolated_atom, recognised
from rungs.frames.labels import LabelCounts, without_faulty_labels
from rungs.frames.table import FrameWriter

REJECTS_COLUMNS = ("frame_id", "kind", "reason")
LABEL_SET_ASIDE = "label not finite"
"""Kind of a row about a label that is taken for missing; its frame is not refused."""
ISOLATED_ATOM = "isolated atom"
"""Kind of an isolated atom that is set aside: no fault."""
ISOLATED_ATOM_ADVICE = (
    "its energy is kept beside the frames, for `reference: isolated_atoms`; "
    "`screening: {isolated_atoms: keep}` trains and tests on it too"
)

_SHOWN = 3
_KEPT = 1000

Filter = Callable[[Iterable[Frame | Rejected]], Iterable[Frame | Rejected]]


class ScreenedFrames:
    """Iterate over the sound frames of ``items``; the others are set aside with their reasons.

    When the items are exhausted, the rejects file appears (with its header only, if all frames
    were sound).

    A label with a number that is none is taken for missing and has a row in the rejects file too;
    its frame stays, as long as any label is left.

    Args:
        items: frames, and frames that the source itself could not read.
        limits: the section ``screening`` of the configuration.
        rejects_path: CSV with the columns ``frame_id``, ``kind``, ``reason``.
        filters: what becomes of the sound frames: takes the stream of sound frames and gives it
            back with some frames rejected. None lets all of them in.
        section: ``source`` or ``target``, for messages.

    Raises:
        StudyError: at the end of the iteration, when no frame passed.
    """

    def __init__(
        self,
        items: Iterable[Frame | Rejected],
        limits: Screening,
        rejects_path: str | os.PathLike,
        filters: Filter | None = None,
        section: str = "source",
    ) -> None:
        self._section = section
        self._items = items
        self._limits = limits
        self._rejects_path = rejects_path
        self._filters = filters or iter
        self._counts: Counter[str] = Counter()
        self.labels = LabelCounts()
        """Of the frames that passed."""
        self.n_passed = 0
        self.rejects: list[Rejected] = []
        """The first thousand; the file has all."""
        self.isolated_atoms: list[IsolatedAtom] = []
        """Those with an energy, kept or set aside."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of rejects of each kind of fault, the most frequent first."""
        return dict(self._counts.most_common())

    @property
    def n_rejected(self) -> int:
        return self._counts.total()

    def __iter__(self) -> Iterator[Frame]:
        with (
            whole_file(self._rejects_path) as partial,
            open(partial, "w", newline="", encoding="utf-8") as handle,
        ):
            table = csv.writer(handle, lineterminator="\n")
            table.writerow(REJECTS_COLUMNS)
            for item in self._filters(self._screened()):
                if isinstance(item, Rejected):
                    table.writerow([getattr(item, name) for name in REJECTS_COLUMNS])
                    if item.kind == LABEL_SET_ASIDE:
                        continue
                    self._counts[item.kind] += 1
                    if len(self.rejects) < _KEPT:
                        self.rejects.append(item)
                else:
                    self.n_passed += 1
                    self.labels.add(item)
                    yield item
        if self.n_passed == 0:
            raise StudyError(self._nothing_left())

    def _screened(self) -> Iterator[Frame | Rejected]:
        """The items as they pass one judgement after the other, in their order."""
        seen: set[str] = set()
        for item in within_distance(
            self._judged(), self._limits.max_energy_distance, Path(self._rejects_path).parent
        ):
            if isinstance(item, Rejected):
                yield item
                continue
            frame, faults = item
            if frame.frame_id in seen:
                yield Rejected(
                    frame.frame_id,
                    f"frame id '{frame.frame_id}' occurs more than once; the first one is kept",
                    "duplicate id",
                )
                continue
            seen.add(frame.frame_id)
            self.labels.add_faulty(faults)
            for fault in faults.values():
                reason = f"{fault}; the frame stays without this label"
                yield Rejected(frame.frame_id, reason, LABEL_SET_ASIDE)
            yield frame

    def _judged(self) -> Iterator[Judged | Rejected]:
        """Each frame judged by itself, and isolated atoms set aside."""
        keep = self._limits.isolated_atoms == "keep"
        for item in self._items:
            if isinstance(item, Rejected):
                yield item
                continue
            frame, faults = without_faulty_labels(item)
            refused = judge(frame, self._limits, faults)
            if refused is None and (known_from := recognised(frame)):
                if frame.energy is not None:
                    self.isolated_atoms.append(isolated_atom(frame, known_from))
                if not keep:
                    refused = Rejected(
                        frame.frame_id, f"{known_from}; {ISOLATED_ATOM_ADVICE}", ISOLATED_ATOM
                    )
            yield refused or Judged(frame, faults)

    def _nothing_left(self) -> str:
        if not self.n_rejected:
            return f"the {self._section} holds no frames; check its files in {self._section}.data"
        # Named here too: the rejects file is deleted with a failed job's other outputs.
        kinds = ", ".join(f"{kind}: {count}" for kind, count in self.counts.items())
        shown = "\n".join(f"  {r.frame_id}: {r.reason}" for r in self.rejects[:_SHOWN])
        return (
            f"no frame of the {self._section} passed the screening, {self.n_rejected} were "
            f"refused ({kinds}); check the keys and units that {self._section}.data declares, the "
            f"limits in the section screening and {self._section}.filters. The first refused:\n"
            f"{shown}"
        )


def screen_to_file(
    items: Iterable[Frame | Rejected],
    limits: Screening,
    path: str | os.PathLike,
    rejects_path: str | os.PathLike,
    provenance: Mapping[str, object],
    filters: Filter | None = None,
    remarks: Callable[[], Iterable[str]] = tuple,
    section: str = "source",
) -> ScreenedFrames:
    """Write the sound frames of ``items`` to ``path`` and the others to ``rejects_path``.

    Arguments as for :class:`ScreenedFrames`, and what
    :class:`rungs.frames.table.FrameWriter` keeps; ``remarks`` is called when all items are read.

    Returns:
        The finished screened, with its counts.

    Raises:
        StudyError: when no frame passed; then there is no ``path``.
    """
    screened = ScreenedFrames(items, limits, rejects_path, filters, section)
    with FrameWriter(path, provenance) as writer:
        for frame in screened:
            writer.write(frame)
        writer.labels_not_finite = screened.labels.not_finite
        writer.remarks = list(remarks())
    return screened
