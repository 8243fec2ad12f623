"""All filters of a level, one after the other, over a stream of frames."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from rungs.config.filters import Filters
from rungs.errors import StudyError
from rungs.filters.duplicates import without_near_duplicates
from rungs.filters.energy_window import within_lowest
from rungs.filters.single_frame import KINDS, KNOWLEDGE, SINGLE
from rungs.filters.spool import Spool
from rungs.frames.frame import Frame, Rejected


class FilterChain:
    """Pass frames on, or say why not.

    Filters that judge a frame by itself work on the stream. Those that need the other frames of
    its material wait for the end of the source: the frames lie in a temporary file meanwhile, and
    memory holds one material at a time, wherever its frames stand in the source. They come out
    material by material, in the order of each material's first frame.

    Args:
        filters: the section ``filters`` of a level.
        folder: where the temporary file is put; it has no name there, and is gone with the
            process.
        section: ``source`` or ``target``, for messages.
    """

    def __init__(self, filters: Filters, folder: str | os.PathLike, section: str) -> None:
        self._filters = filters
        self._folder = folder
        self._section = section
        kinds = [KINDS.get(name, name) for name in filters.switched_on]
        self.counts: Counter[str] = Counter(dict.fromkeys(kinds, 0))
        """Number of frames removed, for the kind of each filter that is on."""

    def __call__(self, items: Iterable[Frame | Rejected]) -> Iterator[Frame | Rejected]:
        """Yield each item that passes, and a :class:`Rejected` for each that does not; those that
        come in rejected pass.

        Raises:
            StudyError: at the end, when a filter asks for what no frame of the source tells.
        """
        for item in self._by_material(self._one_by_one(items)):
            if isinstance(item, Rejected) and item.kind in self.counts:
                self.counts[item.kind] += 1
            yield item

    def _one_by_one(self, items: Iterable[Frame | Rejected]) -> Iterator[Frame | Rejected]:
        on = self._filters.switched_on
        judges = {KINDS.get(name, name): SINGLE[name] for name in on if name in SINGLE}
        asked = {name: tells for name, tells in KNOWLEDGE.items() if name in on}
        told: set[str] = set()
        any_frame = False
        for item in items:
            if isinstance(item, Rejected):
                yield item
                continue
            any_frame = True
            told |= {name for name, tells in asked.items() if tells(item, self._filters)}
            reasons = ((kind, judge(item, self._filters)) for kind, judge in judges.items())
            kind, reason = next(((k, reason) for k, reason in reasons if reason), ("", None))
            yield item if reason is None else Rejected(item.frame_id, reason, kind)
        if any_frame and (silent := sorted(asked.keys() - told)):
            raise StudyError(
                f"{self._section}.filters.{silent[0]} is on, but no frame of the {self._section} "
                f"tells {_UNTOLD[silent[0]]}"
            )

    def _by_material(self, items: Iterable[Frame | Rejected]) -> Iterator[Frame | Rejected]:
        window = self._filters.energy_window
        lowest = window is not None and window.relaxed == "lowest"
        duplicates = self._filters.near_duplicates
        if not lowest and duplicates is None:
            yield from items
            return
        with Spool(self._folder) as spool:
            for item in items:
                if isinstance(item, Rejected):
                    yield item
                else:
                    spool.add(item)
            for frames in spool.materials():
                left: Iterable[Frame | Rejected] = frames
                if lowest:
                    left = within_lowest(frames, window)
                if duplicates is not None:
                    left = without_near_duplicates(left, duplicates)
                yield from left


_UNTOLD = {
    "converged": "whether its electronic loop converged; leave the filter out",
    "energy_window": (
        "its material's relaxed energy; set `relaxed: lowest` to take the lowest energy of each "
        "material's frames, or leave the filter out"
    ),
}
