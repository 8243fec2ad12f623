"""Filters that judge each frame by itself."""

from collections.abc import Callable

import numpy as np

from rungs.config.filters import Filters
from rungs.filters.energy_window import outside
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame


def _not_converged(frame: Frame, _: Filters) -> str | None:
    if frame.converged is False:
        return "the electronic loop hit its limit of steps, so the labels are not converged"
    return None


def _elements(frame: Frame, filters: Filters) -> str | None:
    found = {SYMBOLS[z - 1] for z in np.unique(frame.atomic_numbers)}
    asked = filters.elements
    if asked.only is not None and (other := sorted(found - set(asked.only))):
        return f"holds {', '.join(other)}, which filters.elements.only does not list"
    if unwanted := sorted(found & set(asked.without)):
        return f"holds {', '.join(unwanted)}, which filters.elements.without lists"
    return None


def _labelled(frame: Frame, filters: Filters) -> str | None:
    if missing := [name for name in filters.labelled if name not in frame.labels]:
        return f"has no {', no '.join(missing)}, for which filters.labelled asks"
    return None


def _energy_window(frame: Frame, filters: Filters) -> str | None:
    if frame.relaxed_energy is None or frame.energy is None:
        return None
    return outside(frame, frame.relaxed_energy, "relaxed energy", filters.energy_window)


SINGLE: dict[str, Callable[[Frame, Filters], str | None]] = {
    "labelled": _labelled,
    "converged": _not_converged,
    "elements": _elements,
    "energy_window": _energy_window,
}
"""For each filter: the reason to remove a frame, with numbers; None where it stays."""

KINDS = {"labelled": "missing label"}
"""Kind of fault in the rejects file, of filters that are not called by their name there."""

KNOWLEDGE: dict[str, Callable[[Frame, Filters], bool]] = {
    "converged": lambda frame, _: frame.converged is not None,
    "energy_window": lambda frame, filters: (
        frame.relaxed_energy is not None or filters.energy_window.relaxed == "lowest"
    ),
}
"""For filters that need to be told something by the source: whether they can judge a frame."""
