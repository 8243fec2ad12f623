"""Screening: what a frame must satisfy to enter a study, and what becomes of those that do not.

A refused frame is never dropped in silence: its id and the reason go to a rejects file.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame, Rejected
from rungs.frames.labels import LabelCounts, without_faulty_labels
from rungs.frames.table import FrameWriter

REJECTS_COLUMNS = ("frame_id", "kind", "reason")
LABEL_SET_ASIDE = "label not finite"
"""Kind of a row about a label that is taken for missing; its frame is not refused."""

_MIN_HEIGHT = 0.1
"""Å; a cell whose opposite faces are closer than this is flat for every purpose."""
_MAX_SPREAD = 1000
"""Cells; graphs store images as small integers."""
_SHOWN = 3
_KEPT = 1000

Filter = Callable[[Iterable[Frame | Rejected]], Iterable[Frame | Rejected]]


def reason_to_reject(frame: Frame, limits: Screening) -> str | None:
    """Why the frame is refused, with the number found and the limit; None where it is sound."""
    refused = judge(frame, limits)
    return refused.reason if refused else None


def judge(
    frame: Frame, limits: Screening, set_aside: Mapping[str, str] | None = None
) -> Rejected | None:
    """As :func:`reason_to_reject`, with the frame's id and the kind of fault.

    ``set_aside`` says of labels that the frame has lost before, by name, what was wrong with them.
    """
    for kind, find in _FAULTS.items():
        if reason := find(frame, limits):
            return Rejected(frame.frame_id, reason, kind)
    if not frame.labels:
        lost = f": {'; '.join(set_aside.values())}" if set_aside else ""
        return Rejected(frame.frame_id, f"the frame has no label at all{lost}", "no label")
    return None


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

    Raises:
        StudyError: at the end of the iteration, when no frame passed.
    """

    def __init__(
        self,
        items: Iterable[Frame | Rejected],
        limits: Screening,
        rejects_path: str | os.PathLike,
        filters: Filter | None = None,
    ) -> None:
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
            for item in self._filters(self._judged()):
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

    def _judged(self) -> Iterator[Frame | Rejected]:
        seen: set[str] = set()
        for item in self._items:
            if isinstance(item, Rejected):
                yield item
                continue
            frame, faults = without_faulty_labels(item)
            refused = judge(frame, self._limits, faults)
            if refused is None and frame.frame_id in seen:
                refused = Rejected(
                    frame.frame_id,
                    f"frame id '{frame.frame_id}' occurs more than once; the first one is kept",
                    "duplicate id",
                )
            if refused is None:
                seen.add(frame.frame_id)
                self.labels.add_faulty(faults)
                for fault in faults.values():
                    reason = f"{fault}; the frame stays without this label"
                    yield Rejected(frame.frame_id, reason, LABEL_SET_ASIDE)
            yield refused or frame

    def _nothing_left(self) -> str:
        if not self.n_rejected:
            return "the source holds no frames; check its files in source.data or target.data"
        # Named here too: the rejects file is deleted with a failed job's other outputs.
        kinds = ", ".join(f"{kind}: {count}" for kind, count in self.counts.items())
        shown = "\n".join(f"  {r.frame_id}: {r.reason}" for r in self.rejects[:_SHOWN])
        return (
            f"no frame of the source passed the screening, {self.n_rejected} were refused "
            f"({kinds}); check the keys and units declared for the source, the limits in the "
            f"section screening and the level's filters. The first refused:\n{shown}"
        )


def screen_to_file(
    items: Iterable[Frame | Rejected],
    limits: Screening,
    path: str | os.PathLike,
    rejects_path: str | os.PathLike,
    provenance: Mapping[str, object],
    filters: Filter | None = None,
) -> ScreenedFrames:
    """Write the sound frames of ``items`` to ``path`` and the others to ``rejects_path``.

    Arguments as for :class:`ScreenedFrames`, and what
    :class:`rungs.frames.table.FrameWriter` keeps.

    Returns:
        The finished screened, with its counts.

    Raises:
        StudyError: when no frame passed; then there is no ``path``.
    """
    screened = ScreenedFrames(items, limits, rejects_path, filters)
    with FrameWriter(path, provenance) as writer:
        for frame in screened:
            writer.write(frame)
        writer.labels_not_finite = screened.labels.not_finite
    return screened


def _no_atoms(frame: Frame, _: Screening) -> str | None:
    return "the frame has no atoms" if frame.atomic_numbers.size == 0 else None


def _shape(frame: Frame, _: Screening) -> str | None:
    return frame.shape_fault()


def _not_finite(frame: Frame, _: Screening) -> str | None:
    for name in ("cell", "cart_coords", "temperature"):
        value = getattr(frame, name)
        if value is not None and not np.isfinite(value).all():
            count = int(np.size(value) - np.isfinite(value).sum())
            return f"{name} has {count} of {np.size(value)} values that are no finite number"
    return None


def _element(frame: Frame, _: Screening) -> str | None:
    z = frame.atomic_numbers
    unknown = z[(z < 1) | (z > MAX_ATOMIC_NUMBER)]
    if unknown.size:
        return f"atomic number {unknown[0]} is outside 1 to {MAX_ATOMIC_NUMBER}, CHGNet's elements"
    return None


def _cell(frame: Frame, limits: Screening) -> str | None:
    height = heights(frame.cell).min()
    if not height >= _MIN_HEIGHT:
        return (
            f"the cell is flat: it is {height:.3g} Å across at its thinnest, at least "
            f"{_MIN_HEIGHT:g} Å are needed (volume {frame.volume:.3g} Å³)"
        )
    # No packing of points d apart is denser than the close packing, with d³/√2 a point.
    least = limits.min_distance**3 / np.sqrt(2)
    found = frame.volume / frame.n_atoms
    if found < least * (1 - 1e-9):
        return (
            f"the cell has {found:.3g} Å³ an atom, less than the {least:.3g} Å³ that atoms "
            f"{limits.min_distance:g} Å apart (screening.min_distance) need"
        )
    return None


def _temperature(frame: Frame, _: Screening) -> str | None:
    if frame.temperature is not None and frame.temperature < 0:
        return f"temperature is {frame.temperature:g} K, below 0 K"
    return None


def _spread(frame: Frame, _: Screening) -> str | None:
    fractional = np.linalg.solve(frame.cell.T, frame.cart_coords.T)
    widest = np.ptp(fractional, axis=1).max()
    if widest > _MAX_SPREAD:
        return (
            f"its atoms are spread over {widest:.0f} cells, more than the {_MAX_SPREAD} that a "
            "crystal graph can hold; wrap the positions into the cell"
        )
    return None


def _overlap(frame: Frame, limits: Screening) -> str | None:
    found = shortest_distance(frame, limits.min_distance)
    if found is None:
        return None
    distance, first, second = found
    pair = f"atom {first} and its own image" if first == second else f"atoms {first} and {second}"
    return (
        f"{pair} are {distance:.4g} Å apart, closer than screening.min_distance = "
        f"{limits.min_distance:g} Å"
    )


def _energy(frame: Frame, limits: Screening) -> str | None:
    if frame.energy is not None and abs(frame.energy_per_atom) > limits.max_abs_energy:
        return (
            f"energy is {frame.energy_per_atom:.6g} eV/atom, beyond ± screening.max_abs_energy = "
            f"{limits.max_abs_energy:g} eV/atom"
        )
    return None


def _forces(frame: Frame, limits: Screening) -> str | None:
    largest = 0.0 if frame.forces is None else np.abs(frame.forces).max()
    if largest > limits.max_force:
        return (
            f"largest force component is {largest:.6g} eV/Å, beyond screening.max_force = "
            f"{limits.max_force:g} eV/Å"
        )
    return None


def _stress(frame: Frame, limits: Screening) -> str | None:
    largest = 0.0 if frame.stress is None else np.abs(frame.stress).max()
    if largest > limits.max_stress:
        return (
            f"largest stress component is {largest:.6g} GPa, beyond screening.max_stress = "
            f"{limits.max_stress:g} GPa"
        )
    return None


# In the order of judging: each may rely on those before it.
_FAULTS = {
    "no atoms": _no_atoms,
    "shape": _shape,
    "not finite": _not_finite,
    "element": _element,
    "cell": _cell,
    "spread": _spread,
    "temperature": _temperature,
    "overlap": _overlap,
    "energy": _energy,
    "forces": _forces,
    "stress": _stress,
}
