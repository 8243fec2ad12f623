"""Frames: one format for every source, and the screening that each frame has to pass."""

from rungs.frames.frame import LABELS, VOIGT, Frame, Rejected

__all__ = ["LABELS", "VOIGT", "Frame", "Rejected"]
