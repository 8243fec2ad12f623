"""Energies far from that of the material's relaxed structure."""

from collections.abc import Iterator, Sequence

from rungs.config.filters import EnergyWindow
from rungs.frames.frame import Frame, Rejected


def outside(frame: Frame, relaxed: float, name: str, window: EnergyWindow) -> str | None:
    """Why the frame is outside the window around ``relaxed`` (eV/atom); None where it is inside.

    ``name`` says in words what that energy is.
    """
    difference = frame.energy_per_atom - relaxed
    side, limit = ("above", window.above) if difference > 0 else ("below", window.below)
    # A hair is added: differences of energies that files round must not decide.
    if abs(difference) <= limit + 1e-9:
        return None
    return (
        f"energy is {abs(difference):.4g} eV/atom {side} the material's {name} of "
        f"{relaxed:.6g} eV/atom, beyond filters.energy_window.{side} = {limit:g} eV/atom"
    )


def within_lowest(frames: Sequence[Frame], window: EnergyWindow) -> Iterator[Frame | Rejected]:
    """Judge the frames of one material by its lowest energy, where no relaxed energy is told;
    those without an energy pass."""
    energies = (frame.energy_per_atom for frame in frames)
    lowest = min((energy for energy in energies if energy is not None), default=None)
    for frame in frames:
        reason = None
        if frame.relaxed_energy is None and frame.energy is not None:
            reason = outside(frame, lowest, "lowest energy", window)
        yield frame if reason is None else Rejected(frame.frame_id, reason, "energy_window")
