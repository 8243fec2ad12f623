"""What is wrong with a frame by itself, with the number found and the limit."""

from collections.abc import Mapping

import numpy as np

from rungs.config.data import Screening
from rungs.frames.distances import heights, shortest_distance
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame, Rejected

_MIN_HEIGHT = 0.1
"""Å; a cell whose opposite faces are closer than this is flat for every purpose."""
_MAX_SPREAD = 1000
"""Cells; graphs store images as small integers."""


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
    "forces": _forces,
    "stress": _stress,
}
