"""Frames: one format for every source, and the door that each frame passes."""

from rungs.frames.frame import VOIGT, Frame, Rejected

__all__ = ["VOIGT", "Frame", "Rejected"]
