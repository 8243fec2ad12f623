"""The properties that a potential predicts, and how their errors are given."""

from typing import NamedTuple

PROPERTIES = ("energy", "force", "stress", "magmom")
UNITS = {"energy": "meV/atom", "force": "meV/Å", "stress": "GPa", "magmom": "μB"}


class PropertyError(NamedTuple):
    """Errors of one property, in the unit of ``UNITS``."""

    mae: float
    rmse: float
    n: int
    """Numbers compared: frames, force components, stress components or atoms."""
